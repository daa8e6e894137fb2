/** Events as the Python scripts have them. */

import type { JobEventValue } from "../../../src/event/dynamic.ts";
import type { JobEvent } from "../../../src/gen/types.ts";
import { KEYS } from "../../event/samples.ts";

/** The fields of the Python class, and the property of the event that each stands for. */
export const FIELDS: Readonly<Record<string, keyof JobEvent | "">> = {
  ...KEYS,
  nats_subject: "",
  nats_sequence: "",
};
const MAPS = ["details", "tags", "metadata"];

/** A value in the JSON that the script reads and writes. */
function toJson(value: JobEventValue | undefined): unknown {
  if (typeof value === "bigint") return { $int: String(value) };
  if (typeof value !== "object" || value === null) return value;
  if (value instanceof Date) return { $date: value.toISOString().replace("Z", "+00:00") };
  if (value instanceof Uint8Array) return { $bytes: toHex(value) };
  if (Array.isArray(value)) return value.map(toJson);
  return Object.fromEntries(Object.entries(value).map(([key, member]) => [key, toJson(member)]));
}

/** The fields of an event as the script has them: set ones, and what Python has for the others. */
export function pythonFields(event: JobEvent): Record<string, unknown> {
  const entries = Object.entries(FIELDS).map(([name, property]) => {
    const value = property === "" ? undefined : event[property];
    return [name, toJson(value) ?? (MAPS.includes(name) ? {} : null)];
  });
  return Object.fromEntries(entries);
}

/** Bytes as hexadecimal digits. */
export function toHex(bytes: Uint8Array): string {
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
}
