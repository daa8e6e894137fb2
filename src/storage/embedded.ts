/** What every embedded storage does the same way, over the primitives of its engine. */

import { isJobEventError, JobEventError, messageOf } from "../errors.ts";
import { EventIdSource } from "../event/event_id.ts";
import { MAX_EVENT_BYTES } from "../event/limits.ts";
import { JobEventSubjects } from "../event/subjects.ts";
import { encodeSubjectToken } from "../event/token.ts";
import type { StoredJobEvent } from "../gen/types.ts";
import { EmbeddedDeadLetters } from "./dead_letters.ts";
import { EventDecoder } from "./decoder.ts";
import type { EngineStatus, EventEngine, EventLog, Span } from "./engine.ts";
import {
  checkTime,
  checkWhole,
  type CompiledFilter,
  type CompiledRange,
  compileFilter,
  compileRange,
} from "./filter.ts";
import { compileStart, follow } from "./follow.ts";
import { GroupMember } from "./group.ts";
import { Breather, Lifetime } from "./pull.ts";
import { type CheckedRecord, checkRecord } from "./record.ts";
import type {
  AppendOptions,
  AppendOutcome,
  ConsumeOptions,
  JobEventDeliveries,
  JobEventFilter,
  JobEventQuery,
  JobEventRecord,
  JobEventStream,
  StorageHealth,
  StreamOptions,
  UndecodableMessage,
} from "./storage.ts";

const PAGE_SIZE = 256;
const DELETE_SIZE = 1000;

/** What the embedded storages have in common. */
export interface EmbeddedOptions {
  /** What every subject begins with. @default "naq.jobs.events" */
  readonly subjectPrefix?: string;
  /**
   * How long an event is kept, in milliseconds. Older events are no longer found, and are removed
   * by later appends and by `cleanupExpiredEvents`. @default for ever
   */
  readonly maxAgeMs?: number;
  /** The largest encoded event, in bytes. @default 1048576 */
  readonly maxEventBytes?: number;
  /** Told of each message that a read, a stream or a group comes across and cannot decode: it is
   * damaged, or a newer version wrote it. Reads and streams skip it, a group makes a dead letter of
   * it. @default none */
  readonly onDecodeError?: (message: UndecodableMessage) => void;
}

/**
 * The whole of a storage but for its engine.
 *
 * Methods do here what {@linkcode JobEventStorage} says of the methods of the same name.
 */
export class EmbeddedStorage {
  readonly subjects: JobEventSubjects;
  readonly ids: EventIdSource = new EventIdSource();
  readonly deadLetters: EmbeddedDeadLetters;
  readonly decoder: EventDecoder;
  readonly #engine: EventEngine;
  readonly #log: EventLog;
  readonly #maxAgeMs: number | undefined;
  readonly #maxEventBytes: number;
  readonly #lives = new Set<Lifetime>();
  #nextSweep = 0;
  #closed = false;
  #closing: Promise<void> | undefined;

  constructor(engine: EventEngine, options: EmbeddedOptions) {
    this.#engine = engine;
    this.subjects = new JobEventSubjects(options.subjectPrefix);
    this.deadLetters = new EmbeddedDeadLetters(engine, this.assertOpen);
    this.decoder = new EventDecoder(options.onDecodeError);
    const { decoder, assertOpen } = this;
    this.#log = { engine, decoder, span: (after) => this.#span(after), assertOpen };
    this.#maxAgeMs = options.maxAgeMs;
    this.#maxEventBytes = options.maxEventBytes ?? MAX_EVENT_BYTES;
  }

  /** Throws `ERR_CLOSED` after {@linkcode close}. */
  readonly assertOpen = (action: string): void => {
    if (this.#closed) {
      throw new JobEventError(
        "ERR_CLOSED",
        `Cannot ${action}: the storage ${this.#engine.name} is closed`,
      );
    }
  };

  async append(
    records: readonly JobEventRecord[],
    options: AppendOptions,
  ): Promise<readonly AppendOutcome[]> {
    this.assertOpen("store events");
    if (options.signal?.aborted) return this.#abandon(records, options.signal);
    const outcomes: AppendOutcome[] = [];
    const accepted: CheckedRecord[] = [];
    const indexes: number[] = [];
    records.forEach((record, index) => {
      const checked = checkRecord(record, this.#maxEventBytes);
      if ("event" in checked) {
        accepted.push(checked);
        indexes.push(index);
      } else {
        outcomes[index] = { status: "rejected", error: checked };
      }
    });
    const stored = accepted.length === 0 ? [] : await this.#insert(accepted, options.signal);
    stored.forEach((outcome, position) => outcomes[indexes[position]!] = outcome);
    return outcomes;
  }

  #abandon(records: readonly JobEventRecord[], signal: AbortSignal): AppendOutcome[] {
    const error = new JobEventError("ERR_TIMEOUT", "Cannot store events: the wait was given up", {
      cause: signal.reason,
    });
    return records.map(() => ({ status: "retry", error }));
  }

  async #insert(
    records: readonly CheckedRecord[],
    signal: AbortSignal | undefined,
  ): Promise<readonly AppendOutcome[]> {
    let outcomes: readonly AppendOutcome[];
    try {
      outcomes = await this.#engine.write(() => this.#engine.append(records, Date.now()), signal);
    } catch (error) {
      if (!isJobEventError(error)) throw error;
      // What this storage may never do, it will not do later either.
      const status = error.code === "ERR_UNSUPPORTED" ? "rejected" : "retry";
      return records.map(() => ({ status, error }));
    }
    this.#engine.changes.notify();
    try {
      this.#sweep(Date.now());
    } catch {
      // The events are stored, whatever becomes of the expired ones: the next append tries again.
    }
    return outcomes;
  }

  /** Removes a few expired events now and then, so that a storage that is only written to stays
   * within its bounds without a timer. */
  #sweep(now: number): void {
    if (this.#maxAgeMs === undefined || now < this.#nextSweep) return;
    const expired = this.#engine.lastSequenceBefore(now - this.#maxAgeMs);
    const more = expired > 0 &&
      this.#engine.deleteThrough(expired, DELETE_SIZE) === DELETE_SIZE;
    this.#nextSweep = more ? now : now + Math.min(this.#maxAgeMs / 10, 60_000);
  }

  async listEvents(query: JobEventQuery): Promise<StoredJobEvent[]> {
    const events: StoredJobEvent[] = [];
    for await (const page of this.#pages(compileFilter(query), compileRange(query))) {
      // Not spread into one push: a page is small, but nothing says that it stays so.
      for (const event of page) events.push(event);
    }
    return events;
  }

  readEvents(query: JobEventQuery): AsyncIterable<StoredJobEvent> {
    this.assertOpen("read events");
    const filter = compileFilter(query);
    const range = compileRange(query);
    return { [Symbol.asyncIterator]: () => this.#read(filter, range) };
  }

  async *#read(filter: CompiledFilter, range: CompiledRange): AsyncGenerator<StoredJobEvent> {
    for await (const page of this.#pages(filter, range)) {
      for (const event of page) {
        // Ending quietly here would make half a history look like a whole one.
        this.assertOpen("read events");
        yield event;
      }
    }
  }

  async *#pages(filter: CompiledFilter, range: CompiledRange): AsyncGenerator<StoredJobEvent[]> {
    this.assertOpen("read events");
    let { limit, offset } = range;
    // The events of one job mostly fit on the first page: then the end need not be looked up.
    const isOpen = filter.jobId !== undefined;
    let span = this.#span(range.afterSequence, isOpen ? Infinity : this.#engine.lastSequence());
    if (limit > 0 && !filter.impossible) span = this.#engine.narrow(filter, span);
    const breather = new Breather();
    while (limit > 0 && span.after < span.through && !filter.impossible) {
      this.assertOpen("read events");
      const size = Math.min(limit + offset, PAGE_SIZE);
      const { rows, rest } = this.#engine.readPage(filter, span, range.order, size);
      const isEndUnknown = rest.through === Infinity && rest.after < Infinity;
      // Nothing has come since the page was read.
      span = isEndUnknown ? { after: rest.after, through: this.#engine.lastSequence() } : rest;
      // Also those that are passed over: what cannot be decoded counts for nothing.
      const events = this.decoder.decodeAll(rows);
      const wanted = events.slice(offset, offset + limit);
      offset -= Math.min(offset, events.length);
      limit -= wanted.length;
      if (wanted.length > 0) yield wanted;
      if (breather.isDue) await breather.pause();
    }
  }

  /** What is there now and not too old. */
  #span(afterSequence: number, through: number = this.#engine.lastSequence()): Span {
    const expired = this.#maxAgeMs === undefined
      ? 0
      : this.#engine.lastSequenceBefore(Date.now() - this.#maxAgeMs);
    return { after: Math.max(afterSequence, expired), through };
  }

  countEvents(filter: JobEventFilter): number {
    this.assertOpen("count events");
    const compiled = compileFilter(filter);
    return compiled.impossible ? 0 : this.#engine.count(compiled, this.#span(0));
  }

  lastSequence(): number {
    this.assertOpen("find the last event");
    return this.#engine.lastSequence();
  }

  streamEvents(options: StreamOptions): JobEventStream {
    this.assertOpen("stream events");
    const filter = compileFilter(options);
    return follow(this.#log, filter, options, this.#live(options.signal));
  }

  consumeEvents(options: ConsumeOptions): JobEventDeliveries {
    this.assertOpen("consume events");
    const { consumerName, ackWaitMs = 30_000, maxDeliver = 5, maxPending = 100 } = options;
    const { from = "all", reset = false, onDeadLetter, signal } = options;
    checkWhole("ackWaitMs", ackWaitMs, 1);
    checkWhole("maxDeliver", maxDeliver, 1);
    checkWhole("maxPending", maxPending, 1);
    compileFilter(options);
    const { jobId, workerId, queueName, eventType, since, until, tags } = options;
    const filter = { jobId, workerId, queueName, eventType, since, until, tags };
    const memberOptions = {
      group: encodeSubjectToken(consumerName),
      filter: filter as JobEventFilter,
      start: compileStart(from),
      reset,
      ackWaitMs,
      maxDeliver,
      maxPending,
      onDeadLetter,
    };
    const lifetime = this.#live(signal, () => member.leave());
    const member = new GroupMember(this.#log, memberOptions, lifetime);
    return member.deliveries();
  }

  /** A life that also ends when the storage is closed. */
  #live(signal: AbortSignal | undefined, onEnd?: () => void): Lifetime {
    if (signal?.aborted) return new Lifetime(signal, () => {});
    const lifetime = new Lifetime(signal, () => {
      this.#lives.delete(lifetime);
      onEnd?.();
    });
    this.#lives.add(lifetime);
    return lifetime;
  }

  async deleteEvents(jobId: string, erase: boolean): Promise<number> {
    this.assertOpen("delete events");
    encodeSubjectToken(jobId);
    const deleted = await this.#engine.write(() => this.#engine.deleteJob(jobId, erase));
    // Also when there was nothing to delete: the call may be the second one, after a failure here.
    if (erase) { for (const step of this.#engine.erasure) await this.#engine.write(step); }
    return deleted;
  }

  async cleanupExpiredEvents(olderThan: Date | undefined): Promise<number> {
    this.assertOpen("clean up events");
    const time = olderThan === undefined
      ? Date.now() - (this.#maxAgeMs ?? Infinity)
      : checkTime("olderThan", olderThan);
    if (time === -Infinity) return 0;
    const expired = this.#engine.lastSequenceBefore(time);
    const breather = new Breather();
    let total = 0;
    for (let deleted = DELETE_SIZE; deleted === DELETE_SIZE; total += deleted) {
      this.assertOpen("clean up events");
      deleted = expired === 0
        ? 0
        : await this.#engine.write(() => this.#engine.deleteThrough(expired, DELETE_SIZE));
      if (breather.isDue) await breather.pause();
    }
    return total;
  }

  healthCheck(): StorageHealth {
    const started = performance.now();
    const base = { streamName: this.#engine.name, subjects: [this.subjects.all()] };
    const empty = {
      messages: 0,
      bytes: 0,
      firstSequence: 0,
      lastSequence: 0,
      consumers: 0,
      serverVersion: "",
    };
    if (this.#closed) {
      const error = "The storage is closed";
      return { status: "disconnected", ...base, ...empty, rttMs: 0, error };
    }
    try {
      const { version: serverVersion, ...counts } = this.#status();
      const rttMs = performance.now() - started;
      return { status: "healthy", ...base, ...counts, serverVersion, rttMs };
    } catch (error) {
      const rttMs = performance.now() - started;
      return { status: "error", ...base, ...empty, rttMs, error: messageOf(error) };
    }
  }

  /** What there is, without what is too old and not removed yet. */
  #status(): EngineStatus {
    const status = this.#engine.status();
    const span = this.#span(0);
    if (span.after < status.firstSequence || status.messages === 0) return status;
    const all = compileFilter({});
    const { rows: [first] } = this.#engine.readPage(all, span, "oldest", 1);
    const messages = this.#engine.count(all, span);
    return { ...status, messages, firstSequence: first?.sequence ?? 0 };
  }

  close(): Promise<void> {
    if (this.#closing === undefined) {
      // Members give back what they hold while the engine can still take it.
      for (const lifetime of [...this.#lives]) lifetime.end();
      this.#closed = true;
      this.#closing = this.#engine.close();
    }
    return this.#closing;
  }
}
