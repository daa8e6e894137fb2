/** The state of groups in a SQLite file: each step is one transaction, across processes. */

import type {
  Claim,
  ClaimRequest,
  DeadLetter,
  DeadLetterSelection,
  GroupEngine,
  Lease,
} from "../engine.ts";
import { type CompiledFilter, compileFilter } from "../filter.ts";
import { exhausted } from "../group.ts";
import type { JobEventFilter } from "../storage.ts";
import type { Database, SqlValue } from "./database.ts";
import type { EventTable } from "./events.ts";

interface Consumer {
  readonly filter: string;
  readonly cursor: number;
}

interface DueRow {
  readonly sequence: number;
  readonly deliveryCount: number;
  readonly fence: string;
  readonly isCopy: number;
  readonly eventId: string | null;
  readonly subject: string;
  readonly payload: Uint8Array;
  readonly traceparent: string | null;
}

// A replayed dead letter brings its event along, which may have expired.
const EVENT_OF_PENDING = "coalesce(e.event_id, p.event_id) AS eventId, " +
  "coalesce(e.subject, p.subject) AS subject, coalesce(e.payload, p.payload) AS payload, " +
  "coalesce(e.traceparent, p.traceparent) AS traceparent";
const PENDING = "FROM pending AS p LEFT JOIN events AS e ON e.sequence = p.sequence ";

const LETTER = 'id, consumer AS "group", sequence, event_id AS eventId, subject, payload, ' +
  "traceparent, reason, delivery_count AS deliveryCount, dead_at AS deadAt";

/** Groups that outlive their processes. */
export class SqliteGroups implements GroupEngine {
  readonly #database: Database;
  readonly #events: EventTable;
  readonly #filters = new Map<string, CompiledFilter>();

  constructor(database: Database, events: EventTable) {
    this.#database = database;
    this.#events = events;
  }

  get size(): number {
    return this.#database.get<{ count: number }>("SELECT count(*) AS count FROM consumers")!.count;
  }

  join(group: string, filter: JobEventFilter, after: number, reset: boolean): void {
    const text = JSON.stringify(filter);
    this.#database.transaction("join a group", () => {
      this.#database.run(
        "INSERT INTO consumers (name, filter, cursor) VALUES (?, ?, ?) " +
          "ON CONFLICT (name) DO UPDATE SET filter = excluded.filter",
        group,
        text,
        after,
      );
      if (!reset) return;
      this.#database.run("UPDATE consumers SET cursor = ? WHERE name = ?", after, group);
      this.#database.run("DELETE FROM pending WHERE consumer = ?", group);
    });
  }

  claim(request: ClaimRequest): Claim {
    // Most looks find nothing, and finding nothing must not take the lock from those who write.
    const idle = this.#database.guard("claim an event", () => this.#idle(request));
    if (idle !== undefined) return idle;
    return this.#database.transaction("claim an event", () => {
      // Looked at again under the lock: another member may have been here meanwhile.
      const claim = this.#claimDue(request) ?? this.#claimNew(request);
      return claim ?? { nextAt: this.#nextAt(request.group) };
    });
  }

  #idle({ group, now }: ClaimRequest): Claim | undefined {
    const cursor = this.#consumer(group)?.cursor ?? Infinity;
    const nextAt = this.#nextAt(group);
    if (cursor < this.#events.lastSequence() || (nextAt ?? Infinity) <= now) return undefined;
    return { nextAt };
  }

  #consumer(group: string): Consumer | undefined {
    return this.#database.get("SELECT filter, cursor FROM consumers WHERE name = ?", group);
  }

  #nextAt(group: string): number | undefined {
    const sql = "SELECT min(due_at) AS nextAt FROM pending WHERE consumer = ?";
    return this.#database.get<{ nextAt: number | null }>(sql, group)?.nextAt ?? undefined;
  }

  #claimDue(request: ClaimRequest): Claim | undefined {
    const { group, member, fence, now, leaseMs, maxDeliver, expired } = request;
    for (;;) {
      const due = this.#database.get<DueRow>(
        "SELECT p.sequence AS sequence, p.delivery_count AS deliveryCount, p.fence AS fence, " +
          `p.event_id IS NOT NULL AS isCopy, ${EVENT_OF_PENDING} ${PENDING}` +
          "WHERE p.consumer = ? AND p.due_at <= ? ORDER BY p.sequence LIMIT 1",
        group,
        now,
      );
      if (due === undefined) return undefined;
      const { sequence, isCopy, eventId, subject, payload, traceparent } = due;
      const lease = { group, sequence, fence: due.fence };
      if (eventId === null || (sequence <= expired && isCopy === 0)) {
        this.#forget(lease);
        continue;
      }
      if (due.deliveryCount >= maxDeliver) {
        return { buried: this.#bury(lease, exhausted(due.deliveryCount), now)! };
      }
      const deliveryCount = due.deliveryCount + 1;
      this.#database.run(
        "UPDATE pending SET delivery_count = ?, due_at = ?, member = ?, fence = ? " +
          "WHERE consumer = ? AND sequence = ?",
        deliveryCount,
        now + leaseMs,
        member,
        fence,
        group,
        sequence,
      );
      return { row: { sequence, eventId, subject, payload, traceparent }, deliveryCount };
    }
  }

  #claimNew(request: ClaimRequest): Claim | undefined {
    const { group, member, fence, now, leaseMs, expired } = request;
    const consumer = this.#consumer(group);
    if (consumer === undefined) return undefined;
    const filter = this.#compile(consumer.filter);
    const through = this.#events.lastSequence();
    for (let after = Math.max(consumer.cursor, expired); after < through && !filter.impossible;) {
      const { rows: [row], rest } = this.#events.readPage(filter, { after, through }, "oldest", 1);
      after = rest.after;
      this.#database.run("UPDATE consumers SET cursor = ? WHERE name = ?", after, group);
      if (row === undefined) continue;
      // After a reset a replayed event can be under way when the position comes to it.
      const isNew = this.#database.run(
        "INSERT INTO pending (consumer, sequence, delivery_count, due_at, member, fence) " +
          "VALUES (?, ?, 1, ?, ?, ?) ON CONFLICT DO NOTHING",
        group,
        row.sequence,
        now + leaseMs,
        member,
        fence,
      ) > 0;
      if (isNew) return { row, deliveryCount: 1 };
    }
    return undefined;
  }

  settle(lease: Lease): boolean {
    return this.#database.write("acknowledge an event", () => this.#forget(lease));
  }

  #forget({ group, sequence, fence }: Lease): boolean {
    return this.#database.run(
      "DELETE FROM pending WHERE consumer = ? AND sequence = ? AND fence = ?",
      group,
      sequence,
      fence,
    ) > 0;
  }

  defer({ group, sequence, fence }: Lease, dueAt: number, member?: string): boolean {
    return this.#database.write("defer an event", () =>
      this.#database.run(
        "UPDATE pending SET due_at = ?, member = ? " +
          "WHERE consumer = ? AND sequence = ? AND fence = ?",
        dueAt,
        member ?? null,
        group,
        sequence,
        fence,
      ) > 0);
  }

  undo({ group, sequence, fence }: Lease): boolean {
    return this.#database.write("release an event", () =>
      this.#database.run(
        "UPDATE pending SET due_at = 0, member = NULL, delivery_count = delivery_count - 1 " +
          "WHERE consumer = ? AND sequence = ? AND fence = ?",
        group,
        sequence,
        fence,
      ) > 0);
  }

  bury(lease: Lease, reason: string, now: number): DeadLetter | undefined {
    return this.#database.transaction("bury an event", () => this.#bury(lease, reason, now));
  }

  #bury(lease: Lease, reason: string, now: number): DeadLetter | undefined {
    const [letter] = this.#database.all<DeadLetter>(
      "INSERT INTO dead_letters " +
        "(consumer, sequence, event_id, subject, payload, traceparent, job_id, delivery_count, " +
        `reason, dead_at) SELECT p.consumer, p.sequence, ${EVENT_OF_PENDING}, ` +
        `coalesce(e.job_id, p.job_id), p.delivery_count, ?, ? ${PENDING}` +
        "WHERE p.consumer = ? AND p.sequence = ? AND p.fence = ? AND eventId IS NOT NULL " +
        `RETURNING ${LETTER}`,
      reason,
      now,
      lease.group,
      lease.sequence,
      lease.fence,
    );
    this.#forget(lease);
    return letter;
  }

  release(member: string): void {
    this.#database.write("give events back", () => {
      this.#database.run("UPDATE pending SET due_at = 0, member = NULL WHERE member = ?", member);
    });
  }

  deadLetters(selection: DeadLetterSelection, limit: number): DeadLetter[] {
    const { where, values } = condition(selection);
    const sql = `SELECT ${LETTER} FROM dead_letters ${where} ORDER BY id LIMIT ?`;
    // A negative limit is none.
    const most = limit === Infinity ? -1 : limit;
    return this.#database.guard(
      "read dead letters",
      () => this.#database.all(sql, ...values, most),
    );
  }

  replay(selection: DeadLetterSelection): number {
    const { where, values } = condition(selection);
    return this.#database.transaction("replay dead letters", () => {
      // What is under way again already, after a reset, stays as it is: once is enough.
      this.#database.run(
        "INSERT OR IGNORE INTO pending " +
          "(consumer, sequence, delivery_count, due_at, event_id, subject, payload, traceparent, " +
          "job_id) SELECT consumer, sequence, 0, 0, event_id, subject, payload, traceparent, " +
          "job_id " +
          `FROM dead_letters ${where}`,
        ...values,
      );
      return this.#database.run(`DELETE FROM dead_letters ${where}`, ...values);
    });
  }

  purge(selection: DeadLetterSelection): number {
    const { where, values } = condition(selection);
    return this.#database.write(
      "purge dead letters",
      () => this.#database.run(`DELETE FROM dead_letters ${where}`, ...values),
    );
  }

  #compile(text: string): CompiledFilter {
    let filter = this.#filters.get(text);
    if (filter === undefined) {
      const { since, until, ...rest } = JSON.parse(text) as
        & Omit<JobEventFilter, "since" | "until">
        & { readonly since?: string; readonly until?: string };
      filter = compileFilter({
        ...rest,
        ...(since === undefined ? {} : { since: new Date(since) }),
        ...(until === undefined ? {} : { until: new Date(until) }),
      });
      // Filters change when a program does: a handful at most, the latest is the one in use.
      this.#filters.clear();
      this.#filters.set(text, filter);
    }
    return filter;
  }
}

/** The condition of a selection, with the values of its parameters. */
function condition(
  { group, jobId, ids }: DeadLetterSelection,
): { readonly where: string; readonly values: SqlValue[] } {
  const parts = ["true"];
  const values: SqlValue[] = [];
  const add = (part: string, value: SqlValue): void => {
    parts.push(part);
    values.push(value);
  };
  if (group !== undefined) add("consumer = ?", group);
  if (jobId !== undefined) add("job_id = ?", jobId);
  // One parameter, however many ids there are.
  if (ids !== undefined) add("id IN (SELECT value FROM json_each(?))", JSON.stringify(ids));
  return { where: `WHERE ${parts.join(" AND ")}`, values };
}
