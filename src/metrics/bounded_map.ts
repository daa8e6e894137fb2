/** Maps that do not grow without end. */

/** What counts for all keys that came after the map was full. */
export const OTHER_KEY = "(other)";

/** A map from labels to counters: labels beyond the limit share one entry. */
export class LabelMap<T> {
  readonly #entries = new Map<string, T>();
  readonly #limit: number;
  readonly #create: () => T;

  constructor(limit: number, create: () => T) {
    this.#limit = limit;
    this.#create = create;
  }

  /** The entry of a label, made if need be. */
  get(label: string): T {
    const existing = this.#entries.get(label);
    if (existing !== undefined) return existing;
    if (this.#entries.size >= this.#limit && label !== OTHER_KEY) return this.get(OTHER_KEY);
    const entry = this.#create();
    this.#entries.set(label, entry);
    return entry;
  }

  /** The entries as a plain object. */
  toObject<U>(map: (entry: T) => U): Record<string, U> {
    return Object.fromEntries([...this.#entries].map(([label, entry]) => [label, map(entry)]));
  }
}

/** A map that forgets the entry that was set first when it is full. */
export class RecentMap<T> {
  readonly #entries = new Map<string, T>();
  readonly #limit: number;

  constructor(limit: number) {
    this.#limit = limit;
  }

  /** Number of entries. */
  get size(): number {
    return this.#entries.size;
  }

  /** Sets an entry. */
  set(key: string, value: T): void {
    this.#entries.delete(key);
    this.#entries.set(key, value);
    if (this.#entries.size <= this.#limit) return;
    const oldest = this.#entries.keys().next();
    if (!oldest.done) this.#entries.delete(oldest.value);
  }

  /** Takes an entry out. */
  take(key: string): T | undefined {
    const value = this.#entries.get(key);
    this.#entries.delete(key);
    return value;
  }
}
