/** What the generated validation, encoder and subject builder share. */

import { encodeSubjectToken, writePlainToken } from "./token.ts";
import { messageOf } from "../errors.ts";
import { shorten, writeText } from "./text.ts";

/** Seconds since the Unix epoch, now. */
export function now(): number {
  return Date.now() / 1000;
}

/** Throws the `TypeError` for a field. */
export function refuseField(field: string, expected: string, value: unknown): never {
  throw new TypeError(`Invalid job event: ${field} must be ${expected}, got ${show(value)}`);
}

/** Throws the `TypeError` for an argument of a factory unless it is of the type. */
export function checkArgument(
  name: string,
  type: "string" | "number" | "string[]" | "object",
  value: unknown,
): void {
  switch (type) {
    case "string":
      if (typeof value !== "string") refuseField(name, "a string", value);
      return;
    case "number":
      if (!Number.isFinite(value)) refuseField(name, "a finite number", value);
      return;
    case "string[]":
      if (!Array.isArray(value) || !value.every((item) => typeof item === "string")) {
        refuseField(name, "a list of strings", value);
      }
      return;
    case "object":
      if (typeof value !== "object" || value === null) refuseField(name, "an object", value);
  }
}

/** The caller's `details` over the generated ones. What is no object is left to the checks. */
export function mergeDetails<T extends object>(own: T | undefined, given: T): T {
  return own === undefined || !isPlainObject(given) ? given : { ...own, ...given };
}

/** Whether a value is an object literal or the like: not a list, nor an instance of a class. */
export function isPlainObject(value: unknown): boolean {
  if (typeof value !== "object" || value === null || Array.isArray(value)) return false;
  const prototype = Object.getPrototypeOf(value);
  return prototype === null || Object.getPrototypeOf(prototype) === null;
}

/** Throws a `TypeError` unless every key of `value` is among `known`. */
export function checkKeys(value: object, known: ReadonlySet<string>): void {
  if (typeof value !== "object" || value === null) {
    throw new TypeError(`Invalid job event: expected an object, got ${show(value)}`);
  }
  for (const key of Object.keys(value)) {
    if (!known.has(key)) throw new TypeError(`Invalid job event: ${key} is not a known field`);
  }
}

/** The token of a field's value. Errors name the field. */
export function fieldToken(field: string, value: string): string {
  try {
    return encodeSubjectToken(value);
  } catch (cause) {
    throw new TypeError(`Invalid job event: ${field} is ${show(value)}: ${messageOf(cause)}`, {
      cause,
    });
  }
}

/**
 * Writes the token of a field's value. There must be room.
 *
 * @returns The position after it.
 * @throws {TypeError} As {@linkcode fieldToken}.
 */
export function writeToken(
  bytes: Uint8Array,
  position: number,
  field: string,
  value: string,
): number {
  return writePlainToken(bytes, position, value) ??
    writeText(bytes, position, fieldToken(field, value));
}

/** The token of an entry of `details`, or `undefined` for a value that cannot be one. */
export function detailToken(value: unknown): string | undefined {
  if (typeof value !== "string" && typeof value !== "number") return undefined;
  try {
    return encodeSubjectToken(String(value));
  } catch {
    return undefined;
  }
}

function show(value: unknown): string {
  if (typeof value === "string") {
    return JSON.stringify(shorten(value));
  }
  if (typeof value === "bigint") return `${value}n`;
  if (typeof value === "object" && value !== null) return `a ${value.constructor?.name ?? "map"}`;
  return typeof value === "function" ? "a function" : String(value);
}
