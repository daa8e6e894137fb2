/** What a storage checks of a record before it stores it. */

import { isJobEventError, JobEventError, messageOf } from "../errors.ts";
import { encodeSubjectToken } from "../event/token.ts";
import { isTraceparent } from "../event/traceparent.ts";
import { decodeJobEvent } from "../gen/decode.ts";
import type { JobEvent } from "../gen/types.ts";
import type { JobEventRecord } from "./storage.ts";

/** A record that can be stored, with the event that its payload holds. */
export interface CheckedRecord extends JobEventRecord {
  /** The decoded payload. */
  readonly event: JobEvent;
}

// White space and control characters end a subject, a header or a line of text somewhere.
// deno-lint-ignore no-control-regex
const UNFIT = /[\u0000-\u0020\u007f]/;

/**
 * Checks a record and decodes its payload, once for everything that is done with it.
 *
 * @param maxEventBytes The largest payload, in bytes.
 * @returns The record, or why it can never be stored.
 */
export function checkRecord(
  record: JobEventRecord,
  maxEventBytes: number,
): CheckedRecord | JobEventError {
  const { eventId, subject, payload } = record;
  if (!isFit(eventId)) return unfit("eventId", eventId);
  if (!isFit(subject)) return unfit("subject", subject);
  if (!(payload instanceof Uint8Array)) return unfit("payload", payload);
  if (payload.byteLength > maxEventBytes) {
    return new JobEventError(
      "ERR_EVENT_TOO_LARGE",
      `Cannot store event ${eventId}: its ${payload.byteLength} bytes are more than the ` +
        `${maxEventBytes} of maxEventBytes`,
    );
  }
  try {
    const event = decodeJobEvent(payload);
    // No call could ever name it otherwise: neither to read it nor to delete it.
    encodeSubjectToken(event.jobId);
    // Trace context helps to look at an event; no event is refused for it.
    const trace = isTraceparent(record.traceparent) ? { traceparent: record.traceparent } : {};
    return { eventId, subject, payload, event, ...trace };
  } catch (error) {
    return isJobEventError(error) ? error : invalid(eventId, error);
  }
}

function invalid(eventId: string, cause: unknown): JobEventError {
  const text = `Cannot store event ${eventId}: ${messageOf(cause)}`;
  return new JobEventError("ERR_INVALID_EVENT", text, { cause });
}

function isFit(text: unknown): boolean {
  return typeof text === "string" && text !== "" && text.isWellFormed() && !UNFIT.test(text);
}

function unfit(field: string, value: unknown): JobEventError {
  const shown = typeof value === "string" ? JSON.stringify(value) : `a ${typeof value}`;
  return new JobEventError("ERR_INVALID_EVENT", `Cannot store event: its ${field} is ${shown}`);
}
