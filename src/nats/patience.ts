/** Asking again: in spite of lost connections and of servers that start. */

import { isJobEventError, JobEventError } from "../errors.ts";
import { type ConnectionLink, pause } from "./link.ts";
import type { ReplyInbox } from "./replies.ts";
import type { EventStream } from "./stream.ts";

/** What reads share: one stream, one connection, one inbox. */
export interface ReadContext {
  /** What is read. */
  readonly stream: EventStream;
  /** Whether the server can be asked right now. */
  readonly link: ConnectionLink;
  /** Where answers come. */
  readonly inbox: ReplyInbox;
  /** How long to go on asking while the server does not answer, in milliseconds. */
  readonly patienceMs: number;
}

const FIRST_PAUSE_MS = 20;
const LONGEST_PAUSE_MS = 500;

/**
 * Asks until there is an answer, the time is over or the error is one that stays.
 *
 * @param attempt Asks once.
 * @param signal Ends the waits.
 * @throws {JobEventError} The last error.
 */
export async function patiently<Value>(
  { stream, link, patienceMs }: ReadContext,
  attempt: () => Promise<Value>,
  signal?: AbortSignal,
): Promise<Value> {
  const deadline = Date.now() + patienceMs;
  for (let pauseMs = FIRST_PAUSE_MS;; pauseMs = Math.min(pauseMs * 2, LONGEST_PAUSE_MS)) {
    // What is sent while the connection is down is thrown away, and waits for nothing. While it is
    // up, the question goes out before anything that the caller sends next.
    if (!link.isUp) await link.whenUp(Math.max(deadline - Date.now(), 0), signal);
    try {
      if (!link.isUp && !link.connection.isClosed()) throw away(stream);
      return await link.unlessLost(attempt());
    } catch (error) {
      if (!isTransient(error) || link.connection.isClosed()) throw error;
      if (signal?.aborted || Date.now() + pauseMs >= deadline) throw error;
    }
    await pause(pauseMs, signal);
    // A stream that was deleted does not answer: this says so.
    if (link.isUp) await link.unlessLost(stream.info()).catch(rethrowUnlessTransient);
  }
}

function away({ name }: EventStream): JobEventError {
  return new JobEventError(
    "ERR_UNAVAILABLE",
    `Cannot ask for stream "${name}": the connection is down`,
  );
}

/** Whether asking again may help. */
export function isTransient(error: unknown): boolean {
  return isJobEventError(error) &&
    (error.code === "ERR_UNAVAILABLE" || error.code === "ERR_TIMEOUT");
}

function rethrowUnlessTransient(error: unknown): void {
  if (!isTransient(error)) throw error;
}
