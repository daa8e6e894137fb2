/** From stored bytes to events, with an eye on those that are none. */

import { isJobEventError, JobEventError, messageOf } from "../errors.ts";
import { decodeStoredJobEvent } from "../gen/decode.ts";
import type { StoredJobEvent } from "../gen/types.ts";
import type { UndecodableMessage } from "./storage.ts";

export type { UndecodableMessage };

/** Told of a message that cannot be decoded. */
export type OnDecodeError = ((message: UndecodableMessage) => unknown) | undefined;

/** What is stored of an event. */
export interface StoredMessage {
  /** Its position. */
  readonly sequence: number;
  /** The subject it was stored under. */
  readonly subject: string;
  /** The encoded event. */
  readonly payload: Uint8Array;
  /** The event's id; what other programs store may have none. */
  readonly eventId?: string | undefined;
  /** The trace that it belongs to; absent or `null` for none. */
  readonly traceparent?: string | null | undefined;
}

/** Decodes messages, and reports and counts those that cannot be. */
export class EventDecoder {
  readonly #onError: OnDecodeError;
  #failures = 0;

  /**
   * Makes a decoder.
   *
   * @param onError Told of each message that cannot be decoded.
   */
  constructor(onError: OnDecodeError) {
    this.#onError = onError;
  }

  /** How many messages could not be decoded. */
  get failures(): number {
    return this.#failures;
  }

  /**
   * The event of a message, or why there is none: the bytes were damaged, or a newer version of
   * this package wrote them.
   *
   * @param onError Told too, if it cannot be decoded.
   */
  decode(message: StoredMessage, onError?: OnDecodeError): StoredJobEvent | JobEventError {
    const { sequence, subject, payload, traceparent } = message;
    const { eventId = `sequence-${sequence}` } = message;
    try {
      return decodeStoredJobEvent(payload, subject, sequence, eventId, traceparent ?? undefined);
    } catch (cause) {
      const text = `Cannot read event ${sequence} under ${subject}: ${messageOf(cause)}`;
      const error = new JobEventError("ERR_DECODE", text, { cause });
      this.#failures++;
      const undecodable: UndecodableMessage = { sequence, subject, payload, error };
      tell(this.#onError, undecodable);
      tell(onError, undecodable);
      return error;
    }
  }

  /** The events of messages, without those that cannot be decoded. */
  decodeAll(messages: readonly StoredMessage[], onError?: OnDecodeError): StoredJobEvent[] {
    return messages.map((message) => this.decode(message, onError)).filter(isEvent);
  }
}

/** Whether a message was decoded. */
export function isEvent(decoded: StoredJobEvent | JobEventError): decoded is StoredJobEvent {
  return !isJobEventError(decoded);
}

/** The message was skipped; a callback that throws or rejects must not end the read. */
function tell(onError: OnDecodeError, message: UndecodableMessage): void {
  try {
    Promise.resolve(onError?.(message)).catch(() => {});
  } catch {
    // See above.
  }
}
