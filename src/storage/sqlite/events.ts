/** The table of events. */

import { JobEventError } from "../../errors.ts";
import type { Page, Span, StoredRow } from "../engine.ts";
import type { CompiledFilter } from "../filter.ts";
import type { CheckedRecord } from "../record.ts";
import type { AppendOutcome } from "../storage.ts";
import type { Database } from "./database.ts";
import { countQuery, hasIndex, pageQuery, timeSpanQuery } from "./query.ts";

/** Positions that are looked at together where an index gives no order. */
const WINDOW = 4096;

const INSERT = "INSERT INTO events (sequence, event_id, subject, payload, stored_at, job_id, " +
  "event_type, timestamp, worker_id, queue_name, traceparent) " +
  "VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?) " +
  "ON CONFLICT (event_id) DO NOTHING";

const LAST_SEQUENCE = "SELECT last_sequence AS last FROM state";

/** Reads and writes events. */
export class EventTable {
  readonly #database: Database;

  constructor(database: Database) {
    this.#database = database;
  }

  append(records: readonly CheckedRecord[], now: number): readonly AppendOutcome[] {
    return this.#database.transaction("store events", () => {
      // Counted here and not by SQLite, so that duplicates leave no gaps, and so that a position
      // never comes twice, not even when the last events were deleted.
      const before = this.lastSequence();
      let last = before;
      const insert = this.#database.prepare(INSERT);
      const outcomes = records.map((record): AppendOutcome => {
        const { jobId, eventType, timestamp, workerId, queueName, tags } = record.event;
        const { changes } = insert.run(
          last + 1,
          record.eventId,
          record.subject,
          record.payload,
          now,
          jobId,
          eventType,
          timestamp,
          workerId ?? null,
          queueName ?? null,
          record.traceparent ?? null,
        );
        if (Number(changes) === 0) return this.#duplicate(record.eventId);
        last++;
        if (tags !== undefined) this.#insertTags(last, tags);
        return { status: "stored", sequence: last };
      });
      if (last > before) this.#database.run("UPDATE state SET last_sequence = ?", last);
      return outcomes;
    });
  }

  #duplicate(eventId: string): AppendOutcome {
    const sql = "SELECT sequence FROM events WHERE event_id = ?";
    const stored = this.#database.get<{ sequence: number }>(sql, eventId);
    if (stored === undefined) {
      throw new JobEventError("ERR_UNAVAILABLE", `Cannot store event ${eventId}: it is in the way`);
    }
    return { status: "duplicate", sequence: stored.sequence };
  }

  #insertTags(sequence: number, tags: Readonly<Record<string, string>>): void {
    const insert = this.#database.prepare(
      "INSERT OR IGNORE INTO event_tags (name, value, sequence) VALUES (?, ?, ?)",
    );
    for (const [name, value] of Object.entries(tags)) insert.run(name, value, sequence);
  }

  readPage(filter: CompiledFilter, span: Span, order: "oldest" | "newest", limit: number): Page {
    return this.#database.guard("read events", () => {
      // Several types come from several places of one index and have to be sorted. Sorting all of
      // them for each page would take a time that grows with the square of their number.
      const needsSorting = (filter.types?.length ?? 0) > 1 && !hasIndex(filter);
      if (!needsSorting) return this.#readSpan(filter, span, order, limit);
      const rows: StoredRow[] = [];
      let rest = span;
      for (let size = WINDOW; rest.after < rest.through && rows.length < limit; size *= 4) {
        const window = order === "oldest"
          ? { after: rest.after, through: Math.min(rest.after + size, rest.through) }
          : { after: Math.max(rest.through - size, rest.after), through: rest.through };
        const page = this.#readSpan(filter, window, order, limit - rows.length);
        rows.push(...page.rows);
        const isUnread = page.rest.after < page.rest.through;
        rest = order === "oldest"
          ? { after: isUnread ? page.rest.after : window.through, through: rest.through }
          : { after: rest.after, through: isUnread ? page.rest.through : window.after };
      }
      return { rows, rest };
    });
  }

  #readSpan(filter: CompiledFilter, span: Span, order: "oldest" | "newest", limit: number): Page {
    const { sql, values } = pageQuery(filter, span, order, limit);
    const rows = this.#database.all<StoredRow>(sql, ...values);
    const last = rows.length < limit ? undefined : rows.at(-1);
    if (last === undefined) return { rows, rest: { after: span.through, through: span.through } };
    const rest = order === "oldest"
      ? { after: last.sequence, through: span.through }
      : { after: span.after, through: last.sequence - 1 };
    return { rows, rest };
  }

  /**
   * Makes a span smaller where a time range is all there is to go by. Timestamps mostly rise with
   * positions, so little is left to look at between the first and the last position of the range.
   */
  narrow(filter: CompiledFilter, span: Span): Span {
    const hasTime = filter.since !== undefined || filter.until !== undefined;
    if (!hasTime || hasIndex(filter)) return span;
    return this.#database.guard("read events", () => {
      const { sql, values } = timeSpanQuery(filter);
      const found = this.#database.get<{ first: number | null; last: number | null }>(
        sql,
        ...values,
      );
      if (typeof found?.first !== "number" || typeof found.last !== "number") {
        return { after: span.through, through: span.through };
      }
      return {
        after: Math.max(span.after, found.first - 1),
        through: Math.min(span.through, found.last),
      };
    });
  }

  count(filter: CompiledFilter, span: Span): number {
    return this.#database.guard("count events", () => {
      const { sql, values } = countQuery(filter, span.after);
      return this.#database.get<{ count: number }>(sql, ...values)!.count;
    });
  }

  lastSequence(): number {
    return this.#database.guard(
      "read events",
      () => this.#database.get<{ last: number }>(LAST_SEQUENCE)!.last,
    );
  }

  lastSequenceBefore(time: number): number {
    const sql = "SELECT sequence FROM events WHERE stored_at < ? " +
      "ORDER BY stored_at DESC, sequence DESC LIMIT 1";
    return this.#database.guard(
      "read events",
      () => this.#database.get<{ sequence: number }>(sql, time)?.sequence ?? 0,
    );
  }

  deleteJob(jobId: string): number {
    return this.#database.transaction("delete events", () => {
      const ofJob = "sequence IN (SELECT sequence FROM events WHERE job_id = ?)";
      this.#database.run(`DELETE FROM event_tags WHERE ${ofJob}`, jobId);
      this.#database.run(`DELETE FROM pending WHERE ${ofJob} OR job_id = ?`, jobId, jobId);
      this.#database.run("DELETE FROM dead_letters WHERE job_id = ?", jobId);
      return this.#database.run("DELETE FROM events WHERE job_id = ?", jobId);
    });
  }

  deleteThrough(sequence: number, limit: number): number {
    return this.#database.transaction("delete events", () => {
      const sql = "SELECT max(sequence) AS last FROM (SELECT sequence FROM events " +
        "WHERE sequence <= ? ORDER BY sequence LIMIT ?)";
      const last = this.#database.get<{ last: number | null }>(sql, sequence, limit)?.last;
      if (typeof last !== "number") return 0;
      this.#database.run("DELETE FROM event_tags WHERE sequence <= ?", last);
      // A replayed dead letter has the event's own copy, which is kept.
      this.#database.run("DELETE FROM pending WHERE sequence <= ? AND event_id IS NULL", last);
      return this.#database.run("DELETE FROM events WHERE sequence <= ?", last);
    });
  }
}
