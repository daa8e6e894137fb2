/** Finds known strings in encoded bytes without building a string. */

const encoder = new TextEncoder();

// A MessagePack string of up to 31 bytes begins with one byte: 0xa0 and the length.
const FIXSTR = 0xa0;
const FIXSTR_MAX = 31;

/** A list of strings, each with its MessagePack form. */
export class ByteTable<T extends string> {
  /** The strings. */
  readonly names: readonly T[];
  readonly #encoded: readonly Uint8Array[];
  /** For each first byte of the encoded form, the indexes of the strings that begin with it. */
  readonly #byHead: readonly (readonly number[])[];
  readonly #byName: ReadonlyMap<string, number>;

  /** @param names The strings; the index of each is what the methods give. */
  constructor(names: readonly T[]) {
    this.names = names;
    this.#encoded = names.map(encode);
    this.#byHead = Array.from(
      { length: 256 },
      (_, head) => names.map((_, index) => index).filter((at) => this.#encoded[at]![0] === head),
    );
    this.#byName = new Map(names.map((name, index) => [name, index]));
  }

  /** The index of the string that is encoded at `position` in its shortest form, else -1. */
  find(bytes: Uint8Array, position: number): number {
    const candidates = this.#byHead[bytes[position]!];
    if (candidates === undefined) return -1;
    for (let index = 0; index < candidates.length; index++) {
      const candidate = candidates[index]!;
      if (begins(bytes, position, this.#encoded[candidate]!)) return candidate;
    }
    return -1;
  }

  /** The number of bytes of a string's shortest encoded form. */
  size(index: number): number {
    return this.#encoded[index]!.length;
  }

  /** The index of a string, else -1. */
  indexOf(name: string): number {
    return this.#byName.get(name) ?? -1;
  }
}

/** Whether `wanted` lies at `position`; past the end there is nothing that is equal. */
function begins(bytes: Uint8Array, position: number, wanted: Uint8Array): boolean {
  for (let index = 1; index < wanted.length; index++) {
    if (bytes[position + index] !== wanted[index]) return false;
  }
  return true;
}

function encode(name: string): Uint8Array {
  const text = encoder.encode(name);
  if (text.length <= FIXSTR_MAX) return Uint8Array.of(FIXSTR | text.length, ...text);
  return Uint8Array.of(0xd9, text.length, ...text);
}
