/** Event ids: what tells an event from every other. */

const PREFIX_BYTES = 12;

/**
 * Makes event ids: a random prefix, a dash and a counter, for example `Xk3vQ0a9L2mTz81b-7`.
 *
 * The prefix has 96 random bits, so two sources never share one in practice; the counter makes the
 * ids of one source differ and costs next to nothing.
 *
 * @example
 * ```ts
 * import { EventIdSource } from "@naq/events";
 * import assert from "node:assert/strict";
 *
 * const ids = new EventIdSource("import-2024");
 * assert.equal(ids.next(), "import-2024-1");
 * assert.equal(ids.next(), "import-2024-2");
 * ```
 */
export class EventIdSource {
  #prefix: string | undefined;
  #count = 0;

  /**
   * Begins with number 1.
   *
   * @param prefix What every id begins with. Give one only to make ids repeatable: two sources with
   * the same prefix make the same ids, and a storage keeps each id once. @default random
   */
  constructor(prefix?: string) {
    this.#prefix = prefix;
  }

  /** The next id. No two calls give the same. */
  next(): string {
    this.#count++;
    return this.at(this.#count);
  }

  /** The id with a given number, from 1, for a caller that numbers its events itself. */
  at(number: number): string {
    // The random bytes are drawn with the first id, not in the constructor: some runtimes at the
    // edge refuse them while modules load, which is where a logger is often made.
    this.#prefix ??= randomPrefix();
    return `${this.#prefix}-${number.toString(36)}`;
  }
}

const ALPHABET = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_-";

/** A prefix that no other source has. */
export function randomPrefix(): string {
  const bytes = crypto.getRandomValues(new Uint8Array(PREFIX_BYTES));
  let prefix = "";
  for (let index = 0; index < PREFIX_BYTES; index += 3) {
    const bits = bytes[index]! << 16 | bytes[index + 1]! << 8 | bytes[index + 2]!;
    for (let shift = 18; shift >= 0; shift -= 6) prefix += ALPHABET[bits >> shift & 63];
  }
  return prefix;
}
