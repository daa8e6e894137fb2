/** The tasks of one queue that wait in line, and how many there are of the others. */

/** The tasks of one priority, in the order in which they came. */
class Line {
  readonly #ids = new Set<string>();
  /** Kept, because the first member of a set that lost many is found slowly. */
  #iterator: Iterator<string> | undefined;

  get size(): number {
    return this.#ids.size;
  }

  ids(): IterableIterator<string> {
    return this.#ids.keys();
  }

  add(id: string): void {
    this.#ids.add(id);
  }

  delete(id: string): void {
    this.#ids.delete(id);
  }

  take(): string | undefined {
    while (this.size > 0) {
      this.#iterator ??= this.#ids.keys();
      const { value, done } = this.#iterator.next();
      if (done === true) this.#iterator = undefined;
      else if (this.#ids.delete(value)) return value;
    }
    return undefined;
  }
}

/** One queue in memory. */
export class MemoryQueue {
  /** Tasks whose time has not come. */
  readonly delayed: Set<string> = new Set();
  /** Tasks that are claimed. */
  readonly running: Set<string> = new Set();
  readonly #lines = new Map<number, Line>();
  /** The priorities, the highest first. */
  #order: readonly number[] = [];

  /** How many wait in line. */
  get pending(): number {
    let size = 0;
    for (const line of this.#lines.values()) size += line.size;
    return size;
  }

  /** Whether there is nothing. */
  get isEmpty(): boolean {
    return this.pending + this.delayed.size + this.running.size === 0;
  }

  /** Those that wait in line, and those whose time has not come. */
  waiting(): string[] {
    return [...this.#lines.values()].flatMap((line) => [...line.ids()]).concat([...this.delayed]);
  }

  /** Puts a task at the end of the line of its priority. */
  add(priority: number, id: string): void {
    let line = this.#lines.get(priority);
    if (line === undefined) {
      line = new Line();
      this.#lines.set(priority, line);
      this.#order = [...this.#lines.keys()].sort((left, right) => right - left);
    }
    line.add(id);
  }

  /** Forgets a task. */
  delete(priority: number, id: string): void {
    this.#lines.get(priority)?.delete(id);
    this.delayed.delete(id);
    this.running.delete(id);
  }

  /** Takes the first one out. */
  take(): string | undefined {
    for (const priority of this.#order) {
      const id = this.#lines.get(priority)?.take();
      if (id !== undefined) return id;
    }
    return undefined;
  }
}
