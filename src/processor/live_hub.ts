/** One live subscription that many listeners share. */

import type { StoredJobEvent } from "../gen/types.ts";
import type { JobEventSource, JobEventStream } from "../storage/storage.ts";

/** Somebody who wants to see the events of one job. Must not throw. */
export interface LiveListener {
  readonly jobId: string;
  /** Whether it is not to see what was stored before it was added. */
  readonly isOnlyNew: boolean;
  /** Sees an event. */
  readonly onEvent: (event: StoredJobEvent) => void;
  /** The subscription ended by itself; with the error, if there was one. */
  readonly onEnd: (error: unknown) => void;
}

interface Entry {
  readonly listener: LiveListener;
  /** It sees what was stored after this position; absent while nobody knows which that is. */
  after: number | undefined;
  /** What came while nobody knew. */
  readonly early: StoredJobEvent[];
}

/** Opens the subscription with the first listener and closes it with the last. */
export class LiveHub {
  readonly #source: JobEventSource;
  readonly #listeners = new Map<string, Map<LiveListener, Entry>>();
  #stream: JobEventStream | undefined;
  #ended: Promise<void> = Promise.resolve();

  constructor(source: JobEventSource) {
    this.#source = source;
  }

  /**
   * Adds a listener. Resolves when it misses nothing that is stored from then on.
   *
   * @throws {JobEventError} There is no subscription, and none can be opened.
   */
  add(listener: LiveListener): Promise<void> {
    const entry: Entry = { listener, after: 0, early: [] };
    let isKnown = Promise.resolve();
    if (this.#stream === undefined) {
      this.#stream = this.#source.streamEvents({ from: "new" });
      this.#ended = this.#follow(this.#stream);
    } else if (listener.isOnlyNew) {
      // The subscription may lag: what it gives next can have been stored before.
      entry.after = undefined;
      isKnown = this.#findPosition(entry);
    }
    const entries = this.#listeners.get(listener.jobId) ?? new Map();
    this.#listeners.set(listener.jobId, entries.set(listener, entry));
    return Promise.all([this.#stream.ready, isKnown]).then(() => {});
  }

  async #findPosition(entry: Entry): Promise<void> {
    entry.after = await this.#source.lastSequence();
    for (const event of entry.early.splice(0)) this.#give(entry, event);
  }

  #give(entry: Entry, event: StoredJobEvent): void {
    const { listener, after, early } = entry;
    if (after === undefined) early.push(event);
    // Removed, perhaps by itself, while these events were given.
    else if (event.natsSequence > after && this.#listeners.get(listener.jobId)?.has(listener)) {
      listener.onEvent(event);
    }
  }

  /** Removes a listener. */
  remove(listener: LiveListener): void {
    const entries = this.#listeners.get(listener.jobId);
    if (entries === undefined || !entries.delete(listener)) return;
    if (entries.size === 0) this.#listeners.delete(listener.jobId);
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
        const entries = [...this.#listeners.get(event.jobId)?.values() ?? []];
        for (const entry of entries) this.#give(entry, event);
      }
    } catch (error) {
      failure = error;
    }
    // Closed on purpose, and perhaps opened anew since: its listeners are not this stream's.
    if (this.#stream !== stream) return;
    this.#stream = undefined;
    const listeners = [...this.#listeners.values()].flatMap((entries) => [...entries.keys()]);
    this.#listeners.clear();
    for (const listener of listeners) listener.onEnd(failure);
  }
}
