/** Maps that do not grow without end. */

/** What counts for all keys that came after the map was full. */
export const OTHER_KEY = "(other)";

/** Ids are no longer than that. An error type can be anything, and is cut. */
const MAX_LABEL_LENGTH = 255;

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
  get(fullLabel: string): T {
    const label = fullLabel.slice(0, MAX_LABEL_LENGTH);
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
  #keys = this.#entries.keys();
  readonly #limit: number;

  constructor(limit: number) {
    this.#limit = limit;
  }

  /** Sets an entry that is not there. Gives the one that had to make room. */
  set(key: string, value: T): T | undefined {
    this.#entries.set(key, value);
    if (this.#entries.size <= this.#limit) return undefined;
    return this.take(this.#oldest());
  }

  /**
   * The key of the entry that was set first. What stands before it was taken out: an iterator that
   * goes on from where it was need not pass over all of that again, as a new one does in V8.
   */
  #oldest(): string {
    let next = this.#keys.next();
    if (next.done) {
      this.#keys = this.#entries.keys();
      next = this.#keys.next();
    }
    return next.value!;
  }

  /** Takes an entry out. */
  take(key: string): T | undefined {
    const value = this.#entries.get(key);
    this.#entries.delete(key);
    return value;
  }
}
