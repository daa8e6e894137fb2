/** Concurrency with order: several lanes, and everything about one job in the same lane. */

/** Runs tasks in a fixed number of lanes. */
export class Lanes {
  readonly #tails: Promise<void>[];
  readonly #limit: number;
  readonly #waiting: (() => void)[] = [];
  readonly #abandoned = new AbortController();
  #pending = 0;

  /**
   * @param count Number of lanes.
   * @param limit How many tasks may wait or run before {@linkcode room} waits.
   */
  constructor(count: number, limit: number) {
    this.#tails = Array.from({ length: count }, () => Promise.resolve());
    this.#limit = limit;
  }

  /** Tasks that wait or run. */
  get pending(): number {
    return this.#pending;
  }

  /**
   * Runs a task after those with the same key. The task must not reject, and has to end when the
   * signal that it gets aborts.
   */
  push(key: string, task: (abandoned: AbortSignal) => Promise<void>): void {
    const lane = hash(key) % this.#tails.length;
    const { signal } = this.#abandoned;
    this.#pending++;
    this.#tails[lane] = this.#tails[lane]!.then(() => {
      if (!signal.aborted) return task(signal);
    }).then(() => {
      this.#pending--;
      if (this.#pending < this.#limit || this.#pending === 0) this.#wake();
    });
  }

  /** Waits until fewer tasks than the limit are pending. */
  async room(): Promise<void> {
    const { signal } = this.#abandoned;
    while (this.#pending >= this.#limit && !signal.aborted) await this.#changed();
  }

  /** Waits until no task is pending. */
  async idle(): Promise<void> {
    while (this.#pending > 0) await this.#changed();
  }

  /** Ends the tasks that run, and begins no further one. */
  abandon(): void {
    this.#abandoned.abort();
    this.#wake();
  }

  #changed(): Promise<void> {
    return new Promise((resolve) => this.#waiting.push(resolve));
  }

  #wake(): void {
    for (const resolve of this.#waiting.splice(0)) resolve();
  }
}

/** FNV-1a, 32 bits. http://www.isthe.com/chongo/tech/comp/fnv/ */
function hash(key: string): number {
  let value = 0x811c9dc5;
  for (let index = 0; index < key.length; index++) {
    value = Math.imul(value ^ key.charCodeAt(index), 0x01000193);
  }
  return value >>> 0;
}
