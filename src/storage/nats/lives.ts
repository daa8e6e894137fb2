/** Everything of a storage that ends with it: live streams and members of groups. */

import { Lifetime } from "../pull.ts";

/** The lives that go on, and the ends that still free something on the server. */
export class Lives {
  readonly #lives = new Set<Lifetime>();
  readonly #endings = new Set<Promise<void>>();

  /**
   * Begins a life.
   *
   * @param signal Ends it.
   * @param onEnd Called once, when it ends; not at all when the signal has aborted before.
   */
  readonly begin = (signal: AbortSignal | undefined, onEnd: () => Promise<void>): Lifetime => {
    if (signal?.aborted) return new Lifetime(signal, () => {});
    const lifetime = new Lifetime(signal, () => {
      this.#lives.delete(lifetime);
      const ending = onEnd().catch(() => {}).finally(() => this.#endings.delete(ending));
      this.#endings.add(ending);
    });
    this.#lives.add(lifetime);
    return lifetime;
  };

  /** Ends all lives. */
  end(): void {
    for (const lifetime of [...this.#lives]) lifetime.end();
  }

  /** Waits until everything that has ended is freed. */
  async freed(): Promise<void> {
    await Promise.all(this.#endings);
  }
}
