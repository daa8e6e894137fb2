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
import { decodeUtf8, SHORT_TEXT, shortAscii, shorten } from "./text.ts";

// The bytes of a float, to read it without a DataView for each event.
const floatBytes = new Uint8Array(8);
const floatView = new DataView(floatBytes.buffer);

/** Reads one MessagePack value after the other from bytes. */
export class MsgpackReader {
  /** What is read. */
  readonly bytes: Uint8Array;
  /** Where the next value begins. */
  position = 0;
  /** The field that is being read, for errors. */
  field = "";
  readonly #owner: string;

  /** @param bytes What to read; not copied. @param owner What they are, for errors. */
  constructor(bytes: Uint8Array, owner: string = "job event") {
    this.bytes = bytes;
    this.#owner = owner;
    if (bytes instanceof Uint8Array) return;
    throw new TypeError(`Cannot decode ${owner}: expected a Uint8Array`);
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
      this.fail(`expected a map, got ${typeName(this.bytes[offset]!)}`, offset);
    }
    return this.#checkMapSize(size, offset);
  }

  /**
   * Reads the key of a member.
   *
   * @returns The key's index in the table, or -1 for a key that is not in it.
   */
  key(table: ByteTable<string>): number {
    const index = table.find(this.bytes, this.position);
    if (index >= 0) {
      this.position += table.size(index);
      this.field = table.names[index]!;
      return index;
    }
    this.field = "";
    this.field = this.string();
    return table.indexOf(this.field);
  }

  /** Reads a string that is in the table. */
  oneOf<T extends string>(table: ByteTable<T>, what: string): T {
    const offset = this.position;
    let index = table.find(this.bytes, offset);
    if (index >= 0) {
      this.position = offset + table.size(index);
    } else {
      const text = this.string();
      index = table.indexOf(text);
      if (index < 0) this.fail(`${JSON.stringify(shorten(text))} is not ${what}`, offset);
    }
    return table.names[index]!;
  }

  /** Reads nil, if it is next. */
  nil(): boolean {
    if (this.bytes[this.position] !== 0xc0) return false;
    this.position++;
    return true;
  }

  /** Reads a string. */
  string(): string {
    const offset = this.position;
    const head = this.bytes[offset]!;
    // Most strings are short: no further call for these.
    if (head >= 0xa0 && head <= 0xa0 + SHORT_TEXT) {
      const size = head & 0x1f;
      const text = shortAscii(this.bytes, offset + 1, size);
      if (text !== undefined) {
        this.position = offset + 1 + size;
        return text;
      }
    }
    const length = this.#stringSize(this.#byte());
    if (length === undefined) {
      this.fail(`expected a string, got ${typeName(this.bytes[offset]!)}`, offset);
    }
    return this.#text(length, offset);
  }

  /** Reads a number of any width. */
  number(): number {
    const offset = this.position;
    const { bytes } = this;
    let value: number | bigint | undefined;
    if (bytes[offset] === 0xcb && offset + 9 <= bytes.length) {
      for (let index = 0; index < 8; index++) floatBytes[index] = bytes[offset + 1 + index]!;
      this.position = offset + 9;
      value = floatView.getFloat64(0);
    } else {
      value = this.#number(this.#byte());
      if (value === undefined) {
        this.fail(`expected a number, got ${typeName(this.bytes[offset]!)}`, offset);
      }
      value = Number(value);
    }
    if (!Number.isFinite(value)) this.fail(`${value} is not a finite number`, offset);
    return value;
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
    const left = this.bytes.length - this.position;
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
      this.fail(`expected a value, got ${typeName(this.bytes[offset]!)}`, offset);
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
      // Not `slice`: that of a Buffer copies nothing.
      return new Uint8Array(this.bytes.subarray(start, this.position));
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
    const head = this.bytes[offset] ?? 0;
    const key = isNested(head) ? {} : this.#value(1);
    if (typeof key === "object" && key !== null) {
      this.fail(`a map's key is ${typeName(this.bytes[offset]!)}`, offset);
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
    if (size * 2 > this.bytes.length - this.position) {
      this.fail(`a map of ${size} members is longer than the bytes`, offset);
    }
    return size;
  }

  #checkArraySize(size: number, offset: number): number {
    if (size > this.bytes.length - this.position) {
      this.fail(`an array of ${size} elements is longer than the bytes`, offset);
    }
    return size;
  }

  /** Timestamps (type -1) become a Date; no other extension has a meaning here. */
  #extension(head: number, offset: number): Date {
    const size = this.#extensionSize(head);
    if (size === undefined) {
      this.fail(`expected a value, got ${typeName(this.bytes[offset]!)}`, offset);
    }
    const type = this.#int(1);
    const start = this.#advance(size, offset);
    if (type !== -1) this.fail(`extension type ${type} is not known`, offset);
    const date = timestamp(this.bytes.subarray(start, this.position));
    if (date === undefined) this.fail(`a timestamp has ${size} bytes`, offset);
    if (Number.isNaN(date.getTime())) this.fail("a timestamp is out of range", offset);
    return date;
  }

  #byte(): number {
    const byte = this.bytes[this.position];
    if (byte === undefined) this.fail("the bytes end early");
    this.position++;
    return byte;
  }

  #uint(width: 1 | 2 | 4): number {
    const value = this.#int(width);
    return width === 4 ? value >>> 0 : value & (1 << width * 8) - 1;
  }

  #int(width: 1 | 2 | 4): number {
    const { bytes } = this;
    const at = this.#advance(width);
    if (width === 1) return bytes[at]! << 24 >> 24;
    if (width === 2) return (bytes[at]! << 24 >> 16) | bytes[at + 1]!;
    return bytes[at]! << 24 | bytes[at + 1]! << 16 | bytes[at + 2]! << 8 | bytes[at + 3]!;
  }

  /** Copies the bytes of a number to where they can be read as one. */
  #float(width: 4 | 8): DataView {
    const { bytes } = this;
    const at = this.#advance(width);
    for (let index = 0; index < width; index++) floatBytes[index] = bytes[at + index]!;
    return floatView;
  }

  /** Steps over `width` bytes and gives where they began. */
  #advance(width: number, offset: number = this.position): number {
    const at = this.position;
    if (width > this.bytes.length - at) this.fail("the bytes end early", offset);
    this.position = at + width;
    return at;
  }

  #text(length: number, offset: number): string {
    const start = this.#advance(length, offset);
    const text = length <= SHORT_TEXT ? shortAscii(this.bytes, start, length) : undefined;
    if (text !== undefined) return text;
    try {
      return decodeUtf8(this.bytes.subarray(start, this.position));
    } catch (cause) {
      this.fail("a string is not UTF-8", offset, cause);
    }
  }

  #number(head: number): number | bigint | undefined {
    if (head < 0x80) return head;
    if (head >= 0xe0) return head - 0x100;
    switch (head) {
      case 0xca:
        return this.#float(4).getFloat32(0);
      case 0xcb:
        return this.#float(8).getFloat64(0);
      case 0xcc:
        return this.#uint(1);
      case 0xcd:
        return this.#uint(2);
      case 0xce:
        return this.#uint(4);
      case 0xcf:
        return safeNumber(this.#float(8).getBigUint64(0));
      case 0xd0:
        return this.#int(1);
      case 0xd1:
        return this.#int(2);
      case 0xd2:
        return this.#int(4);
      case 0xd3:
        return safeNumber(this.#float(8).getBigInt64(0));
      default:
        return undefined;
    }
  }

  #stringSize(head: number): number | undefined {
    if ((head & 0xe0) === 0xa0) return head & 0x1f;
    if (head === 0xd9) return this.#uint(1);
    if (head === 0xda) return this.#uint(2);
    return head === 0xdb ? this.#uint(4) : undefined;
  }

  #mapSize(head: number): number | undefined {
    if ((head & 0xf0) === 0x80) return head & 0x0f;
    if (head === 0xde) return this.#uint(2);
    return head === 0xdf ? this.#uint(4) : undefined;
  }

  #arraySize(head: number): number | undefined {
    if ((head & 0xf0) === 0x90) return head & 0x0f;
    if (head === 0xdc) return this.#uint(2);
    return head === 0xdd ? this.#uint(4) : undefined;
  }

  #binarySize(head: number): number | undefined {
    if (head === 0xc4) return this.#uint(1);
    if (head === 0xc5) return this.#uint(2);
    return head === 0xc6 ? this.#uint(4) : undefined;
  }

  #extensionSize(head: number): number | undefined {
    if (head >= 0xd4 && head <= 0xd8) return 1 << (head - 0xd4);
    if (head === 0xc7) return this.#uint(1);
    if (head === 0xc8) return this.#uint(2);
    return head === 0xc9 ? this.#uint(4) : undefined;
  }
}

/** An integer as a number where it fits without loss, else as it is. */
function safeNumber(value: bigint): number | bigint {
  const number = Number(value);
  return Number.isSafeInteger(number) ? number : value;
}
