/** From stored bytes to events, with an eye on those that are none. */

import { isJobEventError, JobEventError, messageOf } from "../errors.ts";
import { decodeStoredJobEvent } from "../gen/decode.ts";
import type { StoredJobEvent } from "../gen/types.ts";
import { DecodeFailures, type OnDecodeError } from "./decode_failures.ts";
import type { UndecodableMessage } from "./storage.ts";

export type { UndecodableMessage };

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
  readonly #failures: DecodeFailures;

  /**
   * Makes a decoder.
   *
   * @param onError Told of each message that cannot be decoded.
   */
  constructor(onError: OnDecodeError) {
    this.#failures = new DecodeFailures(onError);
  }

  /** How many messages could not be decoded. */
  get failures(): number {
    return this.#failures.count;
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
      this.#failures.report({ sequence, subject, payload, error }, onError);
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
