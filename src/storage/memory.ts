/** Events in memory: the reference for what a storage does, for tests and for the edge. */

import type { JobEventSubjects } from "../event/subjects.ts";
import type { JobEvent, JobEventType, StoredJobEvent } from "../gen/types.ts";
import { EmbeddedStorage } from "./embedded.ts";
import { checkWhole } from "./filter.ts";
import { MemoryEngine } from "./memory/engine.ts";
import type {
  AppendOptions,
  AppendOutcome,
  ConsumeOptions,
  JobEventDeadLetters,
  JobEventDeliveries,
  JobEventFilter,
  JobEventQuery,
  JobEventRecord,
  JobEventStorage,
  JobEventStream,
  StorageHealth,
  StreamOptions,
  UndecodableMessage,
} from "./storage.ts";
import { storeEvent, storeEvents } from "./store.ts";

/** Options of {@linkcode MemoryJobEventStorage}. */
export interface MemoryJobEventStorageOptions {
  /** What every subject begins with. @default "naq.jobs.events" */
  readonly subjectPrefix?: string;
  /** How many events are kept, and how many dead letters; the oldest make room for new ones.
   * @default no limit */
  readonly maxEvents?: number;
  /**
   * How long an event is kept, in milliseconds. Older events are no longer found, and are removed
   * by later appends and by {@linkcode MemoryJobEventStorage.cleanupExpiredEvents}.
   * @default no limit
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
 * Keeps events in memory, in order and with everything that a storage can do; they are gone when
 * the program ends. It needs nothing of the runtime and works at the edge.
 *
 * @example
 * ```ts
 * import { JobEvent, MemoryJobEventStorage } from "@naq/events";
 * import assert from "node:assert/strict";
 *
 * await using storage = new MemoryJobEventStorage({ maxEvents: 10_000 });
 * await storage.storeEvent(JobEvent.enqueued("job-1", "mail"));
 * await storage.storeEvent(JobEvent.started("job-1", "worker-1", "async"));
 *
 * const history = await storage.getEvents("job-1");
 * assert.deepEqual(history.map((event) => event.eventType), ["enqueued", "started"]);
 * assert.equal(await storage.countEvents({ workerId: "worker-1" }), 1);
 * ```
 */
export class MemoryJobEventStorage implements JobEventStorage {
  readonly #storage: EmbeddedStorage;

  /**
   * Makes an empty storage.
   *
   * @param options Bounds and names.
   * @throws {RangeError} A bound is not a whole number of at least 1.
   */
  constructor(options: MemoryJobEventStorageOptions = {}) {
    const { maxEvents, maxAgeMs, maxEventBytes } = options;
    if (maxEvents !== undefined) checkWhole("maxEvents", maxEvents, 1);
    if (maxAgeMs !== undefined) checkWhole("maxAgeMs", maxAgeMs, 1);
    if (maxEventBytes !== undefined) checkWhole("maxEventBytes", maxEventBytes, 1);
    const engine = new MemoryEngine(maxEvents ?? Infinity);
    this.#storage = new EmbeddedStorage(engine, options);
  }

  /** The events that groups gave up on. */
  get deadLetters(): JobEventDeadLetters {
    return this.#storage.deadLetters;
  }

  /** How often something was come across that cannot be decoded; see `onDecodeError`. */
  get decodeErrors(): number {
    return this.#storage.decoder.failures;
  }

  /** How this storage names its subjects. */
  get subjects(): JobEventSubjects {
    return this.#storage.subjects;
  }

  /**
   * Stores records in their order. One record's failure stops none of the others.
   *
   * @returns One outcome for each record, in the same order. A failure is an outcome, not an
   * exception.
   * @throws {JobEventError} `ERR_CLOSED` after {@linkcode close}.
   */
  append(
    records: readonly JobEventRecord[],
    options: AppendOptions = {},
  ): Promise<readonly AppendOutcome[]> {
    return this.#storage.append(records, options);
  }

  /**
   * Stores one event.
   *
   * @throws {TypeError} The event is not valid.
   * @throws {JobEventError} The event was not stored; the code says why.
   */
  storeEvent(event: JobEvent): Promise<StoredJobEvent> {
    return storeEvent(this, event, this.#storage.ids);
  }

  /**
   * Stores events in their order.
   *
   * @throws {JobEventError} Some events were not stored; the message says which, the others are
   * stored, and `cause` is an `AggregateError` with one error for each.
   */
  storeEvents(events: readonly JobEvent[]): Promise<StoredJobEvent[]> {
    return storeEvents(this, events, this.#storage.ids);
  }

  /** The events of one job, oldest first. */
  getEvents(
    jobId: string,
    options: Omit<JobEventQuery, "jobId"> = {},
  ): Promise<StoredJobEvent[]> {
    return this.#storage.listEvents({ ...options, jobId });
  }

  /** The events of one type, oldest first. */
  getEventsByType(
    type: JobEventType,
    options: Omit<JobEventQuery, "eventType"> = {},
  ): Promise<StoredJobEvent[]> {
    return this.#storage.listEvents({ ...options, eventType: type });
  }

  /**
   * The events of a query.
   *
   * @throws {RangeError} `limit`, `offset` or `afterSequence` is negative or not whole.
   */
  listEvents(query: JobEventQuery = {}): Promise<StoredJobEvent[]> {
    return this.#storage.listEvents(query);
  }

  /**
   * The events of a query, one after the other: those that are stored when the loop begins. They
   * are read in pages while the loop goes on.
   *
   * @throws {RangeError} `limit`, `offset` or `afterSequence` is negative or not whole.
   * @throws {JobEventError} `ERR_CLOSED` when the storage is closed before the end.
   */
  readEvents(query: JobEventQuery = {}): AsyncIterable<StoredJobEvent> {
    return this.#storage.readEvents(query);
  }

  /** The number of events of a filter. No event is decoded for it. */
  // deno-lint-ignore require-await -- async, so that errors are rejections
  async countEvents(filter: JobEventFilter = {}): Promise<number> {
    return this.#storage.countEvents(filter);
  }

  /** The position of the last event; 0 for none. What is stored after the call lies behind it. */
  // deno-lint-ignore require-await -- async, so that errors are rejections
  async lastSequence(): Promise<number> {
    return this.#storage.lastSequence();
  }

  /** Events as they are stored. */
  streamEvents(options: StreamOptions = {}): JobEventStream {
    return this.#storage.streamEvents(options);
  }

  /**
   * Takes part in a group, which shares the events and remembers what was dealt with for as
   * long as the storage lives.
   * A group has one filter: that of the member that joined last.
   *
   * @throws {RangeError} A number is out of range, or the name is empty or too long.
   */
  consumeEvents(options: ConsumeOptions): JobEventDeliveries {
    return this.#storage.consumeEvents(options);
  }

  /**
   * Deletes all events of a job, with the dead letters that groups keep of it.
   *
   * @param options `erase`: also overwrite the bytes. @default false
   * @returns How many events there were.
   */
  deleteEvents(jobId: string, options: { readonly erase?: boolean } = {}): Promise<number> {
    return this.#storage.deleteEvents(jobId, options.erase ?? false);
  }

  /**
   * Deletes the events that were stored before a time, or longer ago than `maxAgeMs`.
   *
   * @returns How many there were.
   */
  cleanupExpiredEvents(options: { readonly olderThan?: Date } = {}): Promise<number> {
    return this.#storage.cleanupExpiredEvents(options.olderThan);
  }

  /** The state of the storage. Never throws. */
  // deno-lint-ignore require-await -- the interface is asynchronous, the answer is there at once
  async healthCheck(_options?: { readonly timeoutMs?: number }): Promise<StorageHealth> {
    return this.#storage.healthCheck();
  }

  /** Forgets everything. Live streams and groups end. Idempotent. */
  close(): Promise<void> {
    return this.#storage.close();
  }

  /** Closes the storage. */
  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }
}
