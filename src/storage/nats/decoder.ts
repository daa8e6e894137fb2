/** From messages to events, with an eye on those that are none. */

import { isJobEventError, JobEventError, messageOf } from "../../errors.ts";
import { decodeStoredJobEvent } from "../../gen/decode.ts";
import type { StoredJobEvent } from "../../gen/types.ts";
import type { StreamMessage } from "../../nats/message.ts";

/** A message in the stream that is no event of this package. */
export interface UndecodableMessage {
  /** Its position. */
  readonly sequence: number;
  /** The subject it was stored under. */
  readonly subject: string;
  /** What was stored. */
  readonly payload: Uint8Array;
  /** What is wrong with it: `ERR_DECODE`. */
  readonly error: JobEventError;
}

/** Decodes messages, and reports and counts those that cannot be. */
export class EventDecoder {
  readonly #onError: ((message: UndecodableMessage) => void) | undefined;
  #failures = 0;

  /**
   * Makes a decoder.
   *
   * @param onError Told of each message that cannot be decoded.
   */
  constructor(onError: ((message: UndecodableMessage) => void) | undefined) {
    this.#onError = onError;
  }

  /** How many messages could not be decoded. */
  get failures(): number {
    return this.#failures;
  }

  /** The event of a message, or why there is none. */
  decode(message: StreamMessage): StoredJobEvent | JobEventError {
    const { sequence, subject, data, messageId } = message;
    try {
      // What other programs publish may have no id; the position is one, too.
      return decodeStoredJobEvent(data, subject, sequence, messageId ?? `sequence-${sequence}`);
    } catch (cause) {
      const text = `Cannot read message ${sequence} under ${subject}: ${messageOf(cause)}`;
      const error = new JobEventError("ERR_DECODE", text, { cause });
      this.#report({ sequence, subject, payload: data, error });
      return error;
    }
  }

  #report(message: UndecodableMessage): void {
    this.#failures++;
    try {
      this.#onError?.(message);
    } catch {
      // The message was skipped; a callback that fails must not end the read.
    }
  }
}

/** Whether a message was decoded. */
export function isEvent(decoded: StoredJobEvent | JobEventError): decoded is StoredJobEvent {
  return !isJobEventError(decoded);
}
