/** A storage whose calls block. */

import { isJobEventError, messageOf } from "../errors.ts";
import { EventIdSource } from "../event/event_id.ts";
import { JobEventSubjects } from "../event/subjects.ts";
import type { JobEvent, JobEventType, StoredJobEvent } from "../gen/types.ts";
import type { OpenStorageOptions } from "../open.ts";
import type {
  AppendOutcome,
  JobEventFilter,
  JobEventQuery,
  JobEventRecord,
  StorageHealth,
} from "../storage/storage.ts";
import { type RecordSource, storedOrThrow, StoreDraft, toRecord } from "../storage/store.ts";
import { checkTimeout, type Remote, WorkerClient } from "./client.ts";
import { unpackThrown } from "./packed_error.ts";
import { threads } from "./platform.ts";
import type { PackedOutcome, StorageHost } from "./storage_host.ts";
import type { WorkerRoot } from "./worker.ts";

/** Options of every call that blocks. */
export interface BlockingOptions {
  /**
   * The longest wait, in milliseconds. The operation itself may end later in the worker.
   * @default that of the storage or the backend
   */
  readonly timeoutMs?: number;
}

/** Options of {@linkcode openStorageSync}. */
export interface OpenStorageSyncOptions extends OpenStorageOptions {
  /** The longest wait of each call that is given no other, and of the opening. @default 30000 */
  readonly timeoutMs?: number;
}

/** What the blocking logger needs of its storage. */
export interface StorageLink {
  readonly client: WorkerClient;
  readonly remote: Remote<StorageHost>;
  readonly timeoutMs: number;
  /** Called by {@linkcode JobEventStorageSync.closeSync} before the storage is closed. */
  readonly beforeClose: Set<() => void>;
}

let readLink: (storage: JobEventStorageSync) => StorageLink;
let makeStorage: (link: StorageLink, prefix: string) => JobEventStorageSync;

/** The line from a storage to its worker. Not part of the public face. */
export function linkOf(storage: JobEventStorageSync): StorageLink {
  return readLink(storage);
}

/** The module that the worker thread runs. */
export function workerModule(): URL {
  const module = new URL("./worker.ts", import.meta.url);
  // As compiled for npm, all modules end with ".js".
  if (!import.meta.url.endsWith(".ts")) module.pathname = module.pathname.replace(/ts$/, "js");
  return module;
}

/**
 * Never called. Deno fetches modules from the web by the thread that started first, which is
 * blocked when the worker asks for its own: so they must be there before, as these are by being
 * imported somewhere.
 */
export const prefetch = (): Promise<unknown> => import("./worker.ts");

/**
 * Opens a storage in a worker thread of its own and waits until it is open.
 *
 * @param url Which storage: see `openStorage` of `@naq/events/open`.
 * @param options What all storages take, and how long to wait.
 * @throws {RangeError} `timeoutMs` is not a number from 0.
 * @throws {JobEventError} `ERR_UNSUPPORTED`: this thread may not block, as in a browser or at the
 * edge. `ERR_PERMISSION`: the worker's file may not be read. `ERR_TIMEOUT`: it took too long. Else
 * what `openStorage` says.
 *
 * @example
 * ```ts
 * import { JobEvent } from "@naq/events";
 * import { openStorageSync } from "@naq/events/sync";
 * import assert from "node:assert/strict";
 *
 * using storage = openStorageSync("memory:");
 * storage.storeEventSync(JobEvent.enqueued("job-1", "mail"));
 * assert.equal(storage.countEventsSync({ queueName: "mail" }), 1);
 * ```
 */
export function openStorageSync(
  url: string,
  options: OpenStorageSyncOptions = {},
): JobEventStorageSync {
  // First of all: where there are no threads, modules may have no URL either.
  threads("storage");
  return openStorageIn(workerModule(), url, options);
}

/** As {@linkcode openStorageSync}, with another worker. Not part of the public face. */
export function openStorageIn(
  module: URL,
  url: string,
  options: OpenStorageSyncOptions = {},
): JobEventStorageSync {
  const { timeoutMs = 30_000, ...others } = options;
  checkTimeout(timeoutMs);
  const client = new WorkerClient(module, "storage");
  try {
    const remote = client.root<WorkerRoot>().open("openStorage", [url, others], timeoutMs);
    const prefix = remote.call("prefix", [], timeoutMs);
    return makeStorage({ client, remote, timeoutMs, beforeClose: new Set() }, prefix);
  } catch (error) {
    client.close();
    throw error;
  }
}

/**
 * A storage in a worker thread, whose calls block until the worker has the result: what
 * {@linkcode openStorageSync} gives. The methods do what those of `JobEventStorage` without `Sync`
 * do.
 *
 * The worker does not keep the script from ending. Every method throws, beside what the twin
 * throws, {@linkcode JobEventError} with `ERR_TIMEOUT` when the answer does not come in time (the
 * storage can be used further), `ERR_UNAVAILABLE` when the worker has died, and `ERR_CLOSED` after
 * {@linkcode closeSync}. Errors have the name, code, message and causes that they had in the
 * worker, and the stack of the caller.
 */
export class JobEventStorageSync implements Disposable {
  /** How this storage names its subjects. */
  readonly subjects: JobEventSubjects;
  readonly #link: StorageLink;
  readonly #source: RecordSource;

  static {
    readLink = (storage) => storage.#link;
    makeStorage = (link, prefix) => new JobEventStorageSync(link, prefix);
  }

  private constructor(link: StorageLink, prefix: string) {
    this.#link = link;
    this.subjects = new JobEventSubjects(prefix);
    this.#source = { subjects: this.subjects, ids: new EventIdSource() };
  }

  /**
   * Stores records in their order. One record's failure stops none of the others.
   *
   * @returns One outcome for each record, in the same order.
   */
  appendSync(
    records: readonly JobEventRecord[],
    options?: BlockingOptions,
  ): readonly AppendOutcome[] {
    const timeoutMs = this.#timeout(options);
    const outcomes = this.#link.remote.call("append", [records, timeoutMs], timeoutMs);
    return outcomes.map(unpackOutcome);
  }

  /**
   * Stores one event and waits until it is stored.
   *
   * @throws {TypeError} The event is not valid.
   * @throws {JobEventError} The event was not stored; the code says why. After `ERR_TIMEOUT` it may
   * be stored or not.
   */
  storeEventSync(event: JobEvent, options?: BlockingOptions): StoredJobEvent {
    const record = toRecord(this.#source, event);
    return storedOrThrow(record, this.appendSync([record], options)[0]);
  }

  /**
   * Stores events in their order.
   *
   * @throws {JobEventError} Some events were not stored; the message says which, the others are
   * stored, and `cause` is an `AggregateError` with one error for each.
   */
  storeEventsSync(events: readonly JobEvent[], options?: BlockingOptions): StoredJobEvent[] {
    const draft = new StoreDraft(this.#source, events);
    return draft.finish(this.appendSync(draft.records, options));
  }

  /** The events of one job, oldest first. */
  getEventsSync(
    jobId: string,
    options: Omit<JobEventQuery, "jobId"> & BlockingOptions = {},
  ): StoredJobEvent[] {
    const { timeoutMs: _, ...query } = options;
    return this.#link.remote.call("getEvents", [jobId, query], this.#timeout(options));
  }

  /** The events of one type, oldest first. */
  getEventsByTypeSync(
    type: JobEventType,
    options: Omit<JobEventQuery, "eventType"> & BlockingOptions = {},
  ): StoredJobEvent[] {
    const { timeoutMs: _, ...query } = options;
    return this.#link.remote.call("getEventsByType", [type, query], this.#timeout(options));
  }

  /**
   * The events of a query.
   *
   * @throws {RangeError} `limit`, `offset` or `afterSequence` is negative or not whole.
   */
  listEventsSync(options: JobEventQuery & BlockingOptions = {}): StoredJobEvent[] {
    const { timeoutMs: _, ...query } = options;
    return this.#link.remote.call("listEvents", [query], this.#timeout(options));
  }

  /**
   * The events of a query, one after the other: those that are stored when the loop begins. The
   * worker reads one page at a time, when the loop has used up the one before. `timeoutMs` is for
   * one page. Errors come when the loop begins.
   *
   * @throws {RangeError} `limit`, `offset` or `afterSequence` is negative or not whole.
   */
  readEventsSync(options: JobEventQuery & BlockingOptions = {}): Iterable<StoredJobEvent> {
    const { timeoutMs: _, ...query } = options;
    const timeoutMs = this.#timeout(options);
    const { remote } = this.#link;
    return { [Symbol.iterator]: () => remote.iterate("readEvents", [query], timeoutMs) };
  }

  /** The number of events of a filter; without reading them where that is possible. */
  countEventsSync(options: JobEventFilter & BlockingOptions = {}): number {
    const { timeoutMs: _, ...filter } = options;
    return this.#link.remote.call("countEvents", [filter], this.#timeout(options));
  }

  /** The position of the last event; 0 for none. */
  lastSequenceSync(options: BlockingOptions = {}): number {
    return this.#link.remote.call("lastSequence", [], this.#timeout(options));
  }

  /**
   * Deletes all events of a job.
   *
   * @param options `erase`: also overwrite the bytes. @default false
   * @returns How many there were.
   */
  deleteEventsSync(
    jobId: string,
    options: { readonly erase?: boolean } & BlockingOptions = {},
  ): number {
    const { timeoutMs: _, ...others } = options;
    return this.#link.remote.call("deleteEvents", [jobId, others], this.#timeout(options));
  }

  /**
   * Deletes the events that were stored before a time, or longer ago than the storage's own limit.
   *
   * @returns How many there were.
   */
  cleanupExpiredEventsSync(
    options: { readonly olderThan?: Date } & BlockingOptions = {},
  ): number {
    const { timeoutMs: _, ...others } = options;
    return this.#link.remote.call("cleanupExpiredEvents", [others], this.#timeout(options));
  }

  /**
   * The state of the storage. Never throws, and ends within its time.
   *
   * @param options `timeoutMs`: the time. @default 5000
   */
  healthCheckSync(options: BlockingOptions = {}): StorageHealth {
    const { timeoutMs = 5000 } = options;
    const { client, remote } = this.#link;
    const started = performance.now();
    try {
      return remote.call("healthCheck", [{ timeoutMs }], timeoutMs);
    } catch (error) {
      return {
        status: client.isClosed || client.isGone ? "disconnected" : "error",
        streamName: "",
        subjects: [this.subjects.all()],
        messages: 0,
        bytes: 0,
        firstSequence: 0,
        lastSequence: 0,
        consumers: 0,
        serverVersion: "",
        rttMs: performance.now() - started,
        error: messageOf(error),
      };
    }
  }

  /**
   * Stops the loggers on this storage, closes it and ends the worker. Idempotent.
   *
   * @throws {JobEventError} `ERR_TIMEOUT`: closing took too long; the worker is ended nevertheless.
   */
  closeSync(options?: BlockingOptions): void {
    const { client, remote, beforeClose } = this.#link;
    if (client.isClosed) return;
    const timeoutMs = this.#timeout(options);
    for (const stop of [...beforeClose]) stop();
    try {
      remote.call("close", [], timeoutMs);
    } catch (error) {
      // A worker that has died needs no closing.
      if (!isJobEventError(error) || error.code !== "ERR_UNAVAILABLE") throw error;
    } finally {
      client.close();
    }
  }

  /** {@linkcode closeSync}, for `using`. */
  [Symbol.dispose](): void {
    this.closeSync();
  }

  #timeout(options: BlockingOptions | undefined): number {
    return checkTimeout(options?.timeoutMs ?? this.#link.timeoutMs);
  }
}

function unpackOutcome(outcome: PackedOutcome): AppendOutcome {
  if (!("error" in outcome)) return outcome;
  const error = unpackThrown(outcome.error);
  return { status: outcome.status, error } as AppendOutcome;
}
