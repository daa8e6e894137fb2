/** Bounds how many requests are under way: a server that gets thousands at once answers none. */

/** Lets so many calls run at the same time; the others wait for their turn, in their order. */
export class Turns {
  readonly #waiting: (() => void)[] = [];
  #free: number;

  /** @param limit How many calls run at the same time. */
  constructor(limit: number) {
    this.#free = limit;
  }

  /** Calls when it is this call's turn. */
  async take<Value>(call: () => Promise<Value>): Promise<Value> {
    if (this.#free > 0) this.#free--;
    else await new Promise<void>((resolve) => this.#waiting.push(resolve));
    try {
      return await call();
    } finally {
      // The turn goes to the next one, or is free.
      const next = this.#waiting.shift();
      if (next === undefined) this.#free++;
      else next();
    }
  }
}
