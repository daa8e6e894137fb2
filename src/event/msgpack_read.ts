/**
 * A MessagePack reader that trusts nothing: every length is checked against what is left, nesting
 * is bounded, and no key can reach a prototype.
 *
 * @see https://github.com/msgpack/msgpack/blob/master/spec.md
 */

import { JobEventError } from "../errors.ts";
import type { ByteTable } from "./byte_table.ts";
import type { JobEventValue } from "./dynamic.ts";
import { MAX_DEPTH } from "./limits.ts";
import { timestamp } from "./msgpack_timestamp.ts";
import { isNested, typeName } from "./msgpack_types.ts";
import { setMember } from "./set_member.ts";
import { decodeUtf8, isAscii, latin1Slice, shorten } from "./text.ts";

// Bytes are copied to here before they are read, so that numbers and words can be read through a
// view, which would cost more to make than it saves. What is larger gets room of its own.
const SCRATCH_BYTES = 64 * 1024;
const scratch: Uint8Array = new Uint8Array(SCRATCH_BYTES);
const scratchView: DataView = new DataView(scratch.buffer);

// To make a string of so many bytes costs little more than to make one of a few. So texts are cut
// out of such a string; it stays in memory as long as a cut of it does, and must be small for that.
const WINDOW_BYTES = 256;

/** Reads one MessagePack value after the other from bytes. */
export class MsgpackReader {
  readonly #bytes: Uint8Array;
  readonly #view: DataView;
  /** The number of bytes that are read. What lies behind them is of an earlier event. */
  readonly #size: number;
  /** Where the next value begins. */
  position = 0;
  /** The field that is being read, for errors. */
  field = "";
  readonly #owner: string;
  // What texts are cut out of, and where it lies.
  #window = "";
  #windowStart = 0;
  #windowEnd = 0;

  /** @param bytes What to read, before another reader begins. @param owner What they are. */
  constructor(bytes: Uint8Array, owner: string = "job event") {
    if (!(bytes instanceof Uint8Array)) {
      throw new TypeError(`Cannot decode ${owner}: expected a Uint8Array`);
    }
    this.#owner = owner;
    this.#size = bytes.length;
    if (bytes.length <= SCRATCH_BYTES) {
      this.#bytes = scratch;
      this.#view = scratchView;
    } else {
      this.#bytes = new Uint8Array(bytes.length);
      this.#view = new DataView(this.#bytes.buffer);
    }
    this.#bytes.set(bytes);
  }

  /** Throws `ERR_DECODE` with the field and the offset. */
  fail(reason: string, offset: number = this.position, cause?: unknown): never {
    const field = this.field === "" ? "the map" : `field ${shorten(this.field)}`;
    throw new JobEventError(
      "ERR_DECODE",
      `Cannot decode ${this.#owner}: ${field} at offset ${offset}: ${reason}`,
      cause === undefined ? undefined : { cause },
    );
  }

  /** Reads the header of a map and gives the number of its members. */
  mapHeader(): number {
    const offset = this.position;
    const size = this.#mapSize(this.#byte());
    if (size === undefined) {
      this.fail(`expected a map, got ${typeName(this.#bytes[offset]!)}`, offset);
    }
    return this.#checkMapSize(size, offset);
  }

  /**
   * Reads the key of a member.
   *
   * @returns The key's index in the table, or -1 for a key that is not in it.
   */
  key(table: ByteTable<string>): number {
    const index = table.find(this.#view, this.position, this.#size);
    if (index >= 0) {
      this.field = table.names[index]!;
      this.position += 1 + this.field.length;
      return index;
    }
    this.field = "";
    this.field = this.string();
    return table.indexOf(this.field);
  }

  /** Reads a string that is in the table. */
  oneOf<T extends string>(table: ByteTable<T>, what: string): T {
    const offset = this.position;
    let index = table.find(this.#view, offset, this.#size);
    if (index >= 0) {
      const name = table.names[index]!;
      this.position = offset + 1 + name.length;
      return name;
    }
    const text = this.string();
    index = table.indexOf(text);
    if (index < 0) this.fail(`${JSON.stringify(shorten(text))} is not ${what}`, offset);
    return table.names[index]!;
  }

  /** Reads nil, if it is next. */
  nil(): boolean {
    if (this.position >= this.#size || this.#bytes[this.position] !== 0xc0) return false;
    this.position++;
    return true;
  }

  /** Reads a string. */
  string(): string {
    const offset = this.position;
    const length = this.#stringSize(this.#byte());
    if (length === undefined) {
      this.fail(`expected a string, got ${typeName(this.#bytes[offset]!)}`, offset);
    }
    return this.#text(length, offset);
  }

  /** Reads a number of any width. */
  number(): number {
    const offset = this.position;
    const head = this.#byte();
    // A field of a number is a float64 but for what others wrote.
    const value = head === 0xcb
      ? this.#view.getFloat64(this.#advance(8, offset))
      : this.#otherNumber(head, offset);
    if (!Number.isFinite(value)) this.fail(`${value} is not a finite number`, offset);
    return value;
  }

  #otherNumber(head: number, offset: number): number {
    const value = this.#number(head);
    if (value === undefined) {
      this.fail(`expected a number, got ${typeName(this.#bytes[offset]!)}`, offset);
    }
    return Number(value);
  }

  /** Reads a map whose keys and values are strings. */
  stringMap(): Record<string, string> {
    const map: Record<string, string> = {};
    for (let left = this.mapHeader(); left > 0; left--) {
      setMember(map, this.string(), this.string());
    }
    return map;
  }

  /** Reads a map of any values. */
  dynamicMap(): Record<string, JobEventValue> {
    const offset = this.position;
    return this.#map(this.mapHeader(), 1, offset);
  }

  /** Reads past one value of any type, also of one that has no meaning here. */
  skip(): void {
    this.#skip(1);
  }

  /** Throws unless everything was read. */
  end(): void {
    const left = this.#size - this.position;
    if (left > 0) this.fail(`${left} bytes follow the end of the ${this.#owner}`);
  }

  #skip(depth: number): void {
    const offset = this.position;
    const head = this.#byte();
    const mapSize = this.#mapSize(head);
    const arraySize = mapSize === undefined ? this.#arraySize(head) : undefined;
    if (mapSize !== undefined || arraySize !== undefined) {
      this.#checkDepth(depth, offset);
      let left = mapSize === undefined
        ? this.#checkArraySize(arraySize!, offset)
        : this.#checkMapSize(mapSize, offset) * 2;
      for (; left > 0; left--) this.#skip(depth + 1);
      return;
    }
    const dataSize = this.#stringSize(head) ?? this.#binarySize(head);
    if (dataSize !== undefined) {
      this.#advance(dataSize, offset);
      return;
    }
    const extensionSize = this.#extensionSize(head);
    if (extensionSize !== undefined) {
      this.#advance(extensionSize + 1, offset);
      return;
    }
    if (head === 0xc0 || head === 0xc2 || head === 0xc3) return;
    if (this.#number(head) === undefined) {
      this.fail(`expected a value, got ${typeName(this.#bytes[offset]!)}`, offset);
    }
  }

  #value(depth: number): JobEventValue {
    const offset = this.position;
    const head = this.#byte();
    const number = this.#number(head);
    if (number !== undefined) return number;
    const stringSize = this.#stringSize(head);
    if (stringSize !== undefined) return this.#text(stringSize, offset);
    const mapSize = this.#mapSize(head);
    if (mapSize !== undefined) {
      return this.#map(this.#checkMapSize(mapSize, offset), depth, offset);
    }
    const arraySize = this.#arraySize(head);
    if (arraySize !== undefined) {
      return this.#array(this.#checkArraySize(arraySize, offset), depth, offset);
    }
    const binarySize = this.#binarySize(head);
    if (binarySize !== undefined) {
      const start = this.#advance(binarySize, offset);
      return this.#bytes.slice(start, this.position);
    }
    switch (head) {
      case 0xc0:
        return null;
      case 0xc2:
        return false;
      case 0xc3:
        return true;
      default:
        return this.#extension(head, offset);
    }
  }

  #map(size: number, depth: number, start: number): Record<string, JobEventValue> {
    this.#checkDepth(depth, start);
    const map: Record<string, JobEventValue> = {};
    for (let left = size; left > 0; left--) {
      const key = this.#mapKey();
      setMember(map, key, this.#value(depth + 1));
    }
    return map;
  }

  /** A key is a text or what has one; never a map, in whose keys it would go on without end. */
  #mapKey(): string {
    const offset = this.position;
    const head = this.#bytes[offset] ?? 0;
    const key = isNested(head) ? {} : this.#value(1);
    if (typeof key === "object" && key !== null) {
      this.fail(`a map's key is ${typeName(this.#bytes[offset]!)}`, offset);
    }
    return String(key);
  }

  #array(size: number, depth: number, start: number): JobEventValue[] {
    this.#checkDepth(depth, start);
    const array: JobEventValue[] = [];
    for (let left = size; left > 0; left--) array.push(this.#value(depth + 1));
    return array;
  }

  #checkDepth(depth: number, offset: number): void {
    if (depth > MAX_DEPTH) this.fail(`it nests deeper than ${MAX_DEPTH} levels`, offset);
  }

  /** Every member takes two bytes or more: a larger size is a lie, found before any loop. */
  #checkMapSize(size: number, offset: number): number {
    if (size * 2 > this.#size - this.position) {
      this.fail(`a map of ${size} members is longer than the bytes`, offset);
    }
    return size;
  }

  #checkArraySize(size: number, offset: number): number {
    if (size > this.#size - this.position) {
      this.fail(`an array of ${size} elements is longer than the bytes`, offset);
    }
    return size;
  }

  /** Timestamps (type -1) become a Date; no other extension has a meaning here. */
  #extension(head: number, offset: number): Date {
    const size = this.#extensionSize(head);
    if (size === undefined) {
      this.fail(`expected a value, got ${typeName(this.#bytes[offset]!)}`, offset);
    }
    const type = this.#view.getInt8(this.#advance(1));
    const start = this.#advance(size, offset);
    if (type !== -1) this.fail(`extension type ${type} is not known`, offset);
    const date = timestamp(this.#bytes.subarray(start, this.position));
    if (date === undefined) this.fail(`a timestamp has ${size} bytes`, offset);
    if (Number.isNaN(date.getTime())) this.fail("a timestamp is out of range", offset);
    return date;
  }

  #byte(): number {
    if (this.position >= this.#size) this.fail("the bytes end early");
    return this.#bytes[this.position++]!;
  }

  /** Steps over `width` bytes and gives where they began. */
  #advance(width: number, offset: number = this.position): number {
    const at = this.position;
    if (width > this.#size - at) this.fail("the bytes end early", offset);
    this.position = at + width;
    return at;
  }

  #text(length: number, offset: number): string {
    const start = this.#advance(length, offset);
    const end = this.position;
    if (latin1Slice !== undefined && isAscii(this.#view, start, end)) {
      if (end > this.#windowEnd) this.#moveWindow(start, end);
      return this.#window.substring(start - this.#windowStart, end - this.#windowStart);
    }
    try {
      return decodeUtf8(this.#bytes.subarray(start, end));
    } catch (cause) {
      this.fail("a string is not UTF-8", offset, cause);
    }
  }

  #moveWindow(start: number, end: number): void {
    this.#windowStart = start;
    this.#windowEnd = Math.min(Math.max(end, start + WINDOW_BYTES), this.#size);
    this.#window = latin1Slice!.call(this.#bytes, start, this.#windowEnd);
  }

  #number(head: number): number | bigint | undefined {
    if (head < 0x80) return head;
    if (head >= 0xe0) return head - 0x100;
    const view = this.#view;
    switch (head) {
      case 0xca:
        return view.getFloat32(this.#advance(4));
      case 0xcb:
        return view.getFloat64(this.#advance(8));
      case 0xcc:
        return view.getUint8(this.#advance(1));
      case 0xcd:
        return view.getUint16(this.#advance(2));
      case 0xce:
        return view.getUint32(this.#advance(4));
      case 0xcf:
        return safeNumber(view.getBigUint64(this.#advance(8)));
      case 0xd0:
        return view.getInt8(this.#advance(1));
      case 0xd1:
        return view.getInt16(this.#advance(2));
      case 0xd2:
        return view.getInt32(this.#advance(4));
      case 0xd3:
        return safeNumber(view.getBigInt64(this.#advance(8)));
      default:
        return undefined;
    }
  }

  #stringSize(head: number): number | undefined {
    if ((head & 0xe0) === 0xa0) return head & 0x1f;
    if (head === 0xd9) return this.#view.getUint8(this.#advance(1));
    if (head === 0xda) return this.#view.getUint16(this.#advance(2));
    return head === 0xdb ? this.#view.getUint32(this.#advance(4)) : undefined;
  }

  #mapSize(head: number): number | undefined {
    if ((head & 0xf0) === 0x80) return head & 0x0f;
    if (head === 0xde) return this.#view.getUint16(this.#advance(2));
    return head === 0xdf ? this.#view.getUint32(this.#advance(4)) : undefined;
  }

  #arraySize(head: number): number | undefined {
    if ((head & 0xf0) === 0x90) return head & 0x0f;
    if (head === 0xdc) return this.#view.getUint16(this.#advance(2));
    return head === 0xdd ? this.#view.getUint32(this.#advance(4)) : undefined;
  }

  #binarySize(head: number): number | undefined {
    if (head === 0xc4) return this.#view.getUint8(this.#advance(1));
    if (head === 0xc5) return this.#view.getUint16(this.#advance(2));
    return head === 0xc6 ? this.#view.getUint32(this.#advance(4)) : undefined;
  }

  #extensionSize(head: number): number | undefined {
    if (head >= 0xd4 && head <= 0xd8) return 1 << (head - 0xd4);
    if (head === 0xc7) return this.#view.getUint8(this.#advance(1));
    if (head === 0xc8) return this.#view.getUint16(this.#advance(2));
    return head === 0xc9 ? this.#view.getUint32(this.#advance(4)) : undefined;
  }
}

/** An integer as a number where it fits without loss, else as it is. */
function safeNumber(value: bigint): number | bigint {
  const number = Number(value);
  return Number.isSafeInteger(number) ? number : value;
}
