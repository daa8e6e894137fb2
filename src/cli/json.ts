/** The JSON form of events, which loses nothing. */

import { Buffer } from "node:buffer";
import type { JobEventValue } from "../event/dynamic.ts";
import type { StoredJobEvent } from "../gen/types.ts";
import type { EventJson, JsonValue } from "./types.ts";
import { shownJson } from "./text.ts";

/** An event as JSON. What JSON has no form for becomes an object with one key, see `JsonValue`. */
export function eventToJson(event: StoredJobEvent): EventJson {
  const { details, metadata } = event;
  if (details === undefined && metadata === undefined) return event as EventJson;
  return {
    ...event,
    ...(details === undefined ? {} : { details: valueToJson(details) }),
    ...(metadata === undefined ? {} : { metadata: valueToJson(metadata) }),
  } as EventJson;
}

/** The text of an event's JSON, in one line. */
export function eventLine(event: StoredJobEvent): string {
  return shownJson(JSON.stringify(eventToJson(event)));
}

/**
 * The fields of an event from its JSON. They are not checked, but for those that only exist in
 * their JSON form.
 *
 * @throws {TypeError} It is no object, or one of the objects with one key cannot be read.
 */
export function eventFromJson(json: unknown): Record<string, unknown> {
  if (typeof json !== "object" || json === null || Array.isArray(json)) {
    throw new TypeError("it is no JSON object");
  }
  const event: Record<string, unknown> = { ...json };
  for (const field of ["details", "metadata"]) {
    if (event[field] === null) delete event[field];
    else if (event[field] !== undefined) event[field] = valueFromJson(event[field] as JsonValue);
  }
  return event;
}

/** A value of an event or a task as JSON: see `JsonValue`. */
export function valueToJson(value: JobEventValue | undefined): JsonValue | undefined {
  switch (typeof value) {
    case "bigint":
      return { $bigint: String(value) };
    case "number":
      return Number.isFinite(value) ? value : { $number: String(value) };
    case "object":
      break;
    default:
      return value;
  }
  if (value === null) return null;
  if (value instanceof Uint8Array) return { $bytes: toBase64(value) };
  if (value instanceof Date) return { $date: value.toISOString() };
  if (Array.isArray(value)) return value.map((each) => valueToJson(each) ?? null);
  const entries = Object.entries(value as Record<string, JobEventValue | undefined>);
  // An object of the user that looks like one of ours gets one more $.
  const isAlike = entries.length === 1 && entries[0]![0].startsWith("$");
  return fromEntries(entries.map(([key, each]) => [isAlike ? `$${key}` : key, valueToJson(each)]));
}

/** The value of its JSON. */
export function valueFromJson(value: JsonValue | undefined): JobEventValue | undefined {
  if (typeof value !== "object" || value === null) return value;
  if (Array.isArray(value)) return value.map((each) => valueFromJson(each) ?? null);
  const entries = Object.entries(value as Record<string, JsonValue | undefined>);
  const [[key, first] = ["", undefined]] = entries;
  if (entries.length === 1 && key.startsWith("$")) {
    if (key.startsWith("$$")) return fromEntries([[key.slice(1), valueFromJson(first)]]);
    if (typeof first !== "string") throw new TypeError(`${key} must be a string`);
    return special(key, first);
  }
  return fromEntries(entries.map(([name, each]) => [name, valueFromJson(each)]));
}

function special(key: string, text: string): JobEventValue {
  switch (key) {
    case "$bigint":
      if (/^-?\d{1,20}$/.test(text)) return BigInt(text);
      break;
    case "$number":
      if (/^(NaN|-?Infinity)$/.test(text)) return Number(text);
      break;
    case "$bytes":
      return fromBase64(text);
    case "$date": {
      const date = new Date(text);
      if (!Number.isNaN(date.getTime())) return date;
    }
  }
  throw new TypeError(`${JSON.stringify({ [key]: text })} is no value that this package knows`);
}

/** Data may be named `__proto__`, which an assignment would take for something else. */
function fromEntries<Value>(entries: readonly (readonly [string, Value])[]): Record<string, Value> {
  return Object.fromEntries(entries);
}

function toBase64(bytes: Uint8Array): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString("base64");
}

function fromBase64(text: string): Uint8Array {
  return new Uint8Array(Buffer.from(text, "base64"));
}
