/** Concurrency with order: several tasks at a time, but never two with the same key. */

type Task = (abandoned: AbortSignal) => Promise<void>;

/** Runs tasks, a fixed number at a time, those of one key one after the other. */
export class Lanes {
  readonly #count: number;
  readonly #limit: number;
  /** The tasks of each key that are still to be run, for all keys that have one or run one. */
  readonly #queues = new Map<string, Task[]>();
  /** Keys whose next task can run, the one that waits longest first. */
  readonly #ready: string[] = [];
  readonly #waiting: (() => void)[] = [];
  readonly #abandoned = new AbortController();
  #running = 0;
  #pending = 0;

  /**
   * @param count How many tasks run at a time.
   * @param limit How many tasks may wait or run before {@linkcode room} waits.
   */
  constructor(count: number, limit: number) {
    this.#count = count;
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
  push(key: string, task: Task): void {
    this.#pending++;
    const queue = this.#queues.get(key);
    if (queue !== undefined) {
      queue.push(task);
      return;
    }
    this.#queues.set(key, [task]);
    this.#ready.push(key);
    this.#fill();
  }

  /** Whether as many tasks as the limit are pending. */
  get isFull(): boolean {
    return this.#pending >= this.#limit;
  }

  /** Waits until fewer tasks than the limit are pending. */
  async room(): Promise<void> {
    const { signal } = this.#abandoned;
    while (this.isFull && !signal.aborted) await this.#changed();
  }

  /** Waits until no task is pending, or the tasks were abandoned. */
  async idle(): Promise<void> {
    const { signal } = this.#abandoned;
    while (this.#pending > 0 && !signal.aborted) await this.#changed();
  }

  /** Ends the tasks that run, begins no further one, and waits for none. */
  abandon(): void {
    this.#abandoned.abort();
    this.#wake();
  }

  #fill(): void {
    while (this.#running < this.#count) {
      const key = this.#ready.shift();
      if (key === undefined) return;
      this.#running++;
      void this.#runNext(key);
    }
  }

  async #runNext(key: string): Promise<void> {
    const queue = this.#queues.get(key)!;
    const task = queue.shift()!;
    const { signal } = this.#abandoned;
    await (signal.aborted ? undefined : task(signal));
    this.#running--;
    this.#pending--;
    // At the end of the line: a job with many events does not keep the others waiting.
    if (queue.length > 0) this.#ready.push(key);
    else this.#queues.delete(key);
    if (this.#pending < this.#limit || this.#pending === 0) this.#wake();
    this.#fill();
  }

  #changed(): Promise<void> {
    return new Promise((resolve) => this.#waiting.push(resolve));
  }

  #wake(): void {
    for (const resolve of this.#waiting.splice(0)) resolve();
  }
}
