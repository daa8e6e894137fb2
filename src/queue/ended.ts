/** Who is told of tasks that a queue ends by itself. */

import type { Task } from "./task.ts";

/** The listeners of one queue. */
export class EndedListeners {
  readonly #listeners = new Set<(task: Task) => void>();

  /** Adds a listener; the returned function takes it away. */
  add(listener: (task: Task) => void): () => void {
    // Its own, so that one function that is added twice is told twice.
    const own = (task: Task): void => listener(task);
    this.#listeners.add(own);
    return () => void this.#listeners.delete(own);
  }

  /** How many there are. */
  get size(): number {
    return this.#listeners.size;
  }

  /** Tells all of them. */
  tell(task: Task): void {
    for (const listener of [...this.#listeners]) listener(task);
  }
}
