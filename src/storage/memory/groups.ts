/** The state of groups in memory. */

import type {
  Claim,
  ClaimRequest,
  DeadLetter,
  EventEngine,
  GroupEngine,
  Lease,
} from "../engine.ts";
import { type CompiledFilter, compileFilter } from "../filter.ts";
import { exhausted } from "../group.ts";
import type { JobEventFilter } from "../storage.ts";
import type { Entry } from "./log.ts";

interface KeptLetter extends DeadLetter {
  readonly jobId: string;
}

interface Pending {
  deliveryCount: number;
  dueAt: number;
  member: string | undefined;
}

interface Group {
  filter: CompiledFilter;
  /** The last position that was handed out or passed over. */
  cursor: number;
  readonly pending: Map<number, Pending>;
  /** No pending event is due before. Saves looking at each of them with every claim. */
  nextAt: number;
}

/** Where the groups find their events. */
export interface MemoryRows extends Pick<EventEngine, "readPage" | "lastSequence"> {
  /** The event at a position, if it is still there. */
  row(sequence: number): Entry | undefined;
}

/** Groups that live as long as their storage. */
export class MemoryGroups implements GroupEngine {
  readonly #rows: MemoryRows;
  readonly #groups = new Map<string, Group>();
  #dead: KeptLetter[] = [];

  constructor(rows: MemoryRows) {
    this.#rows = rows;
  }

  get size(): number {
    return this.#groups.size;
  }

  join(name: string, filter: JobEventFilter, after: number): void {
    const compiled = compileFilter(filter);
    const group = this.#groups.get(name);
    if (group !== undefined) group.filter = compiled;
    else {
      this.#groups.set(name, {
        filter: compiled,
        cursor: after,
        pending: new Map(),
        nextAt: Infinity,
      });
    }
  }

  claim(request: ClaimRequest): Claim {
    const group = this.#groups.get(request.group);
    if (group === undefined) return { row: undefined, nextAt: undefined };
    const claim = this.#claimDue(group, request) ?? this.#claimNew(group, request);
    if (claim !== undefined) return claim;
    return { row: undefined, nextAt: group.nextAt === Infinity ? undefined : group.nextAt };
  }

  #claimDue(group: Group, request: ClaimRequest): Claim | undefined {
    const { now, leaseMs, member, maxDeliver } = request;
    while (group.nextAt <= now) {
      const sequence = nextDue(group, now);
      if (sequence === undefined) return undefined;
      const pending = group.pending.get(sequence)!;
      const row = this.#rows.row(sequence);
      const lease = { group: request.group, sequence, deliveryCount: pending.deliveryCount };
      if (row === undefined) {
        group.pending.delete(sequence);
      } else if (pending.deliveryCount >= maxDeliver) {
        this.bury(lease, exhausted(pending.deliveryCount), now);
      } else {
        pending.deliveryCount++;
        pending.member = member;
        pending.dueAt = now + leaseMs;
        return { row, deliveryCount: pending.deliveryCount };
      }
    }
    return undefined;
  }

  #claimNew(group: Group, request: ClaimRequest): Claim | undefined {
    const span = { after: group.cursor, through: this.#rows.lastSequence() };
    if (group.filter.impossible || span.after >= span.through) return undefined;
    const { rows: [row], rest } = this.#rows.readPage(group.filter, span, "oldest", 1);
    group.cursor = rest.after;
    if (row === undefined) return undefined;
    const dueAt = request.now + request.leaseMs;
    group.pending.set(row.sequence, { deliveryCount: 1, dueAt, member: request.member });
    group.nextAt = Math.min(group.nextAt, dueAt);
    return { row, deliveryCount: 1 };
  }

  settle(lease: Lease): boolean {
    const held = this.#find(lease);
    return held !== undefined && held.group.pending.delete(lease.sequence);
  }

  defer(lease: Lease, dueAt: number, member?: string): boolean {
    const held = this.#find(lease);
    if (held === undefined) return false;
    held.pending.dueAt = dueAt;
    held.pending.member = member;
    held.group.nextAt = Math.min(held.group.nextAt, dueAt);
    return true;
  }

  bury(lease: Lease, reason: string, now: number): boolean {
    const held = this.#find(lease);
    const row = this.#rows.row(lease.sequence);
    if (held === undefined) return false;
    held.group.pending.delete(lease.sequence);
    if (row === undefined) return false;
    const { sequence, eventId, subject, payload } = row;
    this.#dead.push({
      sequence,
      eventId,
      subject,
      // Its own copy: the event may be erased or evicted, the dead letter is kept.
      payload: payload.slice(),
      consumerName: lease.group,
      reason,
      deliveryCount: lease.deliveryCount,
      deadAt: now,
      jobId: row.fields.jobId,
    });
    return true;
  }

  release(member: string): void {
    for (const group of this.#groups.values()) {
      for (const pending of group.pending.values()) {
        if (pending.member !== member) continue;
        pending.dueAt = 0;
        pending.member = undefined;
        group.nextAt = 0;
      }
    }
  }

  deadLetters(group?: string): DeadLetter[] {
    return this.#dead.filter((letter) => group === undefined || letter.consumerName === group);
  }

  /** Forgets a job that was deleted: its dead letters outlive its events otherwise. */
  forget(jobId: string, erase: boolean): void {
    this.#dead = this.#dead.filter((letter) => {
      if (letter.jobId !== jobId) return true;
      if (erase) letter.payload.fill(0);
      return false;
    });
  }

  #find(lease: Lease): { readonly group: Group; readonly pending: Pending } | undefined {
    const group = this.#groups.get(lease.group);
    const pending = group?.pending.get(lease.sequence);
    if (group === undefined || pending?.deliveryCount !== lease.deliveryCount) return undefined;
    return { group, pending };
  }
}

/** The first position that is due; also finds out when the next one will be. */
function nextDue(group: Group, now: number): number | undefined {
  let first: number | undefined;
  group.nextAt = Infinity;
  for (const [sequence, { dueAt }] of group.pending) {
    group.nextAt = Math.min(group.nextAt, dueAt);
    if (dueAt <= now && (first === undefined || sequence < first)) first = sequence;
  }
  return first;
}
