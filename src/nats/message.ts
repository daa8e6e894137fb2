/** Messages of a stream, however they were read. */

import { isTraceparent } from "../event/traceparent.ts";
import type { NatsHeadersLike, NatsMessageLike } from "./connection.ts";
import { storedHeaders } from "./stored_headers.ts";

/** One message of a stream. */
export interface StreamMessage {
  /** Its position. */
  readonly sequence: number;
  /** The subject it was stored under. */
  readonly subject: string;
  /** What was stored. */
  readonly payload: Uint8Array;
  /** The value of its `Nats-Msg-Id`; absent for one that was published without. */
  readonly eventId?: string;
  /** The value of its `traceparent`, if it has one that is valid. */
  readonly traceparent?: string;
  /** What it came in; absent for one that was put together. */
  readonly received?: NatsMessageLike;
  /** Whether its bytes were too many to be kept with it. @default they are in `payload` */
  readonly isOmitted?: boolean;
}

/** What the reply subject of a message says that a consumer delivered. */
export interface DeliveryInfo {
  /** The name of the consumer. */
  readonly consumer: string;
  /** How often the message was delivered, with this time. */
  readonly deliveryCount: number;
  /** The position in the stream. */
  readonly streamSequence: number;
  /** The position among the deliveries of the consumer, without a gap. */
  readonly consumerSequence: number;
  /** When the message was stored, in milliseconds since the Unix epoch. */
  readonly storedAtMs: number;
  /** How many messages the consumer has still to deliver. */
  readonly pending: number;
}

const NANOS_PER_MS = 1_000_000;
/** `$JS.ACK.{stream}.{consumer}.{count}.{stream seq}.{consumer seq}.{time}.{pending}` */
const SHORT_TOKENS = 9;
/** The same with a domain and an account after `$JS.ACK`, and maybe a random token at the end. */
const LONG_TOKENS = 11;

/**
 * What a delivery's reply subject says, or `undefined` for a subject of another form. Every message
 * that is read comes through here, so it is taken apart from its end without an array of tokens.
 */
export function parseAckSubject(reply: string | undefined): DeliveryInfo | undefined {
  if (reply === undefined || !reply.startsWith("$JS.ACK.")) return undefined;
  let tokens = 1;
  for (let at = reply.indexOf("."); at >= 0; at = reply.indexOf(".", at + 1)) tokens++;
  if (tokens !== SHORT_TOKENS && tokens < LONG_TOKENS) return undefined;
  let end = reply.length;
  const previous = (): string => {
    const start = reply.lastIndexOf(".", end - 1) + 1;
    const token = reply.slice(start, end);
    end = start - 1;
    return token;
  };
  for (let extra = tokens - LONG_TOKENS; extra > 0; extra--) previous();
  const pending = Number(previous());
  const storedAtMs = Number(previous()) / NANOS_PER_MS;
  const consumerSequence = Number(previous());
  const streamSequence = Number(previous());
  if (!Number.isSafeInteger(streamSequence)) return undefined;
  const deliveryCount = Number(previous());
  const consumer = previous();
  return { consumer, deliveryCount, streamSequence, consumerSequence, storedAtMs, pending };
}

/** The message that a consumer delivered. */
export function deliveredMessage(message: NatsMessageLike, sequence: number): StreamMessage {
  return toMessage(message, sequence, message.subject);
}

/** The message that an answer of Direct Get has, or `undefined` where it has none. */
export function directMessage(message: NatsMessageLike): StreamMessage | undefined {
  const { headers } = message;
  if (headers === undefined) return undefined;
  const sequence = headerNumber(headers, "Nats-Sequence");
  const subject = lastHeader(headers, "Nats-Subject");
  if (sequence === undefined || subject === "") return undefined;
  return toMessage(message, sequence, subject);
}

/**
 * The last value of a header, or "". The server adds its headers behind those that were stored,
 * and whoever stored the message may have used the same names.
 */
export function lastHeader(headers: NatsHeadersLike, name: string): string {
  const { last } = headers as { last?(name: string): string };
  return last === undefined ? headers.get(name) : last.call(headers, name);
}

/** The number that a header has, or `undefined` where it has none. */
export function headerNumber(headers: NatsHeadersLike, name: string): number | undefined {
  const text = lastHeader(headers, name);
  const value = Number(text);
  return text !== "" && Number.isSafeInteger(value) ? value : undefined;
}

function toMessage(message: NatsMessageLike, sequence: number, subject: string): StreamMessage {
  const { eventId, traceparent } = storedHeaders(message);
  const found: { -readonly [Key in keyof StreamMessage]: StreamMessage[Key] } = {
    sequence,
    subject,
    payload: message.data,
    received: message,
  };
  if (eventId !== "") found.eventId = eventId;
  if (isTraceparent(traceparent)) found.traceparent = traceparent;
  return found;
}
