/** What a storage is: interfaces only. */

import type { JobEventError } from "../errors.ts";
import type { JobEventSubjects, SubjectFilter } from "../event/subjects.ts";
import type { JobEvent, JobEventType, StoredJobEvent } from "../gen/types.ts";

/** Which events are meant. Everything that is given must match. */
export interface JobEventFilter extends SubjectFilter {
  /** Only events with a timestamp at or after this time. */
  readonly since?: Date;
  /** Only events with a timestamp at or before this time. */
  readonly until?: Date;
  /** Only events that have all of these tags. */
  readonly tags?: Readonly<Record<string, string>>;
}

/** Which events to read, how many, and in which order. */
export interface JobEventQuery extends JobEventFilter {
  /** At most so many events; 0 gives none. @default all */
  readonly limit?: number;
  /** Pass over so many matching events first. @default 0 */
  readonly offset?: number;
  /** Only events stored after this position. @default 0 */
  readonly afterSequence?: number;
  /** Whether the first or the last stored event comes first. @default "oldest" */
  readonly order?: "oldest" | "newest";
}

/** One encoded event on its way into a storage. */
export interface JobEventRecord {
  /** Tells the event from every other: storing it twice stores it once. */
  readonly eventId: string;
  /** Where it goes. */
  readonly subject: string;
  /** The encoded event. */
  readonly payload: Uint8Array;
  /**
   * The trace that the event belongs to, as W3C Trace Context writes it. It travels beside the
   * payload, as a header.
   */
  readonly traceparent?: string;
}

/** What became of one record. */
export type AppendOutcome =
  /** It is stored; `duplicate` means that it was stored before. */
  | { readonly status: "stored" | "duplicate"; readonly sequence: number }
  /** It is not stored: `retry` may succeed later, `rejected` never will. */
  | { readonly status: "retry" | "rejected"; readonly error: JobEventError };

/** Options of {@linkcode JobEventSink.append}. */
export interface AppendOptions {
  /** Gives up waiting; records without an outcome come back as `retry`. */
  readonly signal?: AbortSignal;
}

/** The write side. */
export interface JobEventSink extends AsyncDisposable {
  /** How this sink names its subjects. */
  readonly subjects: JobEventSubjects;
  /**
   * Stores records in their order. A `rejected` record stops none of the others. Once one has come
   * to `retry`, a sink may store later ones of other jobs, or none at all, but it sends no later
   * one of the same job: what is sent again would come behind it. So each job keeps its order.
   *
   * @returns One outcome for each record, in the same order. A failure is an outcome, not an
   * exception.
   * @throws {JobEventError} `ERR_CLOSED` after {@linkcode close}.
   */
  append(
    records: readonly JobEventRecord[],
    options?: AppendOptions,
  ): Promise<readonly AppendOutcome[]>;
  /** Frees what the sink holds. Idempotent. */
  close(): Promise<void>;
}

/** What is stored and is no event, or task, that this version of the package can read. */
export interface UndecodableMessage {
  /** Its position. */
  readonly sequence: number;
  /** The subject it was stored under. */
  readonly subject: string;
  /** What was stored. */
  readonly payload: Uint8Array;
  /** What is wrong with it: `ERR_DECODE`. */
  readonly error: JobEventError;
}

/** Options of {@linkcode JobEventSource.streamEvents}. */
export interface StreamOptions extends JobEventFilter {
  /** Where to begin: with what comes next, with everything stored, or with a position or time.
   * @default "new" */
  readonly from?: StreamStart;
  /** Told of each message that this stream passes over, since it cannot be decoded.
   * @default none; the storage has a callback of its own */
  readonly onDecodeError?: (message: UndecodableMessage) => void;
  /** Ends the stream. */
  readonly signal?: AbortSignal;
}

/** Where a stream begins. A sequence is the first one delivered, a time the first one stored. */
export type StreamStart = "new" | "all" | { readonly sequence: number } | { readonly time: Date };

/**
 * Events as they are stored, in order, each once. It ends when it is disposed of, when the loop
 * over it ends, or when its signal aborts. One loop at a time.
 */
export interface JobEventStream extends AsyncIterable<StoredJobEvent>, AsyncDisposable {
  /** Resolves when nothing that is stored from then on is missed. */
  readonly ready: Promise<void>;
}

/** Options of {@linkcode JobEventSource.consumeEvents}. */
export interface ConsumeOptions extends JobEventFilter {
  /**
   * The name that the members of a group share. A group has one filter: that of the member which
   * joined last.
   */
  readonly consumerName: string;
  /** Where a group begins that is not there yet, or that is to be `reset`. @default "all" */
  readonly from?: StreamStart;
  /**
   * Sets the position of a group that is there to `from`, once, when this member joins: what comes
   * after it is delivered again, also if it was acknowledged, and as a first delivery. What is
   * unsettled is void: settling it fails with `ERR_LEASE_LOST`. Dead letters stay. @default false
   */
  readonly reset?: boolean;
  /** A delivery that is not settled within this time is delivered again. @default 30000 */
  readonly ackWaitMs?: number;
  /** After so many deliveries an event becomes a dead letter. @default 5 */
  readonly maxDeliver?: number;
  /** How many deliveries this member holds unsettled at the most. @default 100 */
  readonly maxPending?: number;
  /**
   * Told of each event that this member made a dead letter without delivering it: its last delivery
   * was never settled, or it cannot be decoded. Must not throw.
   */
  readonly onDeadLetter?: (letter: JobEventDeadLetter) => void;
  /** Ends the deliveries. */
  readonly signal?: AbortSignal;
}

/**
 * One event that is to be settled. Settling twice does nothing.
 *
 * The claim on the event ends when `ackWaitMs` is over and the event was delivered again, or when
 * the event is deleted. Every call fails with {@linkcode JobEventError} `ERR_LEASE_LOST` then: what
 * was done for the event may be done a second time by somebody else.
 */
export interface JobEventDelivery {
  /** The event. */
  readonly event: StoredJobEvent;
  /** 1 for the first delivery of the event to the group, then rising. */
  readonly deliveryCount: number;
  /** The event is dealt with. */
  ack(): Promise<void>;
  /** The event is to be delivered again, after `delayMs`. @default 0 */
  nak(options?: { readonly delayMs?: number }): Promise<void>;
  /**
   * Gives the event back as if it had not been delivered, since nothing was done for it: it is to
   * be delivered again at once. Where the storage counts every delivery, as a NATS server does,
   * this one counts too.
   */
  release(): Promise<void>;
  /** The work goes on: the time of `ackWaitMs` begins anew. */
  inProgress(): Promise<void>;
  /** The event cannot be dealt with: it becomes a dead letter with this reason. */
  deadLetter(reason: string): Promise<void>;
}

/**
 * What a member of a group gets: each event goes to one member, at least once. Deliveries that are
 * unsettled when it ends are delivered again, to whichever member asks.
 */
export interface JobEventDeliveries extends AsyncIterable<JobEventDelivery>, AsyncDisposable {
  /** Resolves when the group exists and this member takes part. */
  readonly ready: Promise<void>;
}

/** An event that a group gave up on: its own copy, which is kept when the event expires. */
export interface JobEventDeadLetter {
  /** Names the letter in {@linkcode DeadLetterFilter}. Never given twice by a storage. */
  readonly id: string;
  /** The group. */
  readonly consumerName: string;
  /** The event; absent when its bytes cannot be decoded. */
  readonly event?: StoredJobEvent;
  /** The event's position. */
  readonly natsSequence: number;
  /** The encoded event, as it was stored. */
  readonly payload: Uint8Array;
  /** The last error, or what else made the group give up. */
  readonly reason: string;
  /** How often the event was delivered. */
  readonly deliveryCount: number;
  /** When the group gave up on it. */
  readonly deadAt: Date;
}

/** Which dead letters are meant. Everything that is given must match. */
export interface DeadLetterFilter {
  /** Only those of this group. */
  readonly consumerName?: string;
  /** Only those of this job's events. */
  readonly jobId?: string;
  /** Only these; an id that is not there (any more) matches nothing. */
  readonly ids?: readonly string[];
}

/** Which dead letters to list, and how many. */
export interface DeadLetterQuery extends DeadLetterFilter {
  /** At most so many, the first ones. @default all */
  readonly limit?: number;
}

/**
 * The events that groups gave up on. `deleteEvents` deletes those of its job too.
 *
 * Each call throws {@linkcode JobEventError} `ERR_CLOSED` after `close`, and a `RangeError` for a
 * name that is empty or too long.
 */
export interface JobEventDeadLetters {
  /**
   * The dead letters of a filter, the first one first.
   *
   * @throws {RangeError} `limit` is negative or not whole.
   */
  list(query?: DeadLetterQuery): Promise<JobEventDeadLetter[]>;
  /**
   * Gives events to the group that gave up on them again, as a first delivery, and removes the
   * letters. The group's filter is not asked again; other groups do not notice.
   *
   * @returns How many letters there were.
   */
  replay(filter?: DeadLetterFilter): Promise<number>;
  /**
   * Removes letters for good.
   *
   * @returns How many there were.
   */
  purge(filter?: DeadLetterFilter): Promise<number>;
}

/** The state of a storage. */
export interface StorageHealth {
  /** Whether the storage answers. */
  readonly status: "healthy" | "disconnected" | "error";
  /** The stream, table or file. */
  readonly streamName: string;
  /** The patterns of what it stores. */
  readonly subjects: readonly string[];
  /** Number of events. */
  readonly messages: number;
  /** Size of the events, in bytes. */
  readonly bytes: number;
  /** Position of the first event that is there; 0 for none. */
  readonly firstSequence: number;
  /** Position of the last event ever stored; 0 for none. */
  readonly lastSequence: number;
  /** Number of groups. */
  readonly consumers: number;
  /** What runs underneath, with its version. */
  readonly serverVersion: string;
  /** How long the answer took, in milliseconds. */
  readonly rttMs: number;
  /** What is wrong. */
  readonly error?: string;
}

/** The read side. */
export interface JobEventSource {
  /** The events that groups gave up on. */
  readonly deadLetters: JobEventDeadLetters;
  /** The events of one job, oldest first. */
  getEvents(
    jobId: string,
    options?: Omit<JobEventQuery, "jobId">,
  ): Promise<StoredJobEvent[]>;
  /** The events of one type, oldest first. */
  getEventsByType(
    type: JobEventType,
    options?: Omit<JobEventQuery, "eventType">,
  ): Promise<StoredJobEvent[]>;
  /**
   * The events of a query.
   *
   * @throws {RangeError} `limit`, `offset` or `afterSequence` is negative or not whole.
   */
  listEvents(query?: JobEventQuery): Promise<StoredJobEvent[]>;
  /**
   * The events of a query, one after the other: those that are stored when the loop begins.
   *
   * @throws {RangeError} `limit`, `offset` or `afterSequence` is negative or not whole.
   */
  readEvents(query?: JobEventQuery): AsyncIterable<StoredJobEvent>;
  /**
   * The number of events of a filter; without reading them where that is possible. Then what lies
   * under the subjects is counted, also what cannot be decoded.
   */
  countEvents(filter?: JobEventFilter): Promise<number>;
  /** The position of the last event; 0 for none. What is stored after the call lies behind it. */
  lastSequence(): Promise<number>;
  /** Events as they are stored. */
  streamEvents(options?: StreamOptions): JobEventStream;
  /** Takes part in a group, which shares the events and remembers what was dealt with. */
  consumeEvents(options: ConsumeOptions): JobEventDeliveries;
  /**
   * The state of the storage. Never throws, and ends within its time.
   *
   * @param options `timeoutMs`: the time. @default 5000
   */
  healthCheck(options?: { readonly timeoutMs?: number }): Promise<StorageHealth>;
}

/** Both sides, and what changes what is stored. */
export interface JobEventStorage extends JobEventSink, JobEventSource {
  /**
   * Stores one event and waits until it is stored.
   *
   * @throws {TypeError} The event is not valid.
   * @throws {JobEventError} The event was not stored; the code says why.
   */
  storeEvent(event: JobEvent): Promise<StoredJobEvent>;
  /**
   * Stores events in their order.
   *
   * @throws {JobEventError} Some events were not stored; the message says which, the others are
   * stored, and `cause` is an `AggregateError` with one error for each.
   */
  storeEvents(events: readonly JobEvent[]): Promise<StoredJobEvent[]>;
  /**
   * Deletes all events of a job.
   *
   * @param options `erase`: also overwrite the bytes. @default false
   * @returns How many there were.
   */
  deleteEvents(jobId: string, options?: { readonly erase?: boolean }): Promise<number>;
  /**
   * Deletes the events that were stored before a time, or longer ago than the storage's own limit.
   *
   * @returns How many there were.
   */
  cleanupExpiredEvents(options?: { readonly olderThan?: Date }): Promise<number>;
}
