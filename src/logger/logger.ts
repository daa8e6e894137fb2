/** The logger: takes events without waiting and sees that they are stored. */

import { isJobEventError, JobEventError, messageOf } from "../errors.ts";
import { EventIdSource } from "../event/event_id.ts";
import { JobEventLogMethods } from "../gen/log_methods.ts";
import type { JobEvent } from "../gen/types.ts";
import type { JobEventSink } from "../storage/storage.ts";
import { atLeast, Backoff } from "./backoff.ts";
import { type JobEventBoundFields, JobEventChildLogger } from "./child.ts";
import { type Clock, systemClock } from "./clock.ts";
import { type BufferedEvent, EventBuffer } from "./event_buffer.ts";
import { forgetEvents, rememberEvents } from "./exit_report.ts";
import type {
  DroppedJobEvent,
  FlushReport,
  JobEventLoggerOptions,
  LoggerStats,
  OverflowPolicy,
  StopReport,
} from "./options.ts";
import { flushOnExit } from "./flush_on_exit.ts";
import { Reports } from "./reports.ts";
import { Sender } from "./sender.ts";

const OVERFLOW_POLICIES: readonly OverflowPolicy[] = ["drop_oldest", "drop_newest", "block"];

/**
 * Takes events in the hot path of a job system and brings them to a sink behind it.
 *
 * An event is checked and encoded when it is logged, kept in a bounded buffer, and sent in batches,
 * one at a time and in order. What the sink could not store goes back to the front and is sent
 * again with the same event ids, so nothing is stored twice. Nothing that was taken is lost
 * silently: each event ends up stored, or is handed to `onDrop` with the reason.
 *
 * The logger does not close its sink: whoever opened it does.
 *
 * @example
 * ```ts
 * import { JobEventLogger, MemoryJobEventStorage } from "@naq/events";
 * import assert from "node:assert/strict";
 *
 * const storage = new MemoryJobEventStorage();
 * const logger = new JobEventLogger(storage);
 * logger.logJobStarted("job-1", "worker-1", "async");
 * logger.logJobCompleted("job-1", "worker-1", 12.3);
 * const report = await logger.stop();
 * assert.equal(report.stored, 2);
 * assert.equal((await storage.getEvents("job-1")).length, 2);
 * ```
 */
export class JobEventLogger extends JobEventLogMethods implements AsyncDisposable {
  readonly #sink: JobEventSink;
  readonly #buffer = new EventBuffer();
  readonly #ids = new EventIdSource();
  readonly #sender: Sender;
  readonly #reports: Reports;
  readonly #enabled: boolean;
  readonly #maxBufferSize: number;
  readonly #maxBufferBytes: number;
  readonly #overflow: OverflowPolicy;
  readonly #stopTimeoutMs: number;
  readonly #roomWaiters: (() => void)[] = [];
  /** The size of the last event that was blocked: `ready()` waits for as much room. */
  #wantedBytes = 0;
  /** An event's own getters run while it is encoded. */
  #isReading = false;
  readonly #countBuffered = (): number => this.#buffered;
  #isRemembered = false;
  #undoFlushOnExit: (() => void) | undefined;
  #stopped: Promise<StopReport> | undefined;
  #logged = 0;
  #dropped = 0;
  #refused = 0;
  #blocked = 0;
  #late = 0;

  /**
   * Makes a logger in front of a sink. Nothing runs before the first event.
   *
   * @param sink Where the events go.
   * @param options How.
   * @throws {RangeError} A number is out of its range.
   * @throws {TypeError} `overflow` is not a policy.
   */
  constructor(sink: JobEventSink, options: JobEventLoggerOptions = {}) {
    super();
    const clock: Clock = options.clock ?? systemClock;
    this.#sink = sink;
    this.#reports = new Reports(options, clock);
    this.#enabled = options.enabled ?? true;
    this.#maxBufferSize = atLeast("maxBufferSize", options.maxBufferSize ?? 10_000, 1);
    this.#maxBufferBytes = atLeast("maxBufferBytes", options.maxBufferBytes ?? 64 * 1024 ** 2, 1);
    this.#overflow = options.overflow ?? "drop_oldest";
    if (!OVERFLOW_POLICIES.includes(this.#overflow)) {
      throw new TypeError(
        `overflow is "${this.#overflow}", expected one of ${OVERFLOW_POLICIES.join(", ")}`,
      );
    }
    this.#stopTimeoutMs = atLeast("stopTimeoutMs", options.stopTimeoutMs ?? 10_000, 0);
    this.#sender = new Sender({
      sink,
      buffer: this.#buffer,
      ids: this.#ids,
      backoff: new Backoff(options.retry, options.random),
      clock,
      // A batch that is larger than the buffer would never be full.
      batchSize: Math.min(
        atLeast("batchSize", options.batchSize ?? 100, 1),
        this.#maxBufferSize,
      ),
      batchBytes: atLeast("batchBytes", options.batchBytes ?? 1024 ** 2, 1),
      flushIntervalMs: atLeast("flushIntervalMs", options.flushIntervalMs ?? 5000, 0),
      onError: (error) => this.#reports.error(error),
      onRejected: (event, error) => this.#reportRejected(event, error),
      onRoom: () => this.#noticeRoom(),
      onSending: (sent) => this.#reports.sending(sent),
    });
  }

  /**
   * Makes a logger whose events have these fields where they carry none themselves; tags are
   * merged, and an event's own win. Everything else it shares with this logger: there is one buffer
   * and one {@linkcode stop} for both.
   *
   * @param bound The fields, taken as they are now.
   * @throws {TypeError} A field is not known or not valid.
   *
   * @example
   * ```ts
   * import { JobEventLogger, MemoryJobEventStorage } from "@naq/events";
   * import assert from "node:assert/strict";
   *
   * const storage = new MemoryJobEventStorage();
   * await using logger = new JobEventLogger(storage);
   * const mail = logger.child({ queueName: "mail", tags: { region: "eu" } });
   * mail.logJobStarted("job-1", "worker-1", "async");
   * await mail.flush();
   * assert.equal((await storage.getEvents("job-1"))[0]?.queueName, "mail");
   * ```
   */
  child(bound: JobEventBoundFields): JobEventChildLogger {
    return new JobEventChildLogger(this, bound, (error) => this.refuse(error));
  }

  /** Does nothing that the first event does not do; here for those who like to say it. */
  start(): void {}

  /**
   * Logs an event. Never waits, never throws; later changes to the event change nothing.
   *
   * @returns `false` when the event was refused because it is not valid, dropped or blocked by a
   * full buffer, or came after {@linkcode stop}. `onError`, `onDrop` and {@linkcode stats} say
   * which.
   */
  override logEvent(event: JobEvent): boolean {
    if (!this.#enabled) return true;
    if (this.#isReading) return this.refuse(new TypeError("an event that is read logs another"));
    let size: number;
    let subject: string;
    this.#isReading = true;
    try {
      size = this.#buffer.encode(event);
      subject = this.#sink.subjects.forEvent(event);
    } catch (error) {
      this.#isReading = false;
      this.#buffer.discard();
      return this.refuse(error);
    }
    this.#isReading = false;
    if (this.#stopped !== undefined) return this.#refuseLate(subject);
    if (size > this.#maxBufferBytes) {
      this.#buffer.discard();
      return this.refuse(this.#tooLarge(size));
    }
    const evicted = this.#hasRoom(size) ? [] : this.#evict(size);
    const fits = this.#hasRoom(size);
    if (!fits && this.#overflow === "block") return this.#block(size);
    this.#logged++;
    if (fits) {
      this.#buffer.commit(this.#logged, subject);
      if (!this.#isRemembered) this.#remember();
      this.#sender.noticeEvent();
    } else {
      evicted.push({ ordinal: this.#logged, subject, payload: this.#takeDraft() });
    }
    // The owner is told last: what it does must not meet an event half taken.
    if (evicted.length > 0) this.#reportOverflow(evicted);
    return fits;
  }

  /**
   * Whether an event was blocked by a full buffer and would be again. It tells a blocked event from
   * one that was refused: `while (!logger.logEvent(event) && logger.isFull) await logger.ready()`
   * logs every valid event.
   */
  get isFull(): boolean {
    return this.#stopped === undefined && !this.#hasRoom(this.#wantedBytes);
  }

  /** Waits until the buffer is not full: see {@linkcode isFull}. */
  ready(): Promise<void> {
    if (!this.isFull) return Promise.resolve();
    this.#sender.sendSoon(this.#logged);
    return new Promise((resolve) => this.#roomWaiters.push(resolve));
  }

  /**
   * Sends what was logged before the call, without waiting for batches to fill. Joins a flush that
   * runs. Never rejects.
   *
   * @param options `timeoutMs`: the longest wait. @default stopTimeoutMs
   */
  flush(options: { readonly timeoutMs?: number } = {}): Promise<FlushReport> {
    return this.#sender.flush(this.#logged, options.timeoutMs ?? this.#stopTimeoutMs);
  }

  /**
   * Refuses new events, delivers what was taken, and reports. Idempotent, and never rejects.
   *
   * Events that cannot be delivered in time are in the report and go to `onDrop`.
   *
   * @param options `timeoutMs`: how long delivery is tried. @default stopTimeoutMs
   */
  stop(options: { readonly timeoutMs?: number } = {}): Promise<StopReport> {
    // A microtask later, so that no callback of the sink or the owner meets a stop half begun.
    return this.#stopped ??= Promise.resolve().then(() =>
      this.#stop(options.timeoutMs ?? this.#stopTimeoutMs)
    );
  }

  /**
   * Delivers what was logged when the program ends: on `SIGTERM` and `SIGINT`, and when nothing
   * keeps the program running any more.
   *
   * - A signal that only loggers listen to calls {@linkcode stop} and then ends the program as it
   *   would have without a listener. If the owner listens too (by `process.on`), the signal calls
   *   {@linkcode flush} and the end is the owner's affair.
   * - An end in the middle, as by `process.exit()`, leaves no time: sending begins, which is enough
   *   for one batch into a file and for none over a network.
   *
   * Where there is no process, as at the edge, nothing is done. {@linkcode stop} undoes it.
   *
   * @returns Undoes it.
   */
  flushOnExit(): () => void {
    if (this.#stopped === undefined) this.#undoFlushOnExit ??= flushOnExit(this);
    return () => this.#leaveExit();
  }

  #leaveExit(): void {
    this.#undoFlushOnExit?.();
    this.#undoFlushOnExit = undefined;
  }

  /** What the logger has done so far. */
  stats(): LoggerStats {
    const { stored, duplicates, retried, rejected, batches } = this.#sender.counts;
    return {
      logged: this.#logged,
      stored,
      duplicates,
      retried,
      rejected,
      dropped: this.#dropped,
      buffered: this.#buffered,
      bufferedBytes: this.#buffer.byteLength + this.#sender.inFlightBytes,
      inFlight: this.#sender.inFlight,
      refused: this.#refused,
      blocked: this.#blocked,
      late: this.#late,
      batches,
    };
  }

  /** {@linkcode stop}, for `await using`. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.stop();
  }

  /** Counts and reports an event that is not valid. */
  protected override refuse(error: unknown): false {
    this.#refused++;
    this.#reports.error(
      isJobEventError(error)
        ? error
        : new JobEventError("ERR_INVALID_EVENT", `Cannot log event: ${messageOf(error)}`, {
          cause: error,
        }),
    );
    return false;
  }

  async #stop(timeoutMs: number): Promise<StopReport> {
    await this.#sender.flush(this.#logged, timeoutMs);
    const events = this.#sender.end().map((event) => this.#asDropped(event));
    const { stored, rejected } = this.#sender.counts;
    const dropped = this.#dropped + rejected;
    this.#dropped += events.length;
    this.#noticeRoom();
    this.#leaveExit();
    if (events.length > 0) this.#reports.drop(events, "stopped");
    return { stored, undelivered: events.length, dropped, events };
  }

  get #buffered(): number {
    return this.#buffer.length + this.#sender.inFlight;
  }

  /** Only from the first event to the last one that is settled: a listener holds the logger. */
  #remember(): void {
    this.#isRemembered = true;
    rememberEvents(this.#countBuffered);
  }

  #hasRoom(bytes: number): boolean {
    return this.#buffered < this.#maxBufferSize &&
      this.#buffer.byteLength + this.#sender.inFlightBytes + bytes <= this.#maxBufferBytes;
  }

  /** Under `drop_oldest`, takes out events until one of this size fits. */
  #evict(size: number): BufferedEvent[] {
    const evicted: BufferedEvent[] = [];
    // What is under way cannot be called back. Nothing goes where that would not make room.
    const isInVain = this.#sender.inFlightBytes + size > this.#maxBufferBytes;
    if (this.#overflow !== "drop_oldest" || isInVain) return evicted;
    while (!this.#hasRoom(size)) {
      const oldest = this.#buffer.shift();
      if (oldest === undefined) break;
      evicted.push(oldest);
    }
    return evicted;
  }

  #block(size: number): false {
    this.#buffer.discard();
    this.#blocked++;
    this.#wantedBytes = size;
    this.#sender.sendSoon(this.#logged);
    return false;
  }

  #reportOverflow(evicted: readonly BufferedEvent[]): void {
    this.#dropped += evicted.length;
    this.#sender.noticeDropped(evicted);
    // A buffer can be full of bytes and hold no batch: the next event shall find room.
    this.#sender.sendSoon(this.#logged);
    this.#reports.drop(evicted.map((event) => this.#asDropped(event)), "overflow");
  }

  #takeDraft(): Uint8Array {
    const payload = this.#buffer.draft();
    this.#buffer.discard();
    return payload;
  }

  #refuseLate(subject: string): false {
    this.#late++;
    const event = { ordinal: this.#logged + this.#late, subject, payload: this.#takeDraft() };
    this.#reports.drop([this.#asDropped(event)], "stopped");
    return false;
  }

  #tooLarge(size: number): JobEventError {
    return new JobEventError(
      "ERR_EVENT_TOO_LARGE",
      `Cannot log event: it takes ${size} bytes, maxBufferBytes is ${this.#maxBufferBytes}`,
    );
  }

  #asDropped({ ordinal, subject, payload }: BufferedEvent): DroppedJobEvent {
    const parsed = this.#sink.subjects.parse(subject)!;
    const { jobId, eventType } = parsed;
    return { eventId: this.#ids.at(ordinal), subject, payload, jobId, eventType };
  }

  #noticeRoom(): void {
    if (this.#isRemembered && this.#buffered === 0) {
      this.#isRemembered = false;
      forgetEvents(this.#countBuffered);
    }
    if (this.isFull) return;
    for (const resolve of this.#roomWaiters.splice(0)) resolve();
  }

  #reportRejected(event: BufferedEvent, error: JobEventError): void {
    this.#reports.error(error);
    this.#reports.drop([this.#asDropped(event)], "rejected");
  }
}
