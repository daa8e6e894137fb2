/** Stores one message and waits for its acknowledgement. */

import { JobEventError } from "../errors.ts";
import type { NatsHeadersLike } from "./connection.ts";
import { connectionError } from "./foreign_errors.ts";
import type { ReadContext } from "./patience.ts";
import { AckReader } from "./publish_ack.ts";

/** The time for one acknowledgement, in milliseconds. */
const STORE_TIMEOUT_MS = 5000;

/** A message for a stream. */
export interface NewMessage {
  readonly subject: string;
  readonly payload: Uint8Array;
  readonly headers: NatsHeadersLike;
}

/**
 * Stores a message in the stream of a context: one attempt.
 *
 * @returns Its position.
 * @throws {JobEventError} It is not stored, or nobody knows whether it is.
 */
export async function storeMessage(
  { stream: { name }, link }: Pick<ReadContext, "stream" | "link">,
  { subject, payload, headers }: NewMessage,
): Promise<number> {
  const action = `Cannot store a message in stream "${name}"`;
  const options = { timeout: STORE_TIMEOUT_MS, headers };
  const reply = await link.unlessLost(link.connection.request(subject, payload, options))
    .catch((error) => {
      throw connectionError(action, error);
    });
  const outcome = new AckReader(name).read(reply, subject);
  if (outcome === undefined) {
    const text = `${action}: the answer is not one of JetStream's`;
    throw new JobEventError("ERR_UNAVAILABLE", text);
  }
  if ("error" in outcome) throw outcome.error;
  return outcome.sequence;
}
