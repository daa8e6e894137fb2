/** Events as JSON, for lists and for one job. */

import type { JobEventValue } from "../event/dynamic.ts";
import type { StoredJobEvent } from "../gen/types.ts";
import type { JobEventDeadLetter } from "../storage/storage.ts";
import type { DeadLetterRow, EventDetail, EventRow, JsonValue } from "./wire.ts";

const MAX_TEXT = 300;
const MAX_LONG_TEXT = 32_768;
const MAX_TAGS = 10;
const MAX_TAG = 100;
const MAX_SHOWN_BYTES = 64;
const MAX_MEMBERS = 200;
const MAX_VALUES = 2000;
const MAX_TEXTS = 131_072;

/** A text that is no longer than it may be. */
export function cut(text: string, length: number = MAX_TEXT): string {
  return text.length <= length ? text : `${text.slice(0, length - 1)}…`;
}

/** An event as a row of a list. What is absent stays absent. */
export function toRow(event: StoredJobEvent, maxText: number = MAX_TEXT): EventRow {
  const { workerId, queueName, message, errorType, errorMessage, durationMs, tags } = event;
  return {
    seq: event.natsSequence,
    at: event.timestamp,
    type: event.eventType,
    job: event.jobId,
    ...(workerId === undefined ? {} : { worker: workerId }),
    ...(queueName === undefined ? {} : { queue: queueName }),
    ...(message === undefined ? {} : { message: cut(message, maxText) }),
    ...(errorType === undefined ? {} : { errorType: cut(errorType) }),
    ...(errorMessage === undefined ? {} : { errorMessage: cut(errorMessage, maxText) }),
    ...(durationMs === undefined ? {} : { durationMs }),
    ...(tags === undefined ? {} : { tags: someTags(tags) }),
  };
}

/** An event with everything it has. */
export function toDetail(event: StoredJobEvent): EventDetail {
  const { workerType, memoryMb, cpuTimeMs, traceparent, details, metadata } = event;
  return {
    ...toRow(event, MAX_LONG_TEXT),
    eventId: event.eventId,
    subject: event.natsSubject,
    ...(workerType === undefined ? {} : { workerType: cut(workerType) }),
    ...(memoryMb === undefined ? {} : { memoryMb }),
    ...(cpuTimeMs === undefined ? {} : { cpuTimeMs }),
    ...(traceparent === undefined ? {} : { traceparent }),
    ...(details === undefined ? {} : { details: toJson(details) }),
    ...(metadata === undefined ? {} : { metadata: toJson(metadata) }),
  };
}

/** A dead letter as a row. */
export function toLetterRow(letter: JobEventDeadLetter): DeadLetterRow {
  const { event } = letter;
  return {
    id: letter.id,
    consumer: letter.consumerName,
    seq: letter.natsSequence,
    reason: cut(letter.reason),
    deliveries: letter.deliveryCount,
    deadAt: letter.deadAt.getTime() / 1000,
    ...(event === undefined ? {} : { event: toRow(event) }),
  };
}

function someTags(tags: Readonly<Record<string, string>>): Readonly<Record<string, string>> {
  const entries = Object.entries(tags).slice(0, MAX_TAGS);
  return Object.fromEntries(
    entries.map(([name, value]) => [cut(name, MAX_TAG), cut(value, MAX_TAG)]),
  );
}

/** A value as JSON: what JSON has no form for becomes a text, and what is too much is cut. */
export function toJson(value: JobEventValue): JsonValue {
  let left = MAX_VALUES;
  let leftText = MAX_TEXTS;
  const text = (value: string): string => {
    const shown = cut(value, Math.max(1, Math.min(MAX_LONG_TEXT, leftText)));
    leftText -= shown.length;
    return shown;
  };
  const convert = (value: JobEventValue | undefined): JsonValue => {
    if (--left < 0) return "…";
    if (value === undefined || value === null || typeof value === "boolean") return value ?? null;
    if (typeof value === "number") return Number.isFinite(value) ? value : String(value);
    if (typeof value === "string") return text(value);
    if (typeof value === "bigint") return text(`${value}n`);
    if (value instanceof Date) return Number.isNaN(value.getTime()) ? "?" : value.toISOString();
    if (value instanceof Uint8Array) return shownBytes(value);
    if (isList(value)) {
      const shown = value.slice(0, MAX_MEMBERS).map(convert);
      return value.length > shown.length ? [...shown, more(value.length - shown.length)] : shown;
    }
    const entries = Object.entries(value);
    const shown = entries.slice(0, MAX_MEMBERS)
      .map(([key, member]): [string, JsonValue] => [cut(key), convert(member)]);
    if (entries.length > shown.length) shown.push(["…", more(entries.length - shown.length)]);
    return Object.fromEntries(shown);
  };
  return convert(value);
}

function isList(value: object): value is readonly JobEventValue[] {
  return Array.isArray(value);
}

function more(count: number): string {
  return `… and ${count} more`;
}

function shownBytes(bytes: Uint8Array): string {
  const shown = [...bytes.subarray(0, MAX_SHOWN_BYTES)]
    .map((byte) => byte.toString(16).padStart(2, "0")).join(" ");
  return `${bytes.length} bytes: ${shown}${bytes.length > MAX_SHOWN_BYTES ? " …" : ""}`;
}
