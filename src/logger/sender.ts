/** Brings buffered events to the sink: one batch at a time, in order, again and again. */

import { isJobEventError, JobEventError, messageOf } from "../errors.ts";
import type { AppendOutcome, JobEventRecord, JobEventSink } from "../storage/storage.ts";
import type { Backoff } from "./backoff.ts";
import type { CancelTimer, Clock } from "./clock.ts";
import type { BufferedEvent, EventBuffer } from "./event_buffer.ts";
import type { FlushReport } from "./options.ts";

/** What the sender needs from a buffer of events. */
export type QueuedEvents = Pick<
  EventBuffer,
  | "length"
  | "byteLength"
  | "firstOrdinal"
  | "lastOrdinal"
  | "countUpTo"
  | "shift"
  | "unshift"
>;

/** What the sender needs from its logger. */
export interface SenderOptions {
  readonly sink: JobEventSink;
  readonly buffer: QueuedEvents;
  /** Gives an event the form in which it is stored. */
  readonly toRecord: (event: BufferedEvent) => JobEventRecord;
  readonly backoff: Backoff;
  readonly clock: Clock;
  readonly batchSize: number;
  readonly batchBytes: number;
  readonly flushIntervalMs: number;
  /** Told of a batch that failed as a whole or in part. */
  readonly onError: (error: JobEventError) => void;
  /** Told of the events of a batch that are stored or never will be, before anybody else is. */
  readonly onSettled?: (events: readonly BufferedEvent[]) => void;
  /** Told of an event that the sink will never take. */
  readonly onRejected: (event: BufferedEvent, error: JobEventError) => void;
  /** Told whenever the buffer has got room. */
  readonly onRoom: () => void;
  /** Told of every sending that begins without a flush, with the promise of its end. */
  readonly onSending?: (sent: Promise<void>) => void;
}

const NO_OUTCOME = new JobEventError(
  "ERR_UNAVAILABLE",
  "Cannot store an event: the sink gave no outcome for it",
);

/** Somebody who waits for the events up to `target`. */
interface Waiter {
  readonly target: number;
  stored: number;
  dropped: number;
  readonly settle: () => void;
}

/** Sends batches and settles what became of them. */
export class Sender {
  readonly #options: SenderOptions;
  readonly #waiters = new Set<Waiter>();
  readonly #abort = new AbortController();
  #inFlight: readonly BufferedEvent[] = [];
  #inFlightBytes = 0;
  /** Events up to this ordinal are sent although they fill no batch. */
  #target = 0;
  #running = false;
  /** Whether a sending is to begin in a moment. */
  #isDue = false;
  #ended = false;
  #cancelInterval: CancelTimer | undefined;
  #wake: (() => void) | undefined;

  readonly #closed = Promise.withResolvers<void>();

  /** Resolves when the sink says that it is closed. */
  readonly closed: Promise<void> = this.#closed.promise;

  /** What was sent and settled so far. */
  readonly counts = { stored: 0, duplicates: 0, retried: 0, rejected: 0, batches: 0 };

  constructor(options: SenderOptions) {
    this.#options = options;
  }

  /** Events under way. */
  get inFlight(): number {
    return this.#inFlight.length;
  }

  /** Size of the events under way. */
  get inFlightBytes(): number {
    return this.#inFlightBytes;
  }

  /** Called after each event: sends a full batch, or sees that the event is sent in time. */
  noticeEvent(): void {
    if (!this.#running && this.#hasBatch()) {
      this.#runSoon();
    } else {
      // Also while a batch is under way: an event's interval begins when it is logged.
      this.#cancelInterval ??= this.#options.clock.setTimer(
        () => this.#intervalOver(),
        this.#options.flushIntervalMs,
        { keepAlive: false },
      );
    }
  }

  /** Sends everything up to `target`, and does not say when. */
  sendSoon(target: number): void {
    this.#target = Math.max(this.#target, target);
    if (!this.#running) this.#runSoon();
  }

  /** Sends everything up to `target` and reports when that is settled or the time is up. */
  flush(target: number, timeoutMs: number): Promise<FlushReport> {
    return new Promise((resolve) => {
      const settle = () => {
        cancel();
        this.#waiters.delete(waiter);
        const { stored, dropped } = waiter;
        resolve({ stored, dropped, pending: this.#pending(target) });
      };
      const waiter: Waiter = { target, stored: 0, dropped: 0, settle };
      // This timer keeps the script alive: somebody waits for the report.
      const cancel = this.#options.clock.setTimer(settle, timeoutMs, { keepAlive: true });
      this.#waiters.add(waiter);
      this.#target = Math.max(this.#target, target);
      this.#wake?.();
      // Also when a sending is about to begin: whoever flushes may be stopped right after the call.
      if (!this.#running || this.#isDue) void this.#run();
      this.#settleWaiters();
    });
  }

  /** Counts events that are in the buffer no longer and were not sent. */
  noticeDropped(events: readonly BufferedEvent[]): void {
    for (const event of events) this.#countDropped(event);
    this.#settleWaiters();
  }

  /** Stops sending and gives what was not delivered, oldest first. */
  end(): readonly BufferedEvent[] {
    this.#ended = true;
    this.#stopInterval();
    this.#abort.abort();
    this.#wake?.();
    const left = [...this.#inFlight];
    this.#inFlight = [];
    this.#inFlightBytes = 0;
    for (let event = this.#options.buffer.shift(); event; event = this.#options.buffer.shift()) {
      left.push(event);
    }
    this.noticeDropped(left);
    return left;
  }

  #intervalOver(): void {
    this.#cancelInterval = undefined;
    this.#target = Math.max(this.#target, this.#options.buffer.lastOrdinal);
    if (this.#running) return;
    const sent = this.#run();
    this.#options.onSending?.(sent);
  }

  #stopInterval(): void {
    this.#cancelInterval?.();
    this.#cancelInterval = undefined;
  }

  #hasBatch(): boolean {
    const { buffer, batchSize, batchBytes, flushIntervalMs } = this.#options;
    // Whoever waits for no other event does not wait for a timer either, which takes a millisecond.
    const fewest = flushIntervalMs === 0 ? 1 : batchSize;
    return buffer.length >= fewest || buffer.byteLength >= batchBytes;
  }

  /** Not at once: logging does no work that can wait. */
  #runSoon(): void {
    this.#running = true;
    this.#isDue = true;
    const begin = () => this.#isDue ? this.#run() : undefined;
    const sent = Promise.resolve().then(begin);
    this.#options.onSending?.(sent);
  }

  /** The number of events up to `target` that are not settled. */
  #pending(target: number): number {
    const { buffer } = this.#options;
    return this.#inFlight.filter((event) => event.ordinal <= target).length +
      buffer.countUpTo(target);
  }

  async #run(): Promise<void> {
    this.#running = true;
    this.#isDue = false;
    const { buffer, backoff } = this.#options;
    while (!this.#ended && (this.#hasBatch() || buffer.firstOrdinal <= this.#target)) {
      const failed = await this.#sendBatch();
      if (failed && !this.#ended) await this.#sleep(backoff.next());
      else backoff.reset();
    }
    this.#running = false;
    // What is left fills no batch: it waits for its interval like a new event.
    if (!this.#ended && buffer.length > 0) this.noticeEvent();
  }

  /** Sends one batch. Gives whether something has to be sent again. */
  async #sendBatch(): Promise<boolean> {
    const { buffer, batchSize, batchBytes, toRecord } = this.#options;
    const batch: BufferedEvent[] = [];
    const records: JobEventRecord[] = [];
    while (batch.length < batchSize && this.#inFlightBytes < batchBytes) {
      const event = buffer.shift();
      if (event === undefined) break;
      const record = toRecord(event);
      batch.push(event);
      records.push(record);
      this.#inFlightBytes += record.payload.length;
    }
    this.#inFlight = batch;
    if (buffer.length === 0) this.#stopInterval();
    this.counts.batches++;
    const outcomes = await this.#append(records);
    // After the end the batch was handed over: what became of it is nobody's any more.
    return this.#ended ? false : this.#settle(batch, outcomes);
  }

  async #append(records: readonly JobEventRecord[]): Promise<readonly AppendOutcome[]> {
    try {
      const outcomes = await this.#options.sink.append(records, { signal: this.#abort.signal });
      if (Array.isArray(outcomes)) return outcomes;
      throw new TypeError("the sink gave no list of outcomes");
    } catch (cause) {
      const error = isJobEventError(cause) ? cause : new JobEventError(
        "ERR_UNAVAILABLE",
        `Cannot store ${records.length} events: ${messageOf(cause)}`,
        { cause },
      );
      return records.map(() => ({ status: "retry", error }));
    }
  }

  #settle(batch: readonly BufferedEvent[], outcomes: readonly AppendOutcome[]): boolean {
    this.#inFlight = [];
    this.#inFlightBytes = 0;
    const settled: BufferedEvent[] = [];
    const again: BufferedEvent[] = [];
    const rejected: (readonly [BufferedEvent, JobEventError])[] = [];
    let lastError: JobEventError | undefined;
    batch.forEach((event, index) => {
      const outcome = outcomes[index];
      switch (outcome?.status) {
        case "stored":
        case "duplicate":
          this.#noticeStored(event, outcome.status === "duplicate");
          settled.push(event);
          break;
        case "rejected":
          this.counts.rejected++;
          this.#countDropped(event);
          settled.push(event);
          rejected.push([event, outcome.error]);
          break;
        default:
          again.push(event);
          lastError = outcome?.error ?? NO_OUTCOME;
      }
    });
    // The last goes back first, so that the oldest ends up at the front.
    for (const event of again.toReversed()) this.#options.buffer.unshift(event);
    // What failed waits for the next try, not for its batch to fill.
    this.#target = Math.max(this.#target, again.at(-1)?.ordinal ?? 0);
    this.counts.retried += again.length;
    this.#options.onSettled?.(settled);
    // The owner's callbacks come last: they may log, flush or stop.
    for (const [event, error] of rejected) this.#options.onRejected(event, error);
    if (lastError !== undefined) this.#options.onError(lastError);
    if (lastError?.code === "ERR_CLOSED") this.#closed.resolve();
    if (again.length < batch.length) this.#options.onRoom();
    this.#settleWaiters();
    return again.length > 0;
  }

  #noticeStored(event: BufferedEvent, isDuplicate: boolean): void {
    this.counts.stored++;
    if (isDuplicate) this.counts.duplicates++;
    for (const waiter of this.#waiters) if (event.ordinal <= waiter.target) waiter.stored++;
  }

  #countDropped(event: BufferedEvent): void {
    for (const waiter of this.#waiters) if (event.ordinal <= waiter.target) waiter.dropped++;
  }

  #settleWaiters(): void {
    const first = Math.min(
      this.#options.buffer.firstOrdinal,
      this.#inFlight[0]?.ordinal ?? Infinity,
    );
    for (const waiter of [...this.#waiters]) if (first > waiter.target) waiter.settle();
  }

  /** Waits, unless a flush wants to try at once. */
  #sleep(delayMs: number): Promise<void> {
    return new Promise((resolve) => {
      const wake = () => {
        cancel();
        this.#wake = undefined;
        resolve();
      };
      // Whoever waits for a flush has a timer that keeps the script alive; this one need not.
      const cancel = this.#options.clock.setTimer(wake, delayMs, { keepAlive: false });
      this.#wake = wake;
    });
  }
}
