/** Events in memory, in the order of their positions. */

import type { StoredRow } from "../engine.ts";
import type { FilteredFields } from "../filter.ts";

/** One event in memory. */
export interface Entry extends StoredRow {
  /** What filters look at: no event is decoded to be passed over. */
  readonly fields: FilteredFields;
  /** When it was stored, in milliseconds since the Unix epoch. */
  readonly storedAt: number;
  /** Whether it is only still here because removing it would move all that follow. */
  deleted: boolean;
}

/** A list of entries with rising positions. Removed entries stay until half of the list is gone. */
export class EntryLog {
  #entries: Entry[] = [];
  #head = 0;
  #size = 0;

  /** Number of entries that are not deleted. */
  get size(): number {
    return this.#size;
  }

  /** The index after the last one. */
  get end(): number {
    return this.#entries.length;
  }

  /** The first entry that is not deleted. */
  get first(): Entry | undefined {
    return this.#entries[this.#head];
  }

  /** The entry at an index, deleted or not. */
  at(index: number): Entry {
    return this.#entries[index]!;
  }

  /** Adds an entry with a higher position than all others. */
  push(entry: Entry): void {
    this.#entries.push(entry);
    this.#size++;
  }

  /** Takes notice that one of the entries was marked as deleted. Indexes may change. */
  removed(): void {
    this.#size--;
    while (this.#entries[this.#head]?.deleted) this.#head++;
    if (this.#entries.length > 32 && this.#size < this.#entries.length / 2) {
      this.#entries = this.#entries.filter((entry) => !entry.deleted);
      this.#head = 0;
    }
  }

  /** The index of the first entry for which `isAfter` holds; it must hold for all that follow. */
  search(isAfter: (entry: Entry) => boolean): number {
    let low = this.#head;
    let high = this.#entries.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (isAfter(this.at(middle))) high = middle;
      else low = middle + 1;
    }
    return low;
  }
}
