/** Messages of groups that are kept beside the stream of events, each with what it was. */

import type { NatsHeadersLike } from "./connection.ts";
import { MessageHeaders } from "./headers.ts";
import { readHistory } from "./history.ts";
import { lastHeader, type StreamMessage } from "./message.ts";
import type { ReadContext } from "./patience.ts";
import { TRACEPARENT } from "./stored_headers.ts";

/** A message, as it was delivered, that a group keeps. */
export interface KeptMessage {
  /** The event's own position, subject, id and bytes. */
  readonly message: StreamMessage;
  /** The token of the group. */
  readonly group: string;
  /** How often it was delivered. */
  readonly deliveryCount: number;
  /** Why it is kept, as {@linkcode fitReason} gives it. */
  readonly reason: string;
  /** Since when it is kept, in milliseconds since the Unix epoch. */
  readonly keptAt: number;
}

const HEADER = {
  reason: "Naq-Reason",
  subject: "Naq-Subject",
  sequence: "Naq-Sequence",
  deliveryCount: "Naq-Delivery-Count",
  keptAt: "Naq-Kept-At",
  eventId: "Naq-Event-Id",
  omitted: "Naq-Payload-Omitted",
} as const;

const MAX_REASON_LENGTH = 1000;
/** More than all headers take: two subjects, an id and a reason of three bytes a character. */
const HEADER_ROOM_BYTES = 6 * 1024;
// What would end a header, or a line of text somewhere.
// deno-lint-ignore no-control-regex
const UNFIT = /[\u0000-\u001f\u007f]+/g;

/** A reason as a header can have it. */
export function fitReason(reason: string): string {
  const text = reason.toWellFormed().replace(UNFIT, " ").trim();
  return text.slice(0, MAX_REASON_LENGTH).toWellFormed();
}

/** What is published to keep a message. */
export interface KeptForm {
  /** What comes behind the name of the stream: `{group}.{job}.{sequence}`. */
  readonly tail: string;
  readonly headers: NatsHeadersLike;
  readonly payload: Uint8Array;
}

/**
 * How a message is kept.
 *
 * @param prefix What the subjects of events begin with.
 * @param maxPayload What the server accepts, in bytes: a larger event is kept without its bytes.
 */
export function keep(kept: KeptMessage, prefix: string, maxPayload: number): KeptForm {
  const { message, group, reason, deliveryCount, keptAt } = kept;
  const { subject, sequence, payload: bytes, eventId, traceparent } = message;
  const [job] = subject.slice(prefix.length + 1).split(".");
  const headers = new MessageHeaders();
  headers.set(HEADER.reason, reason);
  headers.set(HEADER.subject, subject);
  headers.set(HEADER.sequence, String(sequence));
  headers.set(HEADER.deliveryCount, String(deliveryCount));
  headers.set(HEADER.keptAt, String(keptAt));
  if (eventId !== undefined) headers.set(HEADER.eventId, eventId);
  if (traceparent !== undefined) headers.set(TRACEPARENT, traceparent);
  const isTooLarge = bytes.length > maxPayload - HEADER_ROOM_BYTES;
  if (isTooLarge) headers.set(HEADER.omitted, "1");
  const payload = isTooLarge ? new Uint8Array() : bytes;
  return { tail: `${group}.${job}.${sequence}`, headers, payload };
}

/** The message that was kept, or `undefined` for one of another program. */
export function readKept(stored: StreamMessage): KeptMessage | undefined {
  const { subject, received, payload, traceparent } = stored;
  const headers = received?.headers;
  if (headers === undefined || !headers.has(HEADER.subject)) return undefined;
  const eventId = headers.get(HEADER.eventId);
  return {
    message: {
      sequence: Number(headers.get(HEADER.sequence)),
      subject: headers.get(HEADER.subject),
      payload,
      ...(eventId === "" ? {} : { eventId }),
      ...(traceparent === undefined ? {} : { traceparent }),
      ...(headers.has(HEADER.omitted) ? { isOmitted: true } : {}),
    },
    // `{stream}.{group}.{job}.{sequence}`; headers can be changed, this cannot.
    group: subject.split(".")[1] ?? "",
    reason: lastHeader(headers, HEADER.reason),
    deliveryCount: Number(headers.get(HEADER.deliveryCount)),
    keptAt: Number(headers.get(HEADER.keptAt)),
  };
}

/**
 * The message with its bytes: those that were too large to be kept are taken from the event, if it
 * is still there.
 *
 * @param events That of the stream of events.
 */
export async function completed(
  events: ReadContext,
  message: StreamMessage,
): Promise<StreamMessage> {
  if (message.isOmitted !== true) return message;
  const { subject, sequence } = message;
  const options = {
    patterns: [subject],
    afterSequence: sequence - 1,
    order: "oldest",
    wanted: 1,
  } as const;
  for await (const [first] of readHistory(events, options)) {
    return first?.sequence === sequence ? first : message;
  }
  return message;
}
