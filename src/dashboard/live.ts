/** Follows a storage once for all pages: counts its events and keeps the last ones. */

import { messageOf } from "../errors.ts";
import type { StoredJobEvent } from "../gen/types.ts";
import { Backoff } from "../logger/backoff.ts";
import type { JobEventSource, StreamStart } from "../storage/storage.ts";
import { startTimer } from "../timer.ts";
import { Fold } from "./fold.ts";
import type { DashboardSettings } from "./options.ts";
import { toRow } from "./rows.ts";
import type { EventRow, LiveStatus } from "./wire.ts";

/** Pages that were away for less than so many events miss none. */
const RECENT_ROWS = 10_000;

/** Reading what is stored must leave time for requests. */
const MAX_BUSY_MS = 20;

/** How often the storage is asked whether it still answers, and how long it may take to. */
const HEALTH_INTERVAL_MS = 2000;
const HEALTH_TIMEOUT_MS = 3000;

/** Follows from {@linkcode Live.start} until {@linkcode Live.stop}. */
export class Live {
  readonly #source: JobEventSource;
  readonly #settings: DashboardSettings;
  readonly #stop = new AbortController();
  readonly #listeners = new Set<() => void>();
  readonly #rows: EventRow[] = [];
  readonly #fold = new Fold();
  #state: LiveStatus["state"] = "reading";
  #error: string | undefined;
  #events = 0;
  #sequence = 0;
  #liveFrom = 0;
  #since = 0;
  #cutAt: number | undefined;
  #done: Promise<unknown> = Promise.resolve();

  constructor(source: JobEventSource, settings: DashboardSettings) {
    this.#source = source;
    this.#settings = settings;
  }

  /** What was counted. */
  get fold(): Fold {
    return this.#fold;
  }

  /** How far it is. */
  status(): LiveStatus {
    return {
      state: this.#state,
      events: this.#events,
      sequence: this.#sequence,
      since: this.#since,
      ...(this.#cutAt === undefined ? {} : { cutAt: this.#cutAt }),
      ...(this.#error === undefined ? {} : { error: this.#error }),
    };
  }

  /** Begins to follow. */
  start(): void {
    this.#done = Promise.all([this.#follow(), this.#watchHealth()]);
  }

  /** Ends. */
  async stop(): Promise<void> {
    this.#stop.abort();
    this.#tell();
    await this.#done;
  }

  /** Calls back when there is something new. The function that it gives ends that. */
  listen(listener: () => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  /** The position after the last row. Positions count the rows that were ever kept. */
  get end(): number {
    return this.#events;
  }

  /** The first position whose row is still kept. */
  get begin(): number {
    return Math.max(0, this.#events - RECENT_ROWS);
  }

  /** The row at a position. */
  row(position: number): EventRow {
    return this.#rows[position % RECENT_ROWS]!;
  }

  /** The position of the first row after a sequence. */
  after(sequence: number): number {
    let [low, high] = [this.begin, this.end];
    while (low < high) {
      const middle = (low + high) >> 1;
      if (this.row(middle).seq > sequence) high = middle;
      else low = middle + 1;
    }
    return low;
  }

  /** Rows that are kept and have this text in the id of their job, the newest job first. */
  jobs(text: string, limit: number): string[] {
    const found = new Set<string>();
    for (let at = this.end - 1; at >= this.begin && found.size < limit; at--) {
      const { job } = this.row(at);
      if (job.toLowerCase().includes(text)) found.add(job);
    }
    return [...found];
  }

  async #follow(): Promise<void> {
    const { signal } = this.#stop;
    const backoff = new Backoff({ maxDelayMs: 5000 });
    while (!signal.aborted) {
      try {
        await this.#read(() => backoff.reset());
      } catch (error) {
        this.#lose(messageOf(error));
      }
      if (!signal.aborted) await pause(backoff.next(), signal);
    }
  }

  async #read(onRead: () => void): Promise<void> {
    const { signal } = this.#stop;
    const from = this.#sequence > 0 ? { sequence: this.#sequence + 1 } : await this.#begin();
    // The loop's end frees it.
    const stream = this.#source.streamEvents({ from, signal });
    stream.ready.then(() => this.#goOn(), () => {});
    let busySince = performance.now();
    for await (const event of stream) {
      onRead();
      this.#take(event);
      if (performance.now() - busySince < MAX_BUSY_MS) continue;
      await pause(0, signal);
      busySince = performance.now();
    }
  }

  /** Where to begin: as far back as events are to be counted. */
  async #begin(): Promise<StreamStart> {
    const { historyMs, maxHistoryEvents } = this.#settings;
    const time = new Date(Date.now() - historyMs);
    const health = await this.#source.healthCheck();
    if (health.status !== "healthy") throw new Error(health.error ?? health.status);
    this.#since = time.getTime() / 1000;
    const [newest] = await this.#source.listEvents({ order: "newest", limit: 1 });
    if (newest === undefined || newest.timestamp < this.#since) {
      return { sequence: health.lastSequence + 1 };
    }
    this.#liveFrom = newest.natsSequence;
    const first = health.lastSequence - maxHistoryEvents + 1;
    const [oldest] = first <= health.firstSequence
      ? []
      : await this.#source.listEvents({ afterSequence: first - 1, limit: 1 });
    if (oldest === undefined || oldest.timestamp < this.#since) return { time };
    this.#cutAt = maxHistoryEvents;
    this.#since = oldest.timestamp;
    return { sequence: first };
  }

  #take(event: StoredJobEvent): void {
    this.#fold.observe(event);
    this.#rows[this.#events % RECENT_ROWS] = toRow(event);
    this.#events++;
    this.#sequence = event.natsSequence;
    this.#goOn();
    this.#tell();
  }

  /** It is up to date, unless there is more to read of what was there at the beginning. */
  #goOn(): void {
    const isBehind = this.#since === 0 || this.#sequence < this.#liveFrom;
    const state = isBehind ? "reading" : "live";
    if (this.#state === state) return;
    this.#state = state;
    this.#error = undefined;
    this.#tell();
  }

  #lose(error: string): void {
    this.#state = "lost";
    this.#error = error;
    this.#tell();
  }

  /** A stream waits in silence for a server that is away. */
  async #watchHealth(): Promise<void> {
    const { signal } = this.#stop;
    while (!signal.aborted) {
      await pause(HEALTH_INTERVAL_MS, signal);
      if (signal.aborted) return;
      const health = await this.#source.healthCheck({ timeoutMs: HEALTH_TIMEOUT_MS });
      if (signal.aborted) return;
      if (health.status !== "healthy") this.#lose(health.error ?? health.status);
      else if (this.#state === "lost") this.#goOn();
    }
  }

  #tell(): void {
    for (const listener of this.#listeners) listener();
  }
}

/** Waits; not longer than until the signal. */
export function pause(delayMs: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted) return resolve();
    const end = () => {
      cancel();
      signal.removeEventListener("abort", end);
      resolve();
    };
    const cancel = startTimer(end, delayMs);
    signal.addEventListener("abort", end);
  });
}
