/** What a record must be like to be sent: what would break the connection never reaches it. */

import { JobEventError } from "../errors.ts";
import type { JobEventRecord } from "../storage/storage.ts";

/**
 * The longest subject. A line of the protocol is limited, to 4,096 bytes by default, and a longer
 * one costs the connection; the line has the reply subject and two numbers, too.
 */
export const MAX_SUBJECT_BYTES = 3072;

const DOT = 46;
const STAR = 42;
const ARROW = 62;
const DELETE = 127;
const encoder = new TextEncoder();

/** Why a record can never be sent, or `undefined` when it can. */
export function checkSubject({ eventId, subject }: JobEventRecord): JobEventError | undefined {
  if (!isSubject(subject)) {
    return new JobEventError(
      "ERR_INVALID_EVENT",
      `Cannot store event ${show(eventId)}: its subject is ${show(subject)}`,
    );
  }
  // In UTF-8 a unit has three bytes at the most, so short subjects need no counting.
  if (subject.length * 3 <= MAX_SUBJECT_BYTES) return undefined;
  const { length } = encoder.encode(subject);
  if (length <= MAX_SUBJECT_BYTES) return undefined;
  return new JobEventError(
    "ERR_EVENT_TOO_LARGE",
    `Cannot store event ${show(eventId)}: its subject has ${length} bytes, more than the ` +
      `${MAX_SUBJECT_BYTES} that fit`,
  );
}

/** Whether a text is a subject to publish to: no empty token, no wildcard, no white space. */
function isSubject(subject: string): boolean {
  if (typeof subject !== "string") return false;
  const { length } = subject;
  let start = 0;
  for (let index = 0; index <= length; index++) {
    const unit = index === length ? DOT : subject.charCodeAt(index);
    if (unit <= 0x20 || unit === DELETE) return false;
    if (unit !== DOT) continue;
    if (index === start) return false;
    const only = index === start + 1 ? subject.charCodeAt(start) : 0;
    if (only === STAR || only === ARROW) return false;
    start = index + 1;
  }
  return true;
}

/** The error for an id that cannot be in a header. */
export function unfitEventId({ eventId }: JobEventRecord): JobEventError {
  return new JobEventError(
    "ERR_INVALID_EVENT",
    `Cannot store event: its eventId is ${show(eventId)}`,
  );
}

/** The error for a message that is larger than the server accepts. */
export function tooLarge(
  { eventId }: JobEventRecord,
  size: number,
  maxPayload: number,
): JobEventError {
  return new JobEventError(
    "ERR_EVENT_TOO_LARGE",
    `Cannot store event ${show(eventId)}: its ${size} bytes, headers included, are more than ` +
      `the ${maxPayload} of the server's max_payload`,
  );
}

function show(text: unknown): string {
  if (typeof text !== "string") return `a ${typeof text}`;
  return JSON.stringify(text.length > 64 ? `${text.slice(0, 64)}…` : text);
}
