/** The state of groups in a SQLite file: each step is one transaction, across processes. */

import type { Claim, ClaimRequest, DeadLetter, GroupEngine, Lease } from "../engine.ts";
import { type CompiledFilter, compileFilter } from "../filter.ts";
import { exhausted } from "../group.ts";
import type { JobEventFilter } from "../storage.ts";
import type { Database } from "./database.ts";
import type { EventTable } from "./events.ts";

interface Consumer {
  readonly filter: string;
  readonly cursor: number;
}

interface DueRow {
  readonly sequence: number;
  readonly deliveryCount: number;
  readonly eventId: string | null;
  readonly subject: string;
  readonly payload: Uint8Array;
}

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

  join(group: string, filter: JobEventFilter, after: number): void {
    const text = JSON.stringify(filter);
    this.#database.write("join a group", () => {
      this.#database.run(
        "INSERT INTO consumers (name, filter, cursor) VALUES (?, ?, ?) " +
          "ON CONFLICT (name) DO UPDATE SET filter = excluded.filter",
        group,
        text,
        after,
      );
    });
  }

  claim(request: ClaimRequest): Claim {
    // Most looks find nothing, and finding nothing must not take the lock from those who write.
    const idle = this.#database.guard("claim an event", () => this.#idle(request));
    if (idle !== undefined) return idle;
    return this.#database.transaction("claim an event", () => {
      // Looked at again under the lock: another member may have been here meanwhile.
      const claim = this.#claimDue(request) ?? this.#claimNew(request);
      return claim ?? { row: undefined, nextAt: this.#nextAt(request.group) };
    });
  }

  #idle({ group, now }: ClaimRequest): Claim | undefined {
    const cursor = this.#consumer(group)?.cursor ?? Infinity;
    const nextAt = this.#nextAt(group);
    if (cursor < this.#events.lastSequence() || (nextAt ?? Infinity) <= now) return undefined;
    return { row: undefined, nextAt };
  }

  #consumer(group: string): Consumer | undefined {
    return this.#database.get("SELECT filter, cursor FROM consumers WHERE name = ?", group);
  }

  #nextAt(group: string): number | undefined {
    const sql = "SELECT min(due_at) AS nextAt FROM pending WHERE consumer = ?";
    return this.#database.get<{ nextAt: number | null }>(sql, group)?.nextAt ?? undefined;
  }

  #claimDue(request: ClaimRequest): Claim | undefined {
    const { group, member, now, leaseMs, maxDeliver } = request;
    for (;;) {
      const due = this.#database.get<DueRow>(
        "SELECT p.sequence AS sequence, p.delivery_count AS deliveryCount, " +
          "e.event_id AS eventId, e.subject AS subject, e.payload AS payload " +
          "FROM pending AS p LEFT JOIN events AS e ON e.sequence = p.sequence " +
          "WHERE p.consumer = ? AND p.due_at <= ? ORDER BY p.sequence LIMIT 1",
        group,
        now,
      );
      if (due === undefined) return undefined;
      const { sequence, eventId, subject, payload } = due;
      const lease = { group, sequence, deliveryCount: due.deliveryCount };
      if (eventId === null) {
        this.#forget(lease);
      } else if (due.deliveryCount >= maxDeliver) {
        this.#bury(lease, exhausted(due.deliveryCount), now);
      } else {
        const deliveryCount = due.deliveryCount + 1;
        this.#database.run(
          "UPDATE pending SET delivery_count = ?, due_at = ?, member = ? " +
            "WHERE consumer = ? AND sequence = ?",
          deliveryCount,
          now + leaseMs,
          member,
          group,
          sequence,
        );
        return { row: { sequence, eventId, subject, payload }, deliveryCount };
      }
    }
  }

  #claimNew({ group, member, now, leaseMs }: ClaimRequest): Claim | undefined {
    const consumer = this.#consumer(group);
    if (consumer === undefined) return undefined;
    const filter = this.#compile(consumer.filter);
    const span = { after: consumer.cursor, through: this.#events.lastSequence() };
    if (filter.impossible || span.after >= span.through) return undefined;
    const { rows: [row], rest } = this.#events.readPage(filter, span, "oldest", 1);
    this.#database.run("UPDATE consumers SET cursor = ? WHERE name = ?", rest.after, group);
    if (row === undefined) return undefined;
    this.#database.run(
      "INSERT INTO pending (consumer, sequence, delivery_count, due_at, member) " +
        "VALUES (?, ?, 1, ?, ?)",
      group,
      row.sequence,
      now + leaseMs,
      member,
    );
    return { row, deliveryCount: 1 };
  }

  settle(lease: Lease): boolean {
    return this.#database.write("acknowledge an event", () => this.#forget(lease));
  }

  #forget({ group, sequence, deliveryCount }: Lease): boolean {
    return this.#database.run(
      "DELETE FROM pending WHERE consumer = ? AND sequence = ? AND delivery_count = ?",
      group,
      sequence,
      deliveryCount,
    ) > 0;
  }

  defer({ group, sequence, deliveryCount }: Lease, dueAt: number, member?: string): boolean {
    return this.#database.write("defer an event", () =>
      this.#database.run(
        "UPDATE pending SET due_at = ?, member = ? " +
          "WHERE consumer = ? AND sequence = ? AND delivery_count = ?",
        dueAt,
        member ?? null,
        group,
        sequence,
        deliveryCount,
      ) > 0);
  }

  bury(lease: Lease, reason: string, now: number): boolean {
    return this.#database.transaction("bury an event", () => this.#bury(lease, reason, now));
  }

  #bury(lease: Lease, reason: string, now: number): boolean {
    if (!this.#forget(lease)) return false;
    return this.#database.run(
      "INSERT INTO dead_letters " +
        "(consumer, sequence, event_id, subject, payload, job_id, reason, delivery_count, " +
        "dead_at) SELECT ?, sequence, event_id, subject, payload, job_id, ?, ?, ? " +
        "FROM events WHERE sequence = ?",
      lease.group,
      reason,
      lease.deliveryCount,
      now,
      lease.sequence,
    ) > 0;
  }

  release(member: string): void {
    this.#database.write("give events back", () => {
      this.#database.run("UPDATE pending SET due_at = 0, member = NULL WHERE member = ?", member);
    });
  }

  deadLetters(group?: string): DeadLetter[] {
    const columns = "SELECT consumer AS consumerName, sequence, event_id AS eventId, subject, " +
      "payload, reason, delivery_count AS deliveryCount, dead_at AS deadAt FROM dead_letters ";
    return this.#database.guard(
      "read dead letters",
      () =>
        group === undefined
          ? this.#database.all(`${columns} ORDER BY id`)
          : this.#database.all(`${columns} WHERE consumer = ? ORDER BY id`, group),
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
