/** The dynamic fields, `details` and `metadata`: checked, then written by msgpackr. */

import { Packr } from "msgpackr/pack";
import { isPlainObject } from "./check.ts";
import { MAX_DEPTH, MAX_DYNAMIC_BYTES } from "./limits.ts";

/**
 * What `details` and `metadata` may hold, each at most 32 levels and 8 MiB. Integers beyond 2^53
 * are `bigint`.
 */
export type JobEventValue =
  | null
  | boolean
  | number
  | bigint
  | string
  | Date
  | Uint8Array
  | readonly JobEventValue[]
  | { readonly [key: string]: JobEventValue | undefined };

// Records are msgpackr's own extension; without them every MessagePack reader can read the bytes.
const packr = new Packr({ useRecords: false, variableMapSize: true });

/**
 * Packs a map as MessagePack. Members that are `undefined` are left out.
 *
 * @param map The value of the field.
 * @param field The field's name, for errors.
 * @returns The bytes, or `undefined` for a map with no members. The bytes lie in a buffer that
 * msgpackr uses again: copy them at once.
 * @throws {TypeError} A value that MessagePack has no form for, a cycle, nesting beyond 32 levels,
 * or more than 8 MiB; the message has the path.
 */
export function packDynamic(map: object, field: string): Uint8Array | undefined {
  const clean = cleanDynamic(map, field);
  const isEmpty = clean instanceof Map ? clean.size === 0 : Object.keys(clean).length === 0;
  return isEmpty ? undefined : packr.pack(clean);
}

/**
 * Checks a map and drops its `undefined` members.
 *
 * @returns The map itself where nothing had to be dropped, else a copy.
 * @throws {TypeError} See {@linkcode packDynamic}.
 */
export function cleanDynamic(map: object, field: string): object {
  const path: Path = { names: [field], values: [], bytes: 0 };
  if (!isPlainObject(map)) refuse(path, `${describe(map)} is not a plain object`);
  return cleanObject(map as Record<string, unknown>, path);
}

interface Path {
  readonly names: (string | number)[];
  readonly values: object[];
  /** What was met so far takes at least so many bytes when it is encoded. */
  bytes: number;
}

function cleanValue(value: unknown, name: string | number, path: Path): unknown {
  // Every value takes a byte, and a character of a text or a key at least one.
  const keySize = typeof name === "string" ? 1 + name.length : 0;
  addBytes(path, keySize + 1 + (typeof value === "string" ? value.length : 0));
  switch (typeof value) {
    case "string":
      // msgpackr would write bytes that are not UTF-8.
      return value.isWellFormed() ? value : value.toWellFormed();
    case "number":
    case "boolean":
      return value;
    case "undefined":
      return null;
  }
  if (value === null) return value;
  path.names.push(name);
  const clean = cleanUnusual(value, path);
  path.names.pop();
  return clean;
}

function cleanUnusual(value: unknown, path: Path): unknown {
  if (typeof value === "bigint") {
    if (value >= -(1n << 63n) && value < 1n << 64n) return value;
    refuse(path, `${value} does not fit into 64 bits`);
  }
  if (typeof value !== "object" || value === null) refuse(path, `${describe(value)} has no form`);
  if (Array.isArray(value)) return cleanArray(value, path);
  if (value instanceof Uint8Array) {
    addBytes(path, value.length);
    return value;
  }
  if (value instanceof Date) {
    if (Number.isNaN(value.getTime())) refuse(path, "the Date is invalid");
    return value;
  }
  if (!isPlainObject(value)) refuse(path, `${describe(value)} has no form`);
  return cleanObject(value as Record<string, unknown>, path);
}

function cleanArray(array: readonly unknown[], path: Path): readonly unknown[] {
  enter(array, path);
  let copy: unknown[] | undefined;
  for (let index = 0; index < array.length; index++) {
    const value = array[index];
    const clean = cleanValue(value, index, path);
    if (clean !== value) (copy ??= array.slice())[index] = clean;
  }
  path.values.pop();
  return copy ?? array;
}

function cleanObject(object: Record<string, unknown>, path: Path): object {
  enter(object, path);
  // msgpackr looks at an object's `constructor` and `toJSON`: data under these names, or under
  // `__proto__`, is safe only in a Map, which it writes as the same MessagePack map. So are keys
  // that are not well-formed, which change on the way.
  const keys = Object.keys(object);
  const special = keys.some((key) =>
    key === "constructor" || key === "toJSON" || key === "__proto__" || !key.isWellFormed()
  );
  let copy: Record<string, unknown> | undefined;
  const entries: [string, unknown][] | undefined = special ? [] : undefined;
  for (const key of keys) {
    const value = object[key];
    if (value === undefined) {
      if (!special) delete (copy ??= { ...object })[key];
      continue;
    }
    const clean = cleanValue(value, key, path);
    if (entries !== undefined) entries.push([key.toWellFormed(), clean]);
    else if (clean !== value) (copy ??= { ...object })[key] = clean;
  }
  path.values.pop();
  return entries === undefined ? copy ?? object : new Map(entries);
}

function enter(value: object, path: Path): void {
  if (path.values.includes(value)) refuse(path, "it contains itself");
  if (path.values.length === MAX_DEPTH) refuse(path, `it nests deeper than ${MAX_DEPTH} levels`);
  path.values.push(value);
}

function addBytes(path: Path, count: number): void {
  path.bytes += count;
  if (path.bytes <= MAX_DYNAMIC_BYTES) return;
  path.names.length = 1;
  refuse(
    path,
    `it takes more than ${MAX_DYNAMIC_BYTES} bytes; an object counts in each place it is in`,
  );
}

function describe(value: unknown): string {
  if (typeof value !== "object" || value === null) return `a ${typeof value}`;
  return `a value of class ${value.constructor?.name ?? "unknown"}`;
}

function refuse(path: Path, reason: string): never {
  const [field, ...rest] = path.names;
  const where = rest.reduce<string>(
    (text, name) => typeof name === "number" ? `${text}[${name}]` : `${text}.${name}`,
    String(field),
  );
  throw new TypeError(`Invalid job event: ${where} cannot be encoded: ${reason}`);
}
