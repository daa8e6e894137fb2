/** The state of groups in memory. */

import type {
  Claim,
  ClaimRequest,
  DeadLetter,
  DeadLetterSelection,
  EventEngine,
  GroupEngine,
  Lease,
  StoredRow,
} from "../engine.ts";
import { type CompiledFilter, compileFilter } from "../filter.ts";
import { exhausted } from "../group.ts";
import type { JobEventFilter } from "../storage.ts";
import type { Entry } from "./log.ts";

interface JobRow extends StoredRow {
  readonly jobId: string;
}

type KeptLetter = DeadLetter & JobRow;

interface Pending {
  deliveryCount: number;
  dueAt: number;
  member: string | undefined;
  fence: string;
  /** The event of a dead letter that is replayed: it may have expired since. */
  readonly copy?: JobRow;
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
  #lastLetter = 0;
  readonly #maxLetters: number;

  /** @param maxLetters How many dead letters are kept; the oldest make room. */
  constructor(rows: MemoryRows, maxLetters: number) {
    this.#rows = rows;
    this.#maxLetters = maxLetters;
  }

  get size(): number {
    return this.#groups.size;
  }

  join(name: string, filter: JobEventFilter, after: number, reset: boolean): void {
    const compiled = compileFilter(filter);
    const group = this.#groups.get(name);
    if (group !== undefined && !reset) group.filter = compiled;
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
    if (group === undefined) return { nextAt: undefined };
    const claim = this.#claimDue(group, request) ?? this.#claimNew(group, request);
    return claim ?? { nextAt: group.nextAt === Infinity ? undefined : group.nextAt };
  }

  #claimDue(group: Group, request: ClaimRequest): Claim | undefined {
    const { now, leaseMs, member, fence, maxDeliver, expired } = request;
    while (group.nextAt <= now) {
      const sequence = nextDue(group, now);
      if (sequence === undefined) return undefined;
      const pending = group.pending.get(sequence)!;
      const row = this.#row(sequence, pending);
      const isExpired = sequence <= expired && pending.copy === undefined;
      if (row === undefined || isExpired) {
        group.pending.delete(sequence);
        continue;
      }
      if (pending.deliveryCount >= maxDeliver) {
        const lease = { group: request.group, sequence, fence: pending.fence };
        return { buried: this.bury(lease, exhausted(pending.deliveryCount), now)! };
      }
      pending.deliveryCount++;
      pending.member = member;
      pending.fence = fence;
      pending.dueAt = now + leaseMs;
      return { row, deliveryCount: pending.deliveryCount };
    }
    return undefined;
  }

  #row(sequence: number, { copy }: Pending): JobRow | undefined {
    const entry = this.#rows.row(sequence);
    if (entry === undefined) return copy;
    const { eventId, subject, payload, traceparent, fields: { jobId } } = entry;
    return { sequence, eventId, subject, payload, traceparent, jobId };
  }

  #claimNew(group: Group, request: ClaimRequest): Claim | undefined {
    const { member, fence, now, leaseMs, expired } = request;
    const through = this.#rows.lastSequence();
    group.cursor = Math.max(group.cursor, expired);
    while (!group.filter.impossible && group.cursor < through) {
      const span = { after: group.cursor, through };
      const { rows: [row], rest } = this.#rows.readPage(group.filter, span, "oldest", 1);
      group.cursor = rest.after;
      // After a reset a replayed event can be under way when the position comes to it.
      if (row === undefined || group.pending.has(row.sequence)) continue;
      const dueAt = now + leaseMs;
      group.pending.set(row.sequence, { deliveryCount: 1, dueAt, member, fence });
      group.nextAt = Math.min(group.nextAt, dueAt);
      return { row, deliveryCount: 1 };
    }
    return undefined;
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

  undo(lease: Lease): boolean {
    const held = this.#find(lease);
    if (held === undefined) return false;
    held.pending.deliveryCount--;
    return this.defer(lease, 0);
  }

  bury(lease: Lease, reason: string, now: number): DeadLetter | undefined {
    const held = this.#find(lease);
    if (held === undefined) return undefined;
    held.group.pending.delete(lease.sequence);
    const row = this.#row(lease.sequence, held.pending);
    if (row === undefined) return undefined;
    const letter = {
      ...row,
      id: ++this.#lastLetter,
      group: lease.group,
      // Its own copy: the event may be erased or evicted, the dead letter is kept.
      payload: new Uint8Array(row.payload),
      reason,
      deliveryCount: held.pending.deliveryCount,
      deadAt: now,
    };
    this.#dead.push(letter);
    if (this.#dead.length > this.#maxLetters) this.#dead.shift();
    return detached(letter);
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

  deadLetters(selection: DeadLetterSelection, limit: number): DeadLetter[] {
    return this.#dead.filter(selected(selection)).slice(0, limit).map(detached);
  }

  replay(selection: DeadLetterSelection): number {
    const letters = this.#take(selected(selection));
    for (const copy of letters) {
      const group = this.#groups.get(copy.group)!;
      group.nextAt = 0;
      // After a reset it can be under way again already: once is enough.
      if (group.pending.has(copy.sequence)) continue;
      const pending = { deliveryCount: 0, dueAt: 0, member: undefined, fence: "", copy };
      group.pending.set(copy.sequence, pending);
    }
    return letters.length;
  }

  purge(selection: DeadLetterSelection): number {
    return this.#take(selected(selection)).length;
  }

  #take(matches: (letter: KeptLetter) => boolean): KeptLetter[] {
    const taken = this.#dead.filter(matches);
    this.#dead = this.#dead.filter((letter) => !matches(letter));
    return taken;
  }

  /** Forgets a job that was deleted: what groups keep of it outlives its events otherwise. */
  forget(jobId: string, erase: boolean): void {
    const copies: JobRow[] = this.#take((letter) => letter.jobId === jobId);
    for (const { pending } of this.#groups.values()) {
      for (const [sequence, { copy }] of pending) {
        if (copy?.jobId !== jobId) continue;
        pending.delete(sequence);
        copies.push(copy);
      }
    }
    if (erase) { for (const { payload } of copies) payload.fill(0); }
  }

  #find(lease: Lease): { readonly group: Group; readonly pending: Pending } | undefined {
    const group = this.#groups.get(lease.group);
    const pending = group?.pending.get(lease.sequence);
    if (group === undefined || pending?.fence !== lease.fence) return undefined;
    if (this.#row(lease.sequence, pending) !== undefined) return { group, pending };
    // The event was deleted, or has made room for others.
    group.pending.delete(lease.sequence);
    return undefined;
  }
}

function selected({ group, jobId, ids }: DeadLetterSelection): (letter: KeptLetter) => boolean {
  const wanted = ids === undefined ? undefined : new Set(ids);
  return (letter) =>
    (group === undefined || letter.group === group) &&
    (jobId === undefined || letter.jobId === jobId) &&
    (wanted === undefined || wanted.has(letter.id));
}

/** For users: what they do to the bytes, or an erasure does, the other side does not see. */
function detached(letter: KeptLetter): DeadLetter {
  return { ...letter, payload: new Uint8Array(letter.payload) };
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
