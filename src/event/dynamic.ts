/** The dynamic fields, `details` and `metadata`: checked and written in one go. */

import { ByteBuffer } from "./byte_buffer.ts";
import { isPlainObject } from "./check.ts";
import { MAX_DEPTH, MAX_DYNAMIC_BYTES } from "./limits.ts";
import {
  stringBound,
  writeBigInt,
  writeBytes,
  writeHeader,
  writeNumber,
  writeString,
} from "./msgpack_write.ts";
import { writeTimestamp } from "./msgpack_timestamp.ts";

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

/** What is being written, and where in it the writer is. */
interface Path {
  readonly out: ByteBuffer;
  /** Where it has become too large. */
  readonly end: number;
  readonly owner: string;
  readonly names: (string | number)[];
  readonly values: object[];
}

/** The longest form of a value of fixed size, a date before 1970, and the longest header. */
const FIXED_BOUND = 15;

const POOL_BYTES = 8 * 1024;

// Maps are packed one behind the other: a view costs less than an array of its own. Absent while
// one is packed: a getter in it may make another event.
let pool: ByteBuffer | undefined;

/**
 * Packs a map as MessagePack. Members that are `undefined` are left out; in lists they become nil.
 *
 * @param map The value of the field.
 * @param field The field's name, for errors.
 * @param owner What the field is of, for errors. @default "job event"
 * @returns The bytes, a view into a larger buffer, or `undefined` for a map with no members.
 * @throws {TypeError} A value that MessagePack has no form for, a cycle, nesting beyond 32 levels,
 * or more than 8 MiB; the message has the path.
 */
export function packDynamic(
  map: object,
  field: string,
  owner: string = "job event",
): Uint8Array | undefined {
  const out = pool ?? new ByteBuffer(POOL_BYTES);
  pool = undefined;
  const start = out.position;
  const path: Path = { out, end: start + MAX_DYNAMIC_BYTES, owner, names: [field], values: [] };
  if (!isPlainObject(map)) refuse(path, `${describe(map)} is not a plain object`);
  writeObject(map as Record<string, unknown>, path);
  reserve(path, 0, 0);
  if (out.position < POOL_BYTES) pool = out;
  return out.position === start + 1 ? undefined : out.bytes.subarray(start, out.position);
}

function writeValue(value: unknown, name: string | number, path: Path): void {
  const { out } = path;
  if (typeof value === "string") return writeText(value, path);
  reserve(path, 0, FIXED_BOUND);
  if (typeof value === "number") {
    out.position = writeNumber(out, out.position, value);
  } else if (typeof value === "boolean") {
    out.bytes[out.position++] = value ? 0xc3 : 0xc2;
  } else if (value === null || value === undefined) {
    out.bytes[out.position++] = 0xc0;
  } else {
    path.names.push(name);
    writeUnusual(value, path);
    path.names.pop();
  }
}

function writeText(text: string, path: Path): void {
  const { out } = path;
  // A character takes at least a byte.
  reserve(path, text.length, stringBound(text));
  out.position = writeString(out, out.position, text);
}

function writeUnusual(value: unknown, path: Path): void {
  const { out } = path;
  if (typeof value === "bigint") {
    if (value < -(1n << 63n) || value >= 1n << 64n) {
      refuse(path, `${value} does not fit into 64 bits`);
    }
    out.position = writeBigInt(out, out.position, value);
  } else if (Array.isArray(value)) {
    writeArray(value, path);
  } else if (value instanceof Uint8Array) {
    reserve(path, value.length, value.length + FIXED_BOUND);
    out.position = writeBytes(out, out.position, value);
  } else if (value instanceof Date) {
    if (Number.isNaN(value.getTime())) refuse(path, "the Date is invalid");
    out.position = writeTimestamp(out, out.position, value);
  } else if (isPlainObject(value)) {
    writeObject(value as Record<string, unknown>, path);
  } else {
    refuse(path, `${describe(value)} has no form`);
  }
}

function writeArray(array: readonly unknown[], path: Path): void {
  enter(array, path);
  const { out } = path;
  const { length } = array;
  out.position = writeHeader(out, out.position, 0x90, length);
  for (let index = 0; index < length; index++) writeValue(array[index], index, path);
  path.values.pop();
}

function writeObject(object: Record<string, unknown>, path: Path): void {
  enter(object, path);
  const { out } = path;
  const keys = Object.keys(object);
  let count = keys.length;
  const start = out.position;
  const first = writeHeader(out, start, 0x80, count);
  out.position = first;
  for (const key of keys) {
    // A member is read once: a getter may give another value the next time.
    const value = object[key];
    if (value === undefined) {
      count--;
      continue;
    }
    writeText(key, path);
    writeValue(value, key, path);
  }
  if (count < keys.length) closeGap(out, first, writeHeader(out, start, 0x80, count));
  path.values.pop();
}

/** Moves what was written from `from` on to where a shorter header ends. */
function closeGap(out: ByteBuffer, from: number, to: number): void {
  out.bytes.copyWithin(to, from, out.position);
  out.position -= from - to;
}

function enter(value: object, path: Path): void {
  if (path.values.includes(value)) refuse(path, "it contains itself");
  if (path.values.length === MAX_DEPTH) refuse(path, `it nests deeper than ${MAX_DEPTH} levels`);
  path.values.push(value);
}

/** Makes room for `bound` more bytes, of which at least `least` will be used. */
function reserve(path: Path, least: number, bound: number): void {
  if (path.out.position + least > path.end) {
    path.names.length = 1;
    refuse(
      path,
      `it takes more than ${MAX_DYNAMIC_BYTES} bytes; an object counts in each place it is in`,
    );
  }
  path.out.reserve(bound);
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
  throw new TypeError(`Invalid ${path.owner}: ${where} cannot be encoded: ${reason}`);
}
