/**
 * What an embedded storage has to be able to do: interfaces only. Everything else, from paging to
 * live streams and groups, is the same for all of them and built on these.
 */

import type { ChangeSignal } from "./changes.ts";
import type { EventDecoder } from "./decoder.ts";
import type { CompiledFilter } from "./filter.ts";
import type { CheckedRecord } from "./record.ts";
import type { AppendOutcome, JobEventFilter } from "./storage.ts";

/** One stored event, not decoded yet. */
export interface StoredRow {
  /** The position. */
  readonly sequence: number;
  /** The event's id. */
  readonly eventId: string;
  /** The subject it was stored under. */
  readonly subject: string;
  /** The encoded event. */
  readonly payload: Uint8Array;
  /** The trace that it belongs to; absent or `null` for none. */
  readonly traceparent?: string | null | undefined;
}

/** The positions after `after`, up to `through` and with it. */
export interface Span {
  /** The last position before the span. */
  readonly after: number;
  /** The last position of the span. */
  readonly through: number;
}

/** Some rows of a span, and what of the span was not looked at. */
export interface Page {
  /** The matching rows in the order that was asked for. */
  readonly rows: readonly StoredRow[];
  /** What is left of the span; empty when `after` is not below `through`. */
  readonly rest: Span;
}

/** What there is, for the health check. */
export interface EngineStatus {
  /** Number of events. */
  readonly messages: number;
  /** Their size, in bytes. */
  readonly bytes: number;
  /** The first position that is there; 0 for none. */
  readonly firstSequence: number;
  /** The last position ever given; 0 for none. */
  readonly lastSequence: number;
  /** Number of groups. */
  readonly consumers: number;
  /** What runs underneath, with its version. */
  readonly version: string;
}

/** An event that a group gave up on. */
export interface DeadLetter extends StoredRow {
  /** The letter's number; numbers rise and never come twice. */
  readonly id: number;
  /** The group, as its key. */
  readonly group: string;
  /** Why. */
  readonly reason: string;
  /** How often it was delivered. */
  readonly deliveryCount: number;
  /** When the group gave up on it, in milliseconds since the Unix epoch. */
  readonly deadAt: number;
}

/** A filter of dead letters: checked, and in the form in which it is compared. */
export interface DeadLetterSelection {
  /** The group, as its key, or `undefined` for any. */
  readonly group: string | undefined;
  /** The job, or `undefined` for any. */
  readonly jobId: string | undefined;
  /** The letters' numbers, or `undefined` for any. */
  readonly ids: readonly number[] | undefined;
}

/** What a member of a group asks for. */
export interface ClaimRequest {
  /** The group. */
  readonly group: string;
  /** Who asks. */
  readonly member: string;
  /** What the claim will be known by: new for each claim. */
  readonly fence: string;
  /** Now, in milliseconds since the Unix epoch. */
  readonly now: number;
  /** How long the claim holds, in milliseconds. */
  readonly leaseMs: number;
  /** After so many deliveries an event becomes a dead letter. */
  readonly maxDeliver: number;
  /** What was stored up to this position is too old. */
  readonly expired: number;
}

/**
 * A claimed event; or one that had no delivery left and became a dead letter; or when there may be
 * an event: at that time, or with the next change.
 */
export type Claim =
  | { readonly row: StoredRow; readonly deliveryCount: number }
  | { readonly buried: DeadLetter }
  | { readonly nextAt: number | undefined };

/** One delivery of one event. Settling fails when the event was claimed again since. */
export interface Lease {
  /** The group. */
  readonly group: string;
  /** The event's position. */
  readonly sequence: number;
  /** What the claim is known by. */
  readonly fence: string;
}

/** The state of the groups. Each method is one step that no other member sees half done. */
export interface GroupEngine {
  /**
   * Makes a group that is not there yet, or gives one that is there this filter.
   *
   * @param after Where a new group begins.
   * @param reset Whether one that is there begins there too, and forgets what is pending.
   */
  join(group: string, filter: JobEventFilter, after: number, reset: boolean): void;
  /** Claims what is due again, else what is new. */
  claim(request: ClaimRequest): Claim;
  /** Forgets the event. `false`: the lease is over. */
  settle(lease: Lease): boolean;
  /**
   * Sets when the event is due again. `false`: the lease is over.
   *
   * @param member Who holds it until then, if somebody does.
   */
  defer(lease: Lease, dueAt: number, member?: string): boolean;
  /** Makes the event a dead letter. `undefined`: the lease is over. */
  bury(lease: Lease, reason: string, now: number): DeadLetter | undefined;
  /** Makes the event due at once and takes back the count of its delivery. `false`: the lease is
   * over. */
  undo(lease: Lease): boolean;
  /** Makes everything that a member holds due at once. */
  release(member: string): void;
  /** Dead letters, the first one first. */
  deadLetters(selection: DeadLetterSelection, limit: number): DeadLetter[];
  /** Makes the events of dead letters due at once, with no delivery counted, for their groups. */
  replay(selection: DeadLetterSelection): number;
  /** Forgets dead letters. */
  purge(selection: DeadLetterSelection): number;
}

/** Synchronous primitives over one place where events are kept. */
export interface EventEngine {
  /** What the place is called: a word or a path. */
  readonly name: string;
  /** Says when something was stored or became due. */
  readonly changes: ChangeSignal;
  /** The groups. */
  readonly groups: GroupEngine;
  /**
   * Runs something that writes with the methods below: at once, or again and again while somebody
   * else keeps the place locked.
   *
   * @param signal Ends the waiting.
   */
  write<Result>(work: () => Result, signal?: AbortSignal): Promise<Result>;
  /**
   * Stores records in their order, all or none.
   *
   * @throws {JobEventError} None is stored.
   */
  append(records: readonly CheckedRecord[], now: number): readonly AppendOutcome[];
  /** Where in a span the matching rows can be: asked for once, before the first page. */
  narrow(filter: CompiledFilter, span: Span): Span;
  /** The next rows of a span, at most `limit`. */
  readPage(filter: CompiledFilter, span: Span, order: "oldest" | "newest", limit: number): Page;
  /** The number of matching rows in a span. */
  count(filter: CompiledFilter, span: Span): number;
  /** The last position ever given; 0 for none. */
  lastSequence(): number;
  /** The last position that was stored before a time in milliseconds; 0 for none. */
  lastSequenceBefore(time: number): number;
  /**
   * Deletes all events of a job, with what the groups keep of them.
   *
   * @param erase Whether to overwrite their bytes, too, as far as `erasure` does not.
   */
  deleteJob(jobId: string, erase: boolean): number;
  /** What overwrites the bytes that are left of deleted events, step by step. */
  readonly erasure: readonly (() => void)[];
  /** Deletes the first `limit` events up to a position. */
  deleteThrough(sequence: number, limit: number): number;
  /** What there is. */
  status(): EngineStatus;
  /** Frees what is held, once nobody waits to write. */
  close(): Promise<void>;
}

/** Where events are kept, as streams and groups see it. */
export interface EventLog {
  /** The place. */
  readonly engine: EventEngine;
  /** Decodes what is read. */
  readonly decoder: EventDecoder;
  /** What is there after a position, and not too old. */
  span(after: number): Span;
  /** Throws when the storage is closed. */
  assertOpen(action: string): void;
}
