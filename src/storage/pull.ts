/** What live streams and groups share: a life that ends from several sides, and one loop. */

import { pause } from "../timer.ts";

/** How long a loop may run before the runtime gets a turn, in milliseconds. */
const TURN_MS = 20;

/** A life that ends once: by a call, by an abort, or with its owner. */
export class Lifetime {
  readonly #controller = new AbortController();
  readonly #source: AbortSignal | undefined;
  readonly #onEnd: () => void;

  /**
   * @param source Ends the life when it aborts.
   * @param onEnd Called once, when the life ends.
   */
  constructor(source: AbortSignal | undefined, onEnd: () => void) {
    this.#source = source;
    this.#onEnd = onEnd;
    if (source?.aborted) this.end();
    else source?.addEventListener("abort", this.end);
  }

  /** Aborts when the life ends. */
  get signal(): AbortSignal {
    return this.#controller.signal;
  }

  /** Whether it is over. */
  get ended(): boolean {
    return this.#controller.signal.aborted;
  }

  /** Ends the life. Idempotent. */
  readonly end = (): void => {
    if (this.ended) return;
    this.#source?.removeEventListener("abort", this.end);
    this.#controller.abort();
    this.#onEnd();
  };
}

/** Lets the runtime run its timers and its input when a loop has kept it busy for long. */
export class Breather {
  #since = performance.now();

  /** Whether it is the runtime's turn. */
  get isDue(): boolean {
    return performance.now() - this.#since >= TURN_MS;
  }

  /** Resolves after the runtime's turn. */
  async pause(): Promise<void> {
    await turn();
    this.#since = performance.now();
  }
}

/** A turn of the runtime: a message comes sooner than a timer, which takes a millisecond. */
async function turn(): Promise<void> {
  // Workers of before August 2025 have none.
  if (typeof MessageChannel === "undefined") return await pause(0);
  const { port1, port2 } = new MessageChannel();
  await new Promise((resolve) => {
    port1.onmessage = resolve;
    port2.postMessage(null);
  });
  port1.close();
}

/**
 * A sequence that is pulled: each step waits for the next value. Written out rather than as an
 * async generator, whose `return()` waits for a pending `next()`: a live stream must end at once.
 */
export class PulledSequence<Value> implements AsyncIterable<Value>, AsyncDisposable {
  /** Resolves when the sequence takes part in what is to come. */
  readonly ready: Promise<void>;
  readonly #lifetime: Lifetime;
  readonly #step: () => Promise<Value | undefined>;
  readonly #breather = new Breather();
  #taken = false;
  #isReady = false;
  /** How many calls are under way, and the last one of them. */
  #calls = 0;
  #last: Promise<unknown> | undefined;

  /**
   * @param lifetime Ends the sequence.
   * @param ready See {@linkcode ready}.
   * @param step Gives the next value, or `undefined` when the lifetime ended meanwhile.
   */
  constructor(lifetime: Lifetime, ready: Promise<void>, step: () => Promise<Value | undefined>) {
    this.#lifetime = lifetime;
    this.#step = step;
    this.ready = ready;
    // Whoever does not ask gets the error from the loop; it must not end the process.
    ready.then(() => this.#isReady = true, () => {});
  }

  /**
   * The one loop.
   *
   * @throws {TypeError} There is a loop already.
   */
  [Symbol.asyncIterator](): AsyncIterator<Value, undefined> {
    if (this.#taken && !this.#lifetime.ended) {
      throw new TypeError("Cannot read the stream: another loop reads it already");
    }
    this.#taken = true;
    return {
      next: () => this.#enqueue(),
      return: () => this.#return(),
    };
  }

  /** Ends the sequence. */
  [Symbol.asyncDispose](): Promise<void> {
    this.#lifetime.end();
    return Promise.resolve();
  }

  #enqueue(): Promise<IteratorResult<Value, undefined>> {
    const next = (): Promise<IteratorResult<Value, undefined>> => this.#next();
    // Mostly nobody else waits, and each promise costs as much as other parts of a delivery.
    const result = this.#calls++ === 0 ? next() : this.#last!.then(next, next);
    this.#last = result;
    return result;
  }

  async #next(): Promise<IteratorResult<Value, undefined>> {
    try {
      if (!this.#isReady && !this.#lifetime.ended) await this.ready;
      if (this.#breather.isDue && !this.#lifetime.ended) await this.#breather.pause();
      const value = this.#lifetime.ended ? undefined : await this.#step();
      return value === undefined ? { done: true, value: undefined } : { done: false, value };
    } catch (error) {
      this.#lifetime.end();
      throw error;
    } finally {
      this.#calls--;
    }
  }

  #return(): Promise<IteratorResult<Value, undefined>> {
    this.#lifetime.end();
    return Promise.resolve({ done: true, value: undefined });
  }
}
