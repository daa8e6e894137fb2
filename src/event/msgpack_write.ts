/**
 * MessagePack stores for the generated encoder. Each takes the position to write at and gives back
 * the position after it; the caller has reserved the room.
 *
 * @see https://github.com/msgpack/msgpack/blob/master/spec.md
 */

import type { ByteBuffer } from "./byte_buffer.ts";
import { isPlainObject, refuseField } from "./check.ts";
import { writeAscii } from "./text.ts";

const encoder = new TextEncoder();

// From here on TextEncoder is faster than a loop over the characters.
const LONG_STRING = 64;

/** Room that a string can need: three bytes a UTF-16 unit and the longest header. */
export function stringBound(value: string): number {
  return value.length * 3 + 5;
}

/** Writes a string with the shortest header. Lone surrogates become U+FFFD. */
export function writeString(out: ByteBuffer, position: number, value: string): number {
  const { length } = value;
  if (length >= LONG_STRING) return writeLongString(out, position, value);
  const { bytes } = out;
  const start = writeStringHeader(bytes, position, length);
  const isAscii = writeAscii(bytes, start, value) === length;
  return isAscii ? start + length : writeLongString(out, position, value);
}

function writeLongString(out: ByteBuffer, position: number, value: string): number {
  const { bytes } = out;
  // The header's size depends on the encoded length: write where the longest header would end,
  // then move the bytes to where the real one ends.
  const start = position + 5;
  const { written } = encoder.encodeInto(value, bytes.subarray(start));
  const at = writeStringHeader(bytes, position, written);
  if (at !== start) bytes.copyWithin(at, start, start + written);
  return at + written;
}

function writeStringHeader(bytes: Uint8Array, position: number, length: number): number {
  let at = position;
  if (length < 32) {
    bytes[at++] = 0xa0 | length;
  } else if (length < 0x100) {
    bytes[at++] = 0xd9;
    bytes[at++] = length;
  } else if (length < 0x10000) {
    bytes[at++] = 0xda;
    bytes[at++] = length >>> 8;
    bytes[at++] = length;
  } else {
    bytes[at++] = 0xdb;
    bytes[at++] = length >>> 24;
    bytes[at++] = length >>> 16;
    bytes[at++] = length >>> 8;
    bytes[at++] = length;
  }
  return at;
}

/** Writes a float64, also for whole numbers: the wire format's type is `float`. */
export function writeDouble(out: ByteBuffer, position: number, value: number): number {
  out.bytes[position] = 0xcb;
  out.view.setFloat64(position + 1, value);
  return position + 9;
}

/** Writes a number: an integer of up to 32 bits in its shortest form, else a float64. */
export function writeNumber(out: ByteBuffer, position: number, value: number): number {
  const { bytes, view } = out;
  const isPositive = value >>> 0 === value;
  if (!isPositive && value >> 0 !== value) return writeDouble(out, position, value);
  if (isPositive ? value < 0x80 : value >= -0x20) {
    bytes[position] = value;
    return position + 1;
  }
  // The heads of 8, 16 and 32 bits follow one another.
  const head = isPositive ? 0xcc : 0xd0;
  if (isPositive ? value < 0x100 : value >= -0x80) {
    bytes[position] = head;
    bytes[position + 1] = value;
    return position + 2;
  }
  if (isPositive ? value < 0x10000 : value >= -0x8000) {
    bytes[position] = head + 1;
    view.setUint16(position + 1, value);
    return position + 3;
  }
  bytes[position] = head + 2;
  view.setUint32(position + 1, value);
  return position + 5;
}

/** Writes an integer of 64 bits: signed, or unsigned where it does not fit otherwise. */
export function writeBigInt(out: ByteBuffer, position: number, value: bigint): number {
  out.bytes[position] = value < 1n << 63n ? 0xd3 : 0xcf;
  out.view.setBigUint64(position + 1, BigInt.asUintN(64, value));
  return position + 9;
}

/** Writes binary data with the shortest header. */
export function writeBytes(out: ByteBuffer, position: number, data: Uint8Array): number {
  const { bytes, view } = out;
  const { length } = data;
  let at = position + 2;
  if (length < 0x100) {
    bytes[position] = 0xc4;
    bytes[position + 1] = length;
  } else if (length < 0x10000) {
    bytes[position] = 0xc5;
    view.setUint16(position + 1, length);
    at = position + 3;
  } else {
    bytes[position] = 0xc6;
    view.setUint32(position + 1, length);
    at = position + 5;
  }
  bytes.set(data, at);
  return at + length;
}

/**
 * Writes the shortest header of a map or a list.
 *
 * @param fixed The head of one without members: 0x80 is that of a map, 0x90 that of a list.
 */
export function writeHeader(
  { bytes, view }: ByteBuffer,
  position: number,
  fixed: 0x80 | 0x90,
  count: number,
): number {
  if (count < 16) {
    bytes[position] = fixed | count;
    return position + 1;
  }
  const head = fixed === 0x80 ? 0xde : 0xdc;
  if (count < 0x10000) {
    bytes[position] = head;
    view.setUint16(position + 1, count);
    return position + 3;
  }
  bytes[position] = head + 1;
  view.setUint32(position + 1, count);
  return position + 5;
}

/** Room that a map of strings can need, and the number of its members that are set. */
export interface StringMapSize {
  readonly bound: number;
  readonly count: number;
}

/**
 * Measures a map of strings; members that are `undefined` do not count.
 *
 * @throws {TypeError} It is no plain object or a member is no string; the message has the path.
 */
export function measureStringMap(
  map: Readonly<Record<string, string>>,
  field: string,
): StringMapSize {
  // A Map or a list would look empty, or like a map of other keys.
  if (!isPlainObject(map)) refuseField(field, "a plain object", map);
  let bound = 5;
  let count = 0;
  for (const key of Object.keys(map)) {
    const value = map[key];
    if (value === undefined) continue;
    if (typeof value !== "string") refuseField(`${field}.${key}`, "a string", value);
    bound += stringBound(key) + stringBound(value);
    count++;
  }
  return { bound, count };
}

/** Writes a map of strings with the shortest header. */
export function writeStringMap(
  out: ByteBuffer,
  position: number,
  map: Readonly<Record<string, string>>,
  count: number,
): number {
  let at = writeHeader(out, position, 0x80, count);
  for (const key of Object.keys(map)) {
    const value = map[key];
    if (value === undefined) continue;
    at = writeString(out, at, key);
    at = writeString(out, at, value);
  }
  return at;
}
