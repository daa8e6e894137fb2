/** One live subscription that many listeners share. */

import type { StoredJobEvent } from "../gen/types.ts";
import type { JobEventSource, JobEventStream } from "../storage/storage.ts";

/** Somebody who wants to see the events of one job. Must not throw. */
export interface LiveListener {
  readonly jobId: string;
  /** Sees an event. */
  readonly onEvent: (event: StoredJobEvent) => void;
  /** The subscription ended by itself; with the error, if there was one. */
  readonly onEnd: (error: unknown) => void;
}

/** Opens the subscription with the first listener and closes it with the last. */
export class LiveHub {
  readonly #source: JobEventSource;
  readonly #listeners = new Map<string, Set<LiveListener>>();
  #stream: JobEventStream | undefined;
  #ended: Promise<void> = Promise.resolve();

  constructor(source: JobEventSource) {
    this.#source = source;
  }

  /** Adds a listener. Resolves when it misses nothing that is stored from then on. */
  add(listener: LiveListener): Promise<void> {
    const listeners = this.#listeners.get(listener.jobId) ?? new Set();
    this.#listeners.set(listener.jobId, listeners.add(listener));
    if (this.#stream === undefined) {
      this.#stream = this.#source.streamEvents({ from: "new" });
      this.#ended = this.#follow(this.#stream);
    }
    return this.#stream.ready;
  }

  /** Removes a listener. */
  remove(listener: LiveListener): void {
    const listeners = this.#listeners.get(listener.jobId);
    if (listeners === undefined || !listeners.delete(listener)) return;
    if (listeners.size === 0) this.#listeners.delete(listener.jobId);
    if (this.#listeners.size === 0) this.#close();
  }

  /** Resolves when a subscription that was closed has freed everything. */
  get ended(): Promise<void> {
    return this.#ended;
  }

  #close(): void {
    const stream = this.#stream;
    this.#stream = undefined;
    // A stream that cannot be freed is one whose source is gone: nothing is left to free.
    stream?.[Symbol.asyncDispose]().then(undefined, () => {});
  }

  async #follow(stream: JobEventStream): Promise<void> {
    let failure: unknown;
    try {
      // `ready` may reject as well as the loop: both have the same error.
      await stream.ready;
      for await (const event of stream) {
        for (const listener of [...this.#listeners.get(event.jobId) ?? []]) listener.onEvent(event);
      }
    } catch (error) {
      failure = error;
    }
    // Closed on purpose, and perhaps opened anew since: its listeners are not this stream's.
    if (this.#stream !== stream) return;
    this.#stream = undefined;
    const listeners = [...this.#listeners.values()].flatMap((set) => [...set]);
    this.#listeners.clear();
    for (const listener of listeners) listener.onEnd(failure);
  }
}
