/** The state of a stream, as it is right now. */

import { messageOf } from "../errors.ts";
import type { StorageHealth } from "../storage/storage.ts";
import type { EventStream, StreamInfo } from "./stream.ts";

/**
 * Asks the server for the state of a stream. Never throws, and ends within its time.
 *
 * @param timeoutMs The time, in milliseconds.
 * @param closed Why the server is not asked at all.
 */
export async function checkHealth(
  stream: EventStream,
  timeoutMs: number,
  closed?: string,
): Promise<StorageHealth> {
  const { connection } = stream;
  const base = {
    streamName: stream.name,
    subjects: [stream.subjects.all()],
    serverVersion: connection.info?.version ?? stream.capabilities.serverVersion,
  };
  const started = performance.now();
  const failed = (status: "disconnected" | "error", error: string): StorageHealth => ({
    status,
    ...base,
    ...EMPTY,
    rttMs: performance.now() - started,
    error,
  });
  if (closed !== undefined) return failed("disconnected", closed);
  if (connection.isClosed()) return failed("disconnected", "The connection is closed");
  let timer: ReturnType<typeof setTimeout> | undefined;
  const late = new Promise<undefined>((resolve) => {
    timer = setTimeout(() => resolve(undefined), timeoutMs);
  });
  try {
    // Less than the whole time: an answer that says why is better than none.
    const asking = stream.request<StreamInfo>(`STREAM.INFO.${stream.name}`, undefined, {
      timeoutMs: Math.max(timeoutMs * 0.9, 1),
    });
    asking.catch(() => {});
    const info = await Promise.race([asking, late]);
    if (info === undefined) {
      return failed("disconnected", `The server did not answer within ${timeoutMs} ms`);
    }
    return {
      status: "healthy",
      ...base,
      subjects: [...info.config.subjects ?? base.subjects],
      ...counts(info),
      rttMs: performance.now() - started,
    };
  } catch (error) {
    return failed(isAway(error) ? "disconnected" : "error", messageOf(error));
  } finally {
    clearTimeout(timer);
  }
}

const EMPTY = { messages: 0, bytes: 0, firstSequence: 0, lastSequence: 0, consumers: 0 };

function counts({ state }: StreamInfo): typeof EMPTY {
  return {
    messages: state.messages,
    bytes: state.bytes,
    // The server says where the next first event will be when there is none.
    firstSequence: state.messages === 0 ? 0 : state.first_seq,
    lastSequence: state.last_seq,
    consumers: state.consumer_count,
  };
}

function isAway(error: unknown): boolean {
  const { code } = error as { readonly code?: unknown };
  return code === "ERR_UNAVAILABLE" || code === "ERR_TIMEOUT" || code === "ERR_CLOSED";
}
