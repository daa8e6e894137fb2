/** The logger: takes events without waiting and sees that they are stored. */

import type { JobEventError } from "../errors.ts";
import { JobEventLogMethods } from "../gen/log_methods.ts";
import type { JobEvent } from "../gen/types.ts";
import type { JobEventSink } from "../storage/storage.ts";
import { Backoff } from "./backoff.ts";
import type { JobEventBoundFields } from "./bound_fields.ts";
import { JobEventChildLogger } from "./child.ts";
import { type Clock, systemClock } from "./clock.ts";
import { type BufferedEvent, EventBuffer, type EventQueue } from "./event_buffer.ts";
import { ExitReport } from "./exit_report.ts";
import type {
  DropReason,
  FlushReport,
  JobEventLoggerOptions,
  LoggerStats,
  StopReport,
} from "./options.ts";
import { flushOnExit } from "./flush_on_exit.ts";
import { Records } from "./records.ts";
import { refusal, Reports, tooLarge } from "./reports.ts";
import { RoomWaiters } from "./room.ts";
import { Sender } from "./sender.ts";
import { type LoggerSettings, readSettings } from "./settings.ts";
import { openSpool, type SpooledBuffer } from "./spooled_buffer.ts";
import { traceOf } from "./trace.ts";

/**
 * Takes events in the hot path of a job system and brings them to a sink behind it.
 *
 * An event is checked and encoded when it is logged, kept in a bounded buffer, and sent in batches,
 * one at a time and in order. What the sink could not store goes back to the front and is sent
 * again with the same event ids, so nothing is stored twice. What was taken ends up stored, or is
 * handed to `onDrop` with the reason. Only a program that ends without {@linkcode stop} takes its
 * buffer along with no such call; a spool keeps that, too.
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
  readonly #settings: LoggerSettings;
  readonly #spool: SpooledBuffer | undefined;
  readonly #buffer: EventQueue;
  readonly #records: Records;
  readonly #sender: Sender;
  readonly #traceOf: (event: JobEvent) => string | undefined;
  readonly #reports: Reports;
  readonly #roomWaiters: RoomWaiters;
  /** The size of the event that was blocked, if none was taken since: `ready()` waits for it. */
  #wantedBytes = 0;
  /** An event's own getters run while it is encoded. */
  #isReading = false;
  readonly #exitReport: ExitReport | undefined;
  #undoFlushOnExit: (() => void) | undefined;
  #stopped: Promise<StopReport> | undefined;
  readonly #recovered: number;
  #lastOrdinal: number;
  /** Without those of the spool. */
  #logged = 0;
  #dropped = 0;
  #refused = 0;
  #blocked = 0;
  #late = 0;

  /**
   * Makes a logger in front of a sink. Nothing runs before the first event, unless the spool has
   * events from before: these are sent.
   *
   * @param sink Where the events go.
   * @param options How.
   * @throws {RangeError} A number is out of its range.
   * @throws {TypeError} `overflow` is not a policy, or `spool` is an empty path.
   * @throws {JobEventError} The spool cannot be opened. `ERR_UNSUPPORTED`: the runtime has no
   * `node:sqlite`. `ERR_UNAVAILABLE`: another logger has it, or the message says why.
   */
  constructor(sink: JobEventSink, options: JobEventLoggerOptions = {}) {
    super();
    const clock: Clock = options.clock ?? systemClock;
    this.#records = new Records(sink.subjects);
    this.#reports = new Reports(options, clock);
    this.#roomWaiters = new RoomWaiters(clock);
    this.#settings = readSettings(options);
    const backoff = new Backoff(options.retry, options.random);
    const onError = (error: JobEventError): void => this.#reports.error(error);
    this.#spool = openSpool(options.spool, {
      ...this.#settings,
      subjectPrefix: sink.subjects.prefix,
      idOf: this.#records.idOf,
      onError,
    });
    this.#traceOf = (event) => traceOf(event, options.traceparent, onError);
    this.#buffer = this.#spool ?? new EventBuffer(sink.subjects.prefix);
    // The end of the program takes nothing along that is in a spool.
    if (this.#spool === undefined) this.#exitReport = new ExitReport(() => this.#buffered);
    this.#lastOrdinal = this.#buffer.lastOrdinal;
    this.#recovered = this.#buffer.length;
    this.#sender = new Sender({
      ...this.#settings,
      sink,
      buffer: this.#buffer,
      backoff,
      clock,
      toRecord: this.#records.toRecord,
      onError,
      onSettled: (events) => this.#spool?.remove(events),
      onRejected: (event, error) => {
        this.#reports.error(error);
        this.#reports.drop([event], "rejected", this.#records.toDropped);
      },
      onRoom: () => this.#noticeRoom(),
      onSending: (sent) => this.#reports.sending(sent),
    });
    // Nothing can be stored any more: what is left is handed over, and what comes is late.
    void this.#sender.closed.then(() => this.stop());
    if (this.#recovered > 0) this.#sender.sendSoon(this.#lastOrdinal);
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
    if (!this.#settings.enabled) return true;
    if (this.#isReading) return this.refuse(new TypeError("an event that is read logs another"));
    let size: number;
    // Before the event is encoded: the owner's function may log.
    const traceparent = this.#traceOf(event);
    this.#isReading = true;
    try {
      size = this.#buffer.encode(event);
    } catch (error) {
      this.#isReading = false;
      this.#buffer.discard();
      return this.refuse(error);
    }
    this.#isReading = false;
    if (this.#stopped !== undefined) return this.#refuseLate(traceparent);
    if (size > this.#maxEventBytes) {
      this.#buffer.discard();
      return this.refuse(tooLarge(size, this.#maxEventBytes));
    }
    const evicted = this.#hasRoom(size) ? [] : this.#evict(size);
    const fits = this.#hasRoom(size);
    if (!fits && this.#settings.overflow === "block") return this.#block(size);
    this.#logged++;
    this.#lastOrdinal++;
    if (!fits) evicted.push(this.#takeDraft(this.#lastOrdinal, traceparent));
    const isKept = fits && this.#keep(traceparent);
    // The owner is told last: what it does must not meet an event half taken.
    if (evicted.length > 0) this.#reportLost(evicted, "overflow");
    return isKept;
  }

  /**
   * Whether an event was blocked by a full buffer and would be again. It tells a blocked event from
   * one that was refused: `while (!logger.logEvent(event) && logger.isFull) await logger.ready()`
   * logs every valid event.
   */
  get isFull(): boolean {
    return this.#stopped === undefined && !this.#hasRoom(this.#wantedBytes);
  }

  /** Waits until it is not {@linkcode isFull}, and keeps the script running meanwhile. */
  ready(): Promise<void> {
    if (!this.isFull) return Promise.resolve();
    this.#sender.sendSoon(this.#lastOrdinal);
    return this.#roomWaiters.wait();
  }

  /**
   * Sends what was logged before the call, without waiting for batches to fill. Joins a flush that
   * runs. Never rejects.
   *
   * @param options `timeoutMs`: the longest wait. @default stopTimeoutMs
   */
  flush(options: { readonly timeoutMs?: number } = {}): Promise<FlushReport> {
    const timeoutMs = options.timeoutMs ?? this.#settings.stopTimeoutMs;
    return this.#sender.flush(this.#lastOrdinal, timeoutMs);
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
      this.#stop(options.timeoutMs ?? this.#settings.stopTimeoutMs)
    );
  }

  /**
   * Delivers what was logged when the program ends: on `SIGTERM` and `SIGINT`, and when nothing
   * keeps the program running any more.
   *
   * - A signal that only loggers listen to calls {@linkcode stop} and then ends the program as it
   *   would have without a listener. If the owner listens too, by `process.on`, the signal calls
   *   {@linkcode flush} and the end is the owner's affair. Listeners of `Deno.addSignalListener`
   *   cannot be seen.
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
      logged: this.#logged + this.#recovered,
      recovered: this.#recovered,
      stored,
      duplicates,
      retried,
      rejected,
      dropped: this.#dropped,
      buffered: this.#buffered,
      bufferedBytes: this.#bufferedBytes,
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
  protected override refuse(error: unknown): boolean {
    if (!this.#settings.enabled) return true;
    this.#refused++;
    this.#reports.error(refusal(error));
    return false;
  }

  async #stop(timeoutMs: number): Promise<StopReport> {
    await Promise.race([this.#sender.flush(this.#lastOrdinal, timeoutMs), this.#sender.closed]);
    // What a spool holds stays there; without one, what is left is handed over.
    this.#spool?.close();
    const left = this.#sender.end();
    const events = this.#spool === undefined ? left.map(this.#records.toDropped) : [];
    const undelivered = this.#spool?.held ?? events.length;
    const { stored, rejected } = this.#sender.counts;
    const dropped = this.#dropped + rejected;
    this.#dropped += events.length;
    this.#noticeRoom();
    this.#leaveExit();
    if (events.length > 0) this.#reports.drop(events, "stopped", (event) => event);
    this.#reports.end();
    return { stored, undelivered, dropped, events };
  }

  get #buffered(): number {
    return this.#spool?.held ?? this.#buffer.length + this.#sender.inFlight;
  }

  get #bufferedBytes(): number {
    return this.#spool?.heldBytes ?? this.#buffer.byteLength + this.#sender.inFlightBytes;
  }

  get #maxEventBytes(): number {
    return Math.min(this.#settings.maxBufferBytes, this.#spool?.maxEventBytes ?? Infinity);
  }

  #hasRoom(bytes: number): boolean {
    if (this.#spool !== undefined) return this.#spool.hasRoom(bytes);
    return this.#buffered < this.#settings.maxBufferSize &&
      this.#bufferedBytes + bytes <= this.#settings.maxBufferBytes;
  }

  /** Under `drop_oldest`, takes out events until one of this size fits. */
  #evict(size: number): BufferedEvent[] {
    const evicted: BufferedEvent[] = [];
    // What is under way cannot be called back. Nothing goes where that would not make room.
    const limit = this.#spool?.maxEventBytes ?? this.#settings.maxBufferBytes;
    const isInVain = this.#sender.inFlightBytes + size > limit;
    if (this.#settings.overflow !== "drop_oldest" || isInVain) return evicted;
    while (!this.#hasRoom(size)) {
      const oldest = this.#buffer.shift();
      if (oldest === undefined) break;
      this.#spool?.remove([oldest]);
      evicted.push(oldest);
    }
    return evicted;
  }

  /** Takes in the event that is encoded. */
  #keep(traceparent: string | undefined): boolean {
    try {
      this.#buffer.commit(this.#lastOrdinal, traceparent);
    } catch (error) {
      // Only a spool does that: an event that is not in it is not accepted.
      const lost = this.#takeDraft(this.#lastOrdinal, traceparent);
      this.#reports.error(error as JobEventError);
      this.#reportLost([lost], "spool");
      return false;
    }
    this.#wantedBytes = 0;
    this.#exitReport?.update();
    this.#sender.noticeEvent();
    return true;
  }

  #block(size: number): false {
    this.#buffer.discard();
    this.#blocked++;
    this.#wantedBytes = size;
    this.#sender.sendSoon(this.#lastOrdinal);
    return false;
  }

  #reportLost(events: readonly BufferedEvent[], reason: DropReason): void {
    this.#dropped += events.length;
    this.#sender.noticeDropped(events);
    // A buffer can be full of bytes and hold no batch: the next event shall find room.
    this.#sender.sendSoon(this.#lastOrdinal);
    this.#reports.drop(events, reason, this.#records.toDropped);
  }

  #takeDraft(ordinal: number, traceparent?: string): BufferedEvent {
    const draft = this.#buffer.draft();
    this.#buffer.discard();
    return { ordinal, ...draft, traceparent };
  }

  #refuseLate(traceparent: string | undefined): false {
    this.#late++;
    const event = this.#takeDraft(this.#lastOrdinal + this.#late, traceparent);
    this.#reports.drop([event], "stopped", this.#records.toDropped);
    return false;
  }

  #noticeRoom(): void {
    this.#exitReport?.update();
    if (!this.isFull) this.#roomWaiters.resolveAll();
  }
}
