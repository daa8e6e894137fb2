/** MessagePack written by hand, to have forms that no encoder would choose. */

import { JobEvent } from "../../src/gen/factories.ts";

/** Bytes, or what gives them. */
export type Part = number | readonly number[] | Uint8Array;

/** The fields of text that may be unset. */
export const TEXT_FIELDS: readonly string[] = [
  "worker_id",
  "worker_type",
  "queue_name",
  "message",
  "error_type",
  "error_message",
];

/** The fields of numbers that may be unset. */
export const NUMBER_FIELDS: readonly string[] = ["duration_ms", "memory_mb", "cpu_time_ms"];

/** The fields of maps. */
export const MAP_FIELDS: readonly string[] = ["details", "tags", "metadata"];

/** Puts parts one after the other. */
export function bytes(...parts: readonly Part[]): Uint8Array {
  return Uint8Array.from(parts.flatMap((part) => typeof part === "number" ? [part] : [...part]));
}

/** A big-endian integer. */
export function integer(value: number | bigint, width: number): number[] {
  return Array.from(
    { length: width },
    (_, index) => Number((BigInt(value) >> BigInt(8 * (width - 1 - index))) & 0xffn),
  );
}

/** A string with a header of 0, 1, 2 or 4 bytes of length. */
export function text(value: string, width: 0 | 1 | 2 | 4 = 0): Uint8Array {
  const utf8 = new TextEncoder().encode(value);
  if (width === 0 && utf8.length < 32) return bytes(0xa0 | utf8.length, utf8);
  const size = width === 0 ? 4 : width;
  return bytes({ 1: 0xd9, 2: 0xda, 4: 0xdb }[size], integer(utf8.length, size), utf8);
}

/** A float64. */
export function float(value: number): number[] {
  const view = new DataView(new ArrayBuffer(9));
  view.setUint8(0, 0xcb);
  view.setFloat64(1, value);
  return [...new Uint8Array(view.buffer)];
}

/** A map of keys and encoded values. */
export function map(...members: readonly (readonly [string, Part])[]): Uint8Array {
  const flat = members.flatMap(([key, value]): Part[] => [text(key), value]);
  return bytes(0xde, integer(members.length, 2), ...flat);
}

/** The members that no event can be without. */
export const REQUIRED: readonly (readonly [string, Part])[] = [
  ["job_id", text("j")],
  ["event_type", text("started")],
  ["timestamp", float(1)],
];

/** An event with further members. */
export function eventWith(...members: readonly (readonly [string, Part])[]): Uint8Array {
  return map(...REQUIRED, ...members);
}

/** What {@linkcode eventWith} gives without further members, decoded. */
export const SMALL: JobEvent = JobEvent.create({ jobId: "j", eventType: "started", timestamp: 1 });
