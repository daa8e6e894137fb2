/** Tells the server what became of deliveries. */

import { isJobEventError, JobEventError } from "../errors.ts";
import { consumerInfo, NANOS_PER_MS } from "./ephemeral.ts";
import { connectionError } from "./foreign_errors.ts";
import type { GroupDelivery } from "./group_delivery.ts";
import { pause } from "./link.ts";
import { isTransient } from "./patience.ts";

/** What the server can be told of a delivery. */
export type Settlement = "ack" | "progress" | { readonly nakMs: number };

/** The form of each settlement. */
export const ACK: Uint8Array = encode("+ACK");
/** To be delivered again, at once. */
export const NAK: Uint8Array = encode("-NAK");
/** The time begins anew. */
export const PROGRESS: Uint8Array = encode("+WPI");

/** Short at first: a server that has just started may not answer at all. */
const FIRST_TIMEOUT_MS = 500;
const LONGEST_TIMEOUT_MS = 5000;
const FIRST_PAUSE_MS = 20;
const LONGEST_PAUSE_MS = 2000;

/**
 * Tells the server what became of a delivery, and waits until it knows.
 *
 * @param delivery What is settled.
 * @param untilMs Goes on asking until then, in milliseconds since the Unix epoch.
 * @throws {JobEventError} `ERR_LEASE_LOST`: the group or the stream is not there any more, or the
 * server has forgotten the delivery. `ERR_UNAVAILABLE` or `ERR_TIMEOUT`: the server did not answer.
 */
export async function settle(
  delivery: GroupDelivery,
  settlement: Settlement,
  untilMs: number,
): Promise<void> {
  const { ackSubject, context: { link } } = delivery;
  const body = bodyOf(settlement);
  let timeout = FIRST_TIMEOUT_MS;
  for (let pauseMs = FIRST_PAUSE_MS;; pauseMs = Math.min(pauseMs * 2, LONGEST_PAUSE_MS)) {
    // What is sent while the connection is down is thrown away.
    await link.whenUp(Math.max(untilMs - Date.now(), 0));
    try {
      await link.unlessLost(link.connection.request(ackSubject, body, { timeout }));
      return;
    } catch (cause) {
      const error = connectionError(`Cannot ${name(settlement)} delivery`, cause);
      if (!isTransient(error)) throw error;
      if (await isForgotten(delivery)) throw lost(settlement, cause);
      if (Date.now() + pauseMs >= untilMs) throw error;
    }
    timeout = Math.min(timeout * 2, LONGEST_TIMEOUT_MS);
    await pause(pauseMs);
  }
}

/**
 * Whether there is nothing to settle: the group is gone, or the server does not know that it
 * delivered the message. One that was killed may have forgotten its last deliveries; it answers
 * nothing when they are settled, and delivers the messages again.
 */
async function isForgotten({ context: { stream, link }, info }: GroupDelivery): Promise<boolean> {
  if (!link.isUp) return false;
  try {
    const group = await link.unlessLost(consumerInfo(stream, info.consumer));
    return group === undefined || (group.delivered?.stream_seq ?? Infinity) < info.streamSequence;
  } catch (error) {
    return isJobEventError(error) && error.code === "ERR_NOT_FOUND";
  }
}

/** What a delivery is settled with. */
export function bodyOf(settlement: Settlement): Uint8Array {
  if (settlement === "ack") return ACK;
  if (settlement === "progress") return PROGRESS;
  const { nakMs } = settlement;
  if (nakMs === 0) return NAK;
  return encode(`-NAK ${JSON.stringify({ delay: Math.round(nakMs * NANOS_PER_MS) })}`);
}

function lost(settlement: Settlement, cause: unknown): JobEventError {
  return new JobEventError(
    "ERR_LEASE_LOST",
    `Cannot ${name(settlement)} delivery: its group or its stream was deleted, or the server was ` +
      "killed and has forgotten the delivery",
    { cause },
  );
}

function name(settlement: Settlement): string {
  if (typeof settlement === "object") return "give back";
  return settlement === "ack" ? "acknowledge" : "extend";
}

function encode(text: string): Uint8Array {
  return new TextEncoder().encode(text);
}
