/** The engine of the memory storage. */

import { ChangeSignal } from "../changes.ts";
import type { EngineStatus, EventEngine, Page, Span } from "../engine.ts";
import type { CompiledFilter } from "../filter.ts";
import type { CheckedRecord } from "../record.ts";
import type { AppendOutcome } from "../storage.ts";
import { MemoryGroups } from "./groups.ts";
import { type Entry, EntryLog } from "./log.ts";

/** Keeps events in lists: one of all, and one for each job. */
export class MemoryEngine implements EventEngine {
  readonly name = "memory";
  readonly changes: ChangeSignal = new ChangeSignal();
  readonly erasure: readonly (() => void)[] = [];
  readonly groups: MemoryGroups;
  readonly #maxEvents: number;
  readonly #log = new EntryLog();
  readonly #jobs = new Map<string, EntryLog>();
  readonly #ids = new Map<string, Entry>();
  #last = 0;
  #bytes = 0;

  constructor(maxEvents: number) {
    this.#maxEvents = maxEvents;
    this.groups = new MemoryGroups(this, maxEvents);
  }

  // deno-lint-ignore require-await -- async, so that errors are rejections
  async write<Result>(work: () => Result): Promise<Result> {
    return work();
  }

  append(records: readonly CheckedRecord[], now: number): readonly AppendOutcome[] {
    const outcomes = records.map((record) => this.#insert(record, now));
    while (this.#log.size > this.#maxEvents) this.#remove(this.#log.first!);
    return outcomes;
  }

  #insert(record: CheckedRecord, now: number): AppendOutcome {
    const stored = this.#ids.get(record.eventId);
    if (stored !== undefined) return { status: "duplicate", sequence: stored.sequence };
    const { jobId, eventType, timestamp, workerId, queueName, tags } = record.event;
    const entry: Entry = {
      sequence: ++this.#last,
      eventId: record.eventId,
      subject: record.subject,
      // The caller's buffer may be a part of a larger one that is used again.
      // Not `slice`: that of a Buffer copies nothing.
      payload: new Uint8Array(record.payload),
      traceparent: record.traceparent,
      fields: { jobId, eventType, timestamp, workerId, queueName, tags } as Entry["fields"],
      storedAt: now,
      deleted: false,
    };
    this.#log.push(entry);
    this.#ids.set(entry.eventId, entry);
    this.#bytes += entry.payload.length;
    let job = this.#jobs.get(jobId);
    if (job === undefined) this.#jobs.set(jobId, job = new EntryLog());
    job.push(entry);
    return { status: "stored", sequence: entry.sequence };
  }

  #remove(entry: Entry): void {
    entry.deleted = true;
    this.#ids.delete(entry.eventId);
    this.#bytes -= entry.payload.length;
    this.#log.removed();
    const job = this.#jobs.get(entry.fields.jobId);
    job?.removed();
    if (job?.size === 0) this.#jobs.delete(entry.fields.jobId);
  }

  row(sequence: number): Entry | undefined {
    const index = this.#log.search((entry) => entry.sequence >= sequence);
    if (index === this.#log.end) return undefined;
    const entry = this.#log.at(index);
    return entry.sequence === sequence && !entry.deleted ? entry : undefined;
  }

  narrow(_filter: CompiledFilter, span: Span): Span {
    return span;
  }

  readPage(filter: CompiledFilter, span: Span, order: "oldest" | "newest", limit: number): Page {
    const log = this.#candidates(filter);
    const rows: Entry[] = [];
    const isOldest = order === "oldest";
    const done = { after: span.through, through: span.through };
    if (log === undefined) return { rows, rest: done };
    const start = log.search((entry) => entry.sequence > span.after);
    const end = log.search((entry) => entry.sequence > span.through);
    for (let step = 0; step < end - start; step++) {
      const entry = log.at(isOldest ? start + step : end - 1 - step);
      if (entry.deleted || !filter.matches(entry.fields)) continue;
      rows.push(entry);
      if (rows.length < limit) continue;
      const rest = isOldest
        ? { after: entry.sequence, through: span.through }
        : { after: span.after, through: entry.sequence - 1 };
      return { rows, rest };
    }
    return { rows, rest: done };
  }

  count(filter: CompiledFilter, span: Span): number {
    const log = this.#candidates(filter);
    if (log === undefined) return 0;
    const start = log.search((entry) => entry.sequence > span.after);
    const end = log.search((entry) => entry.sequence > span.through);
    let count = 0;
    for (let index = start; index < end; index++) {
      const entry = log.at(index);
      if (!entry.deleted && filter.matches(entry.fields)) count++;
    }
    return count;
  }

  #candidates(filter: CompiledFilter): EntryLog | undefined {
    return filter.jobId === undefined ? this.#log : this.#jobs.get(filter.jobId);
  }

  lastSequence(): number {
    return this.#last;
  }

  lastSequenceBefore(time: number): number {
    const index = this.#log.search((entry) => entry.storedAt >= time);
    if (index === this.#log.end) return this.#last;
    const next = this.#log.at(index);
    return next === this.#log.first ? 0 : next.sequence - 1;
  }

  deleteJob(jobId: string, erase: boolean): number {
    this.groups.forget(jobId, erase);
    const job = this.#jobs.get(jobId);
    if (job === undefined) return 0;
    const entries: Entry[] = [];
    for (let index = 0; index < job.end; index++) {
      if (!job.at(index).deleted) entries.push(job.at(index));
    }
    for (const entry of entries) {
      this.#remove(entry);
      if (erase) entry.payload.fill(0);
    }
    return entries.length;
  }

  deleteThrough(sequence: number, limit: number): number {
    let deleted = 0;
    while (deleted < limit && (this.#log.first?.sequence ?? Infinity) <= sequence) {
      this.#remove(this.#log.first!);
      deleted++;
    }
    return deleted;
  }

  status(): EngineStatus {
    return {
      messages: this.#log.size,
      bytes: this.#bytes,
      firstSequence: this.#log.first?.sequence ?? 0,
      lastSequence: this.#last,
      consumers: this.groups.size,
      version: "memory",
    };
  }

  close(): Promise<void> {
    return Promise.resolve();
  }
}
