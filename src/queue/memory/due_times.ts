/** What comes up when: the earliest first. */

/** Something that comes up at a time, in milliseconds since the Unix epoch. */
export interface Due {
  readonly at: number;
  readonly id: string;
  readonly generation: number;
}

/** A binary heap by time. */
export class DueTimes {
  #heap: Due[] = [];

  /** How many there are. */
  get size(): number {
    return this.#heap.length;
  }

  /** The time of the first one; `undefined` when there is none. */
  get next(): number | undefined {
    return this.#heap[0]?.at;
  }

  /** Adds one. */
  add(due: Due): void {
    const heap = this.#heap;
    let place = heap.push(due) - 1;
    while (place > 0) {
      const above = (place - 1) >> 1;
      if (heap[above]!.at <= due.at) break;
      heap[place] = heap[above]!;
      place = above;
    }
    heap[place] = due;
  }

  /** Takes the first one out if its time has come. */
  take(nowMs: number): Due | undefined {
    const first = this.#heap[0];
    if (first === undefined || first.at > nowMs) return undefined;
    const last = this.#heap.pop()!;
    if (this.#heap.length > 0) this.#sink(last);
    return first;
  }

  /** Forgets those that do not come up any more. */
  keep(isWanted: (due: Due) => boolean): void {
    const kept = this.#heap.filter(isWanted);
    this.#heap = [];
    for (const due of kept) this.add(due);
  }

  #sink(due: Due): void {
    const heap = this.#heap;
    let place = 0;
    for (let below = 1; below < heap.length; below = 2 * place + 1) {
      if (below + 1 < heap.length && heap[below + 1]!.at < heap[below]!.at) below++;
      if (heap[below]!.at >= due.at) break;
      heap[place] = heap[below]!;
      place = below;
    }
    heap[place] = due;
  }
}
