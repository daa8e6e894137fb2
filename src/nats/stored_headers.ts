/** The headers that a stored event has. */

import type { NatsMessageLike } from "./connection.ts";

/** The header that has an event's id. */
export const MSG_ID = "Nats-Msg-Id";
/** The header of trace context. */
export const TRACEPARENT = "traceparent";

/** What headers say of an event; "" for what they do not. */
export interface StoredHeaders {
  /** The value of `Nats-Msg-Id`. */
  readonly eventId: string;
  /** The value of `traceparent`. */
  readonly traceparent: string;
}

/** What a message of nats-core keeps: it takes the headers apart only when it is asked for them. */
interface Received {
  readonly _msg?: { readonly hdr?: unknown };
  readonly _rdata?: unknown;
}

const NONE: StoredHeaders = { eventId: "", traceparent: "" };
const LINE_END = "\r\n";

const decoder = new TextDecoder();

/**
 * The headers of a stored event. nats-core makes a map of all headers, with a check of every name
 * and value, and searches it for each name: that takes longer than everything else that is done
 * with a message that is read. So they are cut out of the bytes that it received, where those are
 * to be had.
 */
export function storedHeaders(message: NatsMessageLike): StoredHeaders {
  const block = headerBlock(message);
  if (block !== undefined) return parseHeaders(decoder.decode(block));
  const { headers } = message;
  if (headers === undefined) return NONE;
  return { eventId: headers.get(MSG_ID), traceparent: headers.get(TRACEPARENT) };
}

/** The headers of a message as they were received, or `undefined` where they are not to be had. */
export function headerBlock(message: NatsMessageLike): Uint8Array | undefined {
  const { _msg, _rdata } = message as Received;
  const size = _msg?.hdr;
  const isKnown = typeof size === "number" && size > 0 && _rdata instanceof Uint8Array;
  return isKnown ? _rdata.subarray(0, size) : undefined;
}

/** The first value of each name, without the white space around it, as nats-core's `get` has it. */
function parseHeaders(text: string): StoredHeaders {
  let eventId: string | undefined;
  let traceparent: string | undefined;
  let end = text.indexOf(LINE_END);
  while (end >= 0) {
    const start = end + LINE_END.length;
    end = text.indexOf(LINE_END, start);
    if (text.startsWith(MSG_ID, start)) eventId ??= valueOf(text, start + MSG_ID.length, end);
    else if (text.startsWith(TRACEPARENT, start)) {
      traceparent ??= valueOf(text, start + TRACEPARENT.length, end);
    }
  }
  return { eventId: eventId ?? "", traceparent: traceparent ?? "" };
}

/** The value behind a name, or `undefined` where the name goes on. */
function valueOf(text: string, at: number, end: number): string | undefined {
  if (text[at] !== ":") return undefined;
  return text.slice(at + 1, end < 0 ? undefined : end).trim();
}
