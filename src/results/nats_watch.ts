/** One watch of a bucket that all who wait share. */

import { LiveReader } from "../nats/live.ts";
import type { ReadContext } from "../nats/patience.ts";
import type { StreamMessage } from "../nats/message.ts";
import { type CancelTimer, startTimer, unrefTimer } from "../timer.ts";
import { type ResultListener, ResultListeners } from "./waiting.ts";

/** How long the watch outlives the last listener: the next one may come soon. */
const LINGER_MS = 5000;

/** One life of the watch. */
interface Watch {
  readonly end: AbortController;
  readonly ready: Promise<void>;
  readonly over: Promise<void>;
}

/** Watches a bucket for as long as somebody waits, and a little longer. */
export class ResultWatch {
  readonly #context: ReadContext;
  readonly #onMessage: (message: StreamMessage, listeners: ResultListeners) => void;
  readonly #listeners = new ResultListeners();
  #watch: Watch | undefined;
  #cancelEnd: CancelTimer | undefined;

  /**
   * Makes a watch, which begins with the first listener.
   *
   * @param onMessage Gets what is stored.
   */
  constructor(
    context: ReadContext,
    onMessage: (message: StreamMessage, listeners: ResultListeners) => void,
  ) {
    this.#context = context;
    this.#onMessage = onMessage;
  }

  /** Adds a listener. Resolves when it misses nothing that is stored from then on. */
  listen(listener: ResultListener): Promise<void> {
    this.#cancelEnd?.();
    this.#cancelEnd = undefined;
    this.#listeners.add(listener);
    this.#watch ??= this.#begin();
    return this.#watch.ready;
  }

  /** Removes a listener. */
  forget(listener: ResultListener): void {
    this.#listeners.remove(listener);
    if (this.#listeners.size > 0 || this.#watch === undefined) return;
    this.#cancelEnd?.();
    this.#cancelEnd = startTimer(() => void this.#end(), LINGER_MS, unrefTimer);
  }

  /** Ends the watch, and all who wait with an error. */
  async close(error: unknown): Promise<void> {
    this.#cancelEnd?.();
    this.#listeners.end(error);
    this.#cancelEnd?.();
    await this.#end();
  }

  async #end(): Promise<void> {
    const watch = this.#watch;
    this.#watch = undefined;
    watch?.end.abort();
    await watch?.over;
  }

  #begin(): Watch {
    const end = new AbortController();
    const patterns = [this.#context.stream.subjects.all()];
    const reader = new LiveReader(this.#context, { patterns, start: "new", signal: end.signal });
    const ready = reader.open();
    const over = this.#follow(reader, ready, end.signal);
    return { end, ready, over };
  }

  async #follow(reader: LiveReader, ready: Promise<void>, signal: AbortSignal): Promise<void> {
    try {
      await ready;
      for (;;) {
        const message = await reader.next();
        if (message === undefined) break;
        this.#onMessage(message, this.#listeners);
      }
    } catch (error) {
      if (!signal.aborted) {
        this.#watch = undefined;
        this.#listeners.end(error);
      }
    } finally {
      await reader.close().catch(() => {});
    }
  }
}
