/** The logger for programs that never wait. */

import { isJobEventError, JobEventError, messageOf } from "../errors.ts";
import { ByteBuffer } from "../event/byte_buffer.ts";
import { EventIdSource } from "../event/event_id.ts";
import { writeJobEvent } from "../gen/encode.ts";
import { JobEventLogMethods } from "../gen/log_methods.ts";
import type { JobEvent } from "../gen/types.ts";
import { atLeast, Backoff } from "../logger/backoff.ts";
import type { JobEventBoundFields } from "../logger/bound_fields.ts";
import { systemClock } from "../logger/clock.ts";
import type { BufferedEvent } from "../logger/event_buffer.ts";
import type {
  DroppedJobEvent,
  FlushReport,
  JobEventLoggerOptions,
  LoggerStats,
  OverflowPolicy,
  StopReport,
} from "../logger/options.ts";
import { Reports } from "../logger/reports.ts";
import { JobEventChildLoggerSync } from "./child.ts";
import { checkTimeout } from "./client.ts";
import type { LoggerNotice } from "./logger_host.ts";
import { Outbox } from "./outbox.ts";
import { unpackThrown } from "./packed_error.ts";
import {
  type BlockingOptions,
  type JobEventStorageSync,
  linkOf,
  type StorageLink,
} from "./storage.ts";

const OVERFLOW_POLICIES: readonly OverflowPolicy[] = ["drop_oldest", "drop_newest", "block"];
const MAX_EVENTS = 2 ** 24;
const MAX_BYTES = 2 ** 30;
const KEPT_BYTES = 64 * 1024;
const encoder = new TextEncoder();

/**
 * Options of {@linkcode JobEventLoggerSync}: those of `JobEventLogger`.
 *
 * `onError` and `onDrop` are called in the thread of the logger. What happens in the worker they
 * are told by the next call of the logger. The sizes of events include their subjects.
 * `maxBufferSize` is at most 16777216 and `maxBufferBytes` at most 1073741824.
 */
export interface JobEventLoggerSyncOptions extends
  Pick<
    JobEventLoggerOptions,
    | "enabled"
    | "batchSize"
    | "batchBytes"
    | "flushIntervalMs"
    | "maxBufferSize"
    | "maxBufferBytes"
    | "overflow"
    | "retry"
    | "stopTimeoutMs"
    | "onError"
    | "onDrop"
  > {}

/**
 * Takes events in a program without any `await`, and has the storage's worker deliver them.
 *
 * An event is checked and encoded when it is logged, and put into memory that the worker shares. So
 * it is delivered within `flushIntervalMs` although the program blocks its thread, and logging
 * still waits for nothing. Otherwise it is as `JobEventLogger`.
 *
 * What was logged when the script ends is delivered then: the end waits for it, `stopTimeoutMs` at
 * the longest. That holds for the end of the work, for `process.exit()`, `Deno.exit()` and an error
 * that nobody catches, not for a signal.
 *
 * @example
 * ```ts
 * import { JobEventLoggerSync, openStorageSync } from "@naq/events/sync";
 * import assert from "node:assert/strict";
 *
 * using storage = openStorageSync("memory:");
 * using logger = new JobEventLoggerSync(storage);
 * logger.logJobStarted("job-1", "worker-1", "thread");
 * logger.logJobCompleted("job-1", "worker-1", 12.3);
 * assert.equal(logger.flushSync().stored, 2);
 * assert.equal(storage.getEventsSync("job-1").length, 2);
 * ```
 */
export class JobEventLoggerSync extends JobEventLogMethods implements Disposable {
  readonly #storage: JobEventStorageSync;
  readonly #link: StorageLink;
  readonly #outbox: Outbox;
  readonly #ids: EventIdSource;
  readonly #reports: Reports;
  readonly #enabled: boolean;
  readonly #maxBufferBytes: number;
  readonly #overflow: OverflowPolicy;
  readonly #stopTimeoutMs: number;
  readonly #forgetEnds: () => void;
  #draft = new ByteBuffer();
  /** The size of the last event that was blocked: `readySync()` waits for as much room. */
  #wantedBytes = 0;
  /** Whether the last event was blocked and nobody has asked since. */
  #wasBlocked = false;
  #isStopped = false;
  #report: StopReport | undefined;
  #hasReportedGone = false;
  #logged = 0;
  #dropped = 0;
  #refused = 0;
  #blocked = 0;
  #late = 0;

  /**
   * Makes a logger in front of a storage, in whose worker it delivers.
   *
   * @param storage Where the events go.
   * @param options How.
   * @throws {RangeError} A number is out of its range.
   * @throws {TypeError} `overflow` is not a policy.
   * @throws {JobEventError} `ERR_CLOSED`: the storage is closed. `ERR_UNAVAILABLE`: its worker has
   * died.
   */
  constructor(storage: JobEventStorageSync, options: JobEventLoggerSyncOptions = {}) {
    super();
    this.#storage = storage;
    this.#link = linkOf(storage);
    this.#enabled = options.enabled ?? true;
    this.#overflow = options.overflow ?? "drop_oldest";
    if (!OVERFLOW_POLICIES.includes(this.#overflow)) {
      throw new TypeError(
        `overflow is "${this.#overflow}", expected one of ${OVERFLOW_POLICIES.join(", ")}`,
      );
    }
    this.#stopTimeoutMs = atLeast("stopTimeoutMs", options.stopTimeoutMs ?? 10_000, 0);
    const maxBufferSize = within("maxBufferSize", options.maxBufferSize ?? 10_000, MAX_EVENTS);
    this.#maxBufferBytes = within(
      "maxBufferBytes",
      options.maxBufferBytes ?? 64 * 1024 ** 2,
      MAX_BYTES,
    );
    // The worker would say so too late.
    new Backoff(options.retry);
    this.#reports = new Reports(options, systemClock);
    this.#outbox = new Outbox(this.#link, {
      maxBufferSize,
      maxBufferBytes: this.#maxBufferBytes,
      // A batch that is larger than the buffer would never be full.
      batchSize: Math.min(atLeast("batchSize", options.batchSize ?? 100, 1), maxBufferSize),
      batchBytes: atLeast("batchBytes", options.batchBytes ?? 1024 ** 2, 1),
      flushIntervalMs: atLeast("flushIntervalMs", options.flushIntervalMs ?? 5000, 0),
      retry: { ...options.retry },
    });
    this.#ids = new EventIdSource(this.#outbox.idPrefix);
    this.#forgetEnds = this.#listenToEnds();
  }

  /**
   * Makes a logger whose events have these fields if they lack them; see `JobEventLogger.child`.
   *
   * @throws {TypeError} A field is not known or not valid.
   */
  child(bound: JobEventBoundFields): JobEventChildLoggerSync {
    return new JobEventChildLoggerSync(this, bound, (error) => this.refuse(error));
  }

  /** Does nothing that the first event does not do; here for those who like to say it. */
  start(): void {}

  /**
   * Logs an event. Never waits, never throws; later changes to the event change nothing.
   *
   * @returns `false` when the event was refused because it is not valid, dropped or blocked by a
   * full buffer, or came after {@linkcode stopSync}. `onError`, `onDrop` and {@linkcode stats} say
   * which.
   */
  override logEvent(event: JobEvent): boolean {
    if (!this.#enabled) return true;
    this.#passOnNotices();
    this.#wasBlocked = false;
    const draft = this.#draft;
    let subject: string;
    try {
      draft.position = 0;
      writeJobEvent(draft, event);
      subject = this.#storage.subjects.forEvent(event);
    } catch (error) {
      return this.refuse(error);
    } finally {
      if (draft.bytes.length > KEPT_BYTES) this.#draft = new ByteBuffer();
    }
    const payload = draft.bytes.subarray(0, draft.position);
    if (this.#isStopped) return this.#refuseLate(subject, payload);
    return this.#take(subject, payload);
  }

  /**
   * Whether an event was blocked by a full buffer and would be again. It tells a blocked event from
   * one that was refused: `while (!logger.logEvent(event) && logger.isFull) logger.readySync()`
   * logs every valid event.
   */
  get isFull(): boolean {
    // The worker may have made room since: the first answer is that of the blocked event.
    const wasBlocked = this.#wasBlocked;
    this.#wasBlocked = false;
    return wasBlocked || !this.#hasRoom();
  }

  /**
   * Blocks until the buffer is not full: see {@linkcode isFull}.
   *
   * @throws {JobEventError} `ERR_TIMEOUT`: it still is. `ERR_UNAVAILABLE`: the worker has died.
   */
  readySync(options: BlockingOptions = {}): void {
    const timeoutMs = checkTimeout(options.timeoutMs ?? this.#link.timeoutMs);
    const isReady = this.#outbox.waitUntil(() => this.#hasRoom(), timeoutMs);
    this.#passOnNotices();
    if (isReady) return;
    this.#link.client.assertUsable("wait for room");
    throw new JobEventError("ERR_TIMEOUT", `Cannot log: no room within ${timeoutMs} ms`);
  }

  /**
   * Sends what was logged, without waiting for batches to fill, and blocks until it is settled or
   * the time is up. An unreachable storage is no exception: `pending` and `onError` tell of it.
   *
   * @param options `timeoutMs`: the longest wait. @default stopTimeoutMs
   */
  flushSync(options: BlockingOptions = {}): FlushReport {
    const timeoutMs = checkTimeout(options.timeoutMs ?? this.#stopTimeoutMs);
    const before = this.#outbox.counts();
    this.#outbox.flush(this.#logged, timeoutMs);
    const { stored, rejected } = this.#outbox.counts();
    const pending = this.#outbox.buffered;
    this.#passOnNotices();
    return { stored: stored - before.stored, pending, dropped: rejected - before.rejected };
  }

  /**
   * Refuses new events, delivers what was taken, and reports. Idempotent.
   *
   * Events that cannot be delivered in time are in the report and go to `onDrop`. When the worker
   * has died, the batch that it had under way is counted in `undelivered` but not among `events`.
   *
   * @param options `timeoutMs`: how long delivery is tried. @default stopTimeoutMs
   */
  stopSync(options: BlockingOptions = {}): StopReport {
    if (this.#report !== undefined) return this.#report;
    this.#isStopped = true;
    this.flushSync(options);
    // The owner may have stopped the logger from `onError`.
    return this.#report ??= this.#end();
  }

  /** What the logger has done so far. */
  stats(): LoggerStats {
    const { stored, duplicates, retried, rejected, batches } = this.#outbox.counts();
    return {
      logged: this.#logged,
      recovered: 0,
      stored,
      duplicates,
      retried,
      rejected,
      dropped: this.#dropped,
      // By this and no other way, so that the sum is right although the worker goes on counting.
      buffered: this.#logged - stored - rejected - this.#dropped,
      bufferedBytes: this.#outbox.bufferedBytes,
      inFlight: this.#outbox.inFlight,
      refused: this.#refused,
      blocked: this.#blocked,
      late: this.#late,
      batches,
    };
  }

  /** {@linkcode stopSync}, for `using`. */
  [Symbol.dispose](): void {
    this.stopSync();
  }

  /** Counts and reports an event that is not valid. */
  protected override refuse(error: unknown): boolean {
    if (!this.#enabled) return true;
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

  #take(subject: string, payload: Uint8Array): boolean {
    const outbox = this.#outbox;
    const subjectBytes = encoder.encode(subject);
    const size = subjectBytes.length + payload.length;
    if (size > this.#maxBufferBytes) return this.refuse(this.#tooLarge(size));
    const evicted: BufferedEvent[] = [];
    while (!outbox.hasRoom(size) && this.#overflow === "drop_oldest") {
      const oldest = outbox.shift();
      // Everything else is under way and cannot be called back.
      if (oldest === undefined) break;
      evicted.push(oldest);
    }
    const fits = outbox.hasRoom(size);
    if (!fits && this.#overflow === "block") return this.#block(size);
    this.#logged++;
    if (fits) outbox.push(this.#logged, subjectBytes, payload);
    else evicted.push({ ordinal: this.#logged, subject, payload: payload.slice() });
    this.#dropped += evicted.length;
    // The owner is told last: what it does must not meet an event half taken.
    if (evicted.length > 0) this.#reportDrop(evicted, "overflow");
    return fits;
  }

  /** Whether there is room for the event that was blocked. After the end nothing waits for room. */
  #hasRoom(): boolean {
    return this.#isStopped || this.#outbox.hasRoom(this.#wantedBytes);
  }

  #block(size: number): false {
    this.#blocked++;
    this.#wasBlocked = true;
    this.#wantedBytes = size;
    this.#outbox.sendSoon();
    return false;
  }

  #refuseLate(subject: string, payload: Uint8Array): false {
    this.#late++;
    const ordinal = this.#logged + this.#late;
    this.#reportDrop([{ ordinal, subject, payload: payload.slice() }], "stopped");
    return false;
  }

  #tooLarge(size: number): JobEventError {
    return new JobEventError(
      "ERR_EVENT_TOO_LARGE",
      `Cannot log event: it takes ${size} bytes, maxBufferBytes is ${this.#maxBufferBytes}`,
    );
  }

  #end(): StopReport {
    const events = this.#outbox.end().map((event) => this.#asDropped(event));
    this.#passOnNotices();
    const { stored, rejected } = this.#outbox.counts();
    const dropped = this.#dropped + rejected;
    const undelivered = this.#logged - stored - dropped;
    this.#dropped += undelivered;
    this.#outbox.close();
    this.#forgetEnds();
    if (events.length > 0) this.#reports.drop(events, "stopped", (event) => event);
    this.#reports.end();
    return { stored, undelivered, dropped, events };
  }

  #listenToEnds(): () => void {
    const stop = () => void this.stopSync();
    const { client, beforeClose } = this.#link;
    const forget = client.onScriptEnd({ end: stop, crash: () => void this.flushSync() });
    beforeClose.add(stop);
    return () => {
      forget();
      beforeClose.delete(stop);
    };
  }

  /** Tells the owner here what happened in the worker. */
  #passOnNotices(): void {
    const { client } = this.#link;
    if (client.isGone && !this.#hasReportedGone) {
      this.#hasReportedGone = true;
      this.#reports.error(client.goneError("store events"));
    }
    for (const notice of this.#outbox.takeNotices()) this.#passOn(notice);
  }

  #passOn({ error, rejected }: LoggerNotice): void {
    this.#reports.error(unpackThrown(error) as JobEventError);
    if (rejected !== undefined) this.#reportDrop([rejected], "rejected");
  }

  #reportDrop(events: readonly BufferedEvent[], reason: "overflow" | "rejected" | "stopped"): void {
    this.#reports.drop(events, reason, (event) => this.#asDropped(event));
  }

  #asDropped({ ordinal, subject, payload }: BufferedEvent): DroppedJobEvent {
    const { jobId, eventType } = this.#storage.subjects.parse(subject)!;
    return { eventId: this.#ids.at(ordinal), subject, payload, jobId, eventType };
  }
}

function within(name: string, value: number, most: number): number {
  const whole = Math.floor(atLeast(name, value, 1));
  if (whole > most) throw new RangeError(`${name} is ${value}, at most ${most} is possible`);
  return whole;
}
