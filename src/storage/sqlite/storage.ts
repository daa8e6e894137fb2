/** The SQLite storage. */

import type { JobEventSubjects } from "../../event/subjects.ts";
import type { JobEvent, JobEventType, StoredJobEvent } from "../../gen/types.ts";
import type { JobEventSpool, JobEventSpoolSource } from "../../logger/spool.ts";
import { EmbeddedStorage } from "../embedded.ts";
import { checkWhole } from "../filter.ts";
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
} from "../storage.ts";
import { storeEvent, storeEvents } from "../store.ts";
import type { Database } from "./database.ts";
import { SqliteEngine } from "./engine.ts";
import { openDatabase } from "./open.ts";

/** Options of {@linkcode SqliteJobEventStorage.open}. */
export interface SqliteJobEventStorageOptions {
  /** What every subject begins with. @default "naq.jobs.events" */
  readonly subjectPrefix?: string;
  /**
   * How long an event is kept, in milliseconds. Older events are no longer found, and are removed
   * by later appends and by {@linkcode SqliteJobEventStorage.cleanupExpiredEvents}.
   * @default no limit
   */
  readonly maxAgeMs?: number;
  /**
   * The largest size of the file, in bytes, without its write-ahead log. A full file takes no more
   * events: {@linkcode SqliteJobEventStorage.append} gives `retry`. @default no limit
   */
  readonly maxBytes?: number;
  /** The largest encoded event, in bytes. @default 1048576 */
  readonly maxEventBytes?: number;
  /** How long to wait while another process writes, in milliseconds. This process goes on
   * meanwhile. @default 5000 */
  readonly busyTimeoutMs?: number;
  /**
   * How often live streams and groups look for what other processes wrote, in milliseconds. What
   * this storage writes itself they get at once. @default 50
   */
  readonly pollIntervalMs?: number;
  /**
   * What a stored event survives. "normal": the death of the process; the death of the machine may
   * take the last ones. "full": that too, at the price of a wait for the disk with every append.
   * @default "normal"
   */
  readonly synchronous?: "normal" | "full";
  /** Whether a file that does not exist is made. @default true */
  readonly create?: boolean;
  /** Opens a file that exists for reading only; groups cannot be joined then. @default false */
  readonly readOnly?: boolean;
  /** Told of each message that a read, a stream or a group comes across and cannot decode: it is
   * damaged, or a newer version wrote it. Reads and streams skip it, a group makes a dead letter of
   * it. @default none */
  readonly onDecodeError?: (message: UndecodableMessage) => void;
}

/**
 * Keeps events in a SQLite file. Several processes may use one file at once: they see each other's
 * events, follow them live and share groups.
 *
 * An append is one transaction. What it reported as stored survives the death of the process.
 *
 * @example
 * ```ts
 * import { JobEvent } from "@naq/events";
 * import { SqliteJobEventStorage } from "@naq/events/sqlite";
 * import assert from "node:assert/strict";
 *
 * await using storage = await SqliteJobEventStorage.open(":memory:", { maxAgeMs: 7 * 86_400_000 });
 * await storage.storeEvents([
 *   JobEvent.enqueued("job-1", "mail"),
 *   JobEvent.completed("job-1", "worker-1", 12.3),
 * ]);
 * const [last] = await storage.listEvents({ order: "newest", limit: 1 });
 * assert.equal(last?.eventType, "completed");
 * ```
 */
export class SqliteJobEventStorage implements JobEventStorage, JobEventSpoolSource {
  readonly #storage: EmbeddedStorage;
  readonly #database: Database;

  private constructor(storage: EmbeddedStorage, database: Database) {
    this.#storage = storage;
    this.#database = database;
  }

  /**
   * Opens a file, and makes it where it does not exist.
   *
   * @param path The path of the file; ":memory:" for none.
   * @throws {RangeError} A number is out of range.
   * @throws {TypeError} The path is empty, or `synchronous` is neither "normal" nor "full".
   * @throws {JobEventError} `ERR_STREAM_CONFIG`: the file is no database, damaged, of another
   * program or of a newer version of this package. `ERR_PERMISSION`: it may not be read or written.
   * `ERR_NOT_FOUND`: its directory does not exist, or the file does not and is not to be made.
   * `ERR_CONFIGURATION`: it is a directory. `ERR_UNAVAILABLE`: the disk is full, or another process
   * keeps the file locked.
   */
  static async open(
    path: string,
    options: SqliteJobEventStorageOptions = {},
  ): Promise<SqliteJobEventStorage> {
    const { busyTimeoutMs = 5000, pollIntervalMs = 50, synchronous = "normal" } = options;
    const { create = true, readOnly = false, maxAgeMs, maxBytes, maxEventBytes } = options;
    if (typeof path !== "string" || path === "") {
      throw new TypeError(`path must be a string that is not empty, got ${JSON.stringify(path)}`);
    }
    checkWhole("busyTimeoutMs", busyTimeoutMs);
    checkWhole("pollIntervalMs", pollIntervalMs, 1);
    if (maxAgeMs !== undefined) checkWhole("maxAgeMs", maxAgeMs, 1);
    if (maxBytes !== undefined) checkWhole("maxBytes", maxBytes, 1);
    if (maxEventBytes !== undefined) checkWhole("maxEventBytes", maxEventBytes, 1);
    if (synchronous !== "normal" && synchronous !== "full") {
      throw new TypeError(`synchronous must be "normal" or "full", got ${String(synchronous)}`);
    }
    const openOptions = { busyTimeoutMs, synchronous, create, readOnly, maxBytes };
    const database = await openDatabase(path, openOptions);
    try {
      const engine = new SqliteEngine(database, pollIntervalMs, busyTimeoutMs);
      return new SqliteJobEventStorage(new EmbeddedStorage(engine, options), database);
    } catch (error) {
      database.close();
      throw error;
    }
  }

  /** The events that groups gave up on. */
  get deadLetters(): JobEventDeadLetters {
    return this.#storage.deadLetters;
  }

  /**
   * Opens the file's spool: for the option `spool` of `JobEventLogger`. What is in it is no event
   * of this storage yet. The logger that has it closes it; close the storage after that.
   *
   * @throws {JobEventError} `ERR_UNAVAILABLE`: another logger has it. `ERR_UNSUPPORTED`: the
   * storage was opened with `readOnly`. `ERR_CLOSED` after {@linkcode close}.
   */
  openSpool(): JobEventSpool {
    this.#storage.assertOpen("open the spool");
    return this.#database.openSpool();
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

  /** Events as they are stored, by this process and by others. */
  streamEvents(options: StreamOptions = {}): JobEventStream {
    return this.#storage.streamEvents(options);
  }

  /**
   * Takes part in a group, which shares the events and remembers what was dealt with, across
   * processes and restarts.
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
   * @param options `erase`: also overwrite the bytes, in the file and in its write-ahead log. The
   * whole file is written anew, and nobody else can write meanwhile. @default false
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

  /** Closes the file. Live streams and groups end. Idempotent. */
  close(): Promise<void> {
    return this.#storage.close();
  }

  /** Closes the storage. */
  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }
}
