/** Known strings in encoded bytes. */

/** A list of strings that are found in encoded bytes without building a string. */
export class ByteTable<T extends string> {
  /** The strings. */
  readonly names: readonly T[];
  /**
   * The index of the string that is encoded at a position before `end`, with a header of one byte,
   * else -1. It may miss a string: then {@linkcode indexOf} is asked.
   */
  readonly find: (view: DataView, position: number, end: number) => number;
  readonly #byName: ReadonlyMap<string, number>;

  /** @param names The strings; the index of each is what the methods give. */
  constructor(names: readonly T[], find: ByteTable<T>["find"]) {
    this.names = names;
    this.find = find;
    this.#byName = new Map(names.map((name, index) => [name, index]));
  }

  /** The index of a string, else -1. */
  indexOf(name: string): number {
    return this.#byName.get(name) ?? -1;
  }
}
