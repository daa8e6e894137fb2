/** The headers of a publish: the message id, and the stream that is meant. */

import { isTraceparent } from "../event/traceparent.ts";
import type { NatsHeadersLike } from "./connection.ts";
import { MSG_ID, TRACEPARENT } from "./stored_headers.ts";

const HEAD = "NATS/1.0\r\n";
const EXPECTED_STREAM = "Nats-Expected-Stream";
const END = "\r\n\r\n";

/** Longer ids are refused: the server keeps each of them for the time of its duplicate window. */
export const MAX_EVENT_ID_BYTES = 256;
/** Headers are cut from pieces of this size, because each array of its own costs more than its
 * bytes. */
const CHUNK_BYTES = 32 * 1024;

const encoder = new TextEncoder();

/**
 * Makes headers of one kind quickly: everything but the id is encoded once. nats-core's own headers
 * check and encode every name and value for every message, which is most of the cost of a publish.
 */
export class MsgIdHeaderWriter {
  readonly #start: Uint8Array;
  #chunk = new Uint8Array(0);
  #position = 0;

  /**
   * Encodes what all headers have in common.
   *
   * @param streamName The stream that is to take the messages: any other refuses them.
   */
  constructor(streamName: string | undefined) {
    const expected = streamName === undefined ? "" : `${EXPECTED_STREAM}: ${streamName}\r\n`;
    this.#start = encoder.encode(`${HEAD}${expected}${MSG_ID}: `);
  }

  /**
   * The headers for an event; `undefined` for an id that cannot be in a header.
   *
   * @param traceparent Left out where it is not valid.
   */
  write(eventId: string, traceparent?: string): MsgIdHeaders | undefined {
    const { length } = eventId;
    if (length === 0 || length > MAX_EVENT_ID_BYTES) return undefined;
    const trace = isTraceparent(traceparent) ? `\r\n${TRACEPARENT}: ${traceparent}` : "";
    // An id that is not ASCII needs up to three bytes for each of its UTF-16 units.
    const chunk = this.#reserve(this.#start.length + length * 3 + trace.length + END.length);
    const start = this.#position;
    let position = start + this.#start.length;
    chunk.set(this.#start, start);
    for (let index = 0; index < length; index++) {
      const unit = eventId.charCodeAt(index);
      if (unit > 0x20 && unit < 0x7f) {
        chunk[position++] = unit;
        continue;
      }
      const size = writeUnusual(eventId, index, chunk.subarray(position));
      if (size < 0) return undefined;
      position += size;
      break;
    }
    if (trace !== "") position += encoder.encodeInto(trace, chunk.subarray(position)).written;
    chunk[position++] = 13;
    chunk[position++] = 10;
    chunk[position++] = 13;
    chunk[position++] = 10;
    this.#position = position;
    return new MsgIdHeaders(eventId, chunk.subarray(start, position));
  }

  #reserve(size: number): Uint8Array {
    // What was cut from the old piece belongs to the client until it has sent it.
    if (this.#position + size > this.#chunk.length) {
      this.#chunk = new Uint8Array(CHUNK_BYTES);
      this.#position = 0;
    }
    return this.#chunk;
  }
}

// A line break would end the header, and white space at its ends would not come back.
// deno-lint-ignore no-control-regex
const UNFIT = /[\u0000-\u0020\u007f]/;

/** Writes the rest of an id that has more than plain characters. -1 for one that is unfit. */
function writeUnusual(eventId: string, from: number, target: Uint8Array): number {
  if (UNFIT.test(eventId) || !eventId.isWellFormed()) return -1;
  return encoder.encodeInto(eventId.slice(from), target).written;
}

/** Encoded headers, in the form that a connection takes. */
export class MsgIdHeaders implements NatsHeadersLike {
  readonly code = 0;
  readonly description = "";
  readonly #eventId: string;
  /** The encoded form. */
  readonly bytes: Uint8Array;

  /**
   * Wraps headers that are encoded.
   *
   * @param eventId The message id.
   * @param bytes All of the headers, with the empty line at the end.
   */
  constructor(eventId: string, bytes: Uint8Array) {
    this.#eventId = eventId;
    this.bytes = bytes;
  }

  /** What the client calls when it sends the message. */
  encode(): Uint8Array {
    return this.bytes;
  }

  /** The message id by its name. */
  get(name: string): string {
    return name === MSG_ID ? this.#eventId : "";
  }

  /** Whether it is the name of the message id. */
  has(name: string): boolean {
    return name === MSG_ID;
  }

  /** Refuses: the headers are encoded already. */
  set(name: string, _value: string): void {
    throw new TypeError(`Cannot set header ${name}: these headers are encoded already`);
  }
}
