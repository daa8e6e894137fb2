/** A storage in the worker, as `JobEventStorageSync` calls it. */

import type { JobEventType, StoredJobEvent } from "../gen/types.ts";
import type {
  AppendOutcome,
  JobEventFilter,
  JobEventQuery,
  JobEventRecord,
  JobEventStorage,
  StorageHealth,
} from "../storage/storage.ts";
import { type LoggerConfig, LoggerHost } from "./logger_host.ts";
import { type PackedValue, packThrown } from "./packed_error.ts";

/** An outcome whose error can leave the thread. */
export type PackedOutcome =
  | Extract<AppendOutcome, { readonly sequence: number }>
  | { readonly status: "retry" | "rejected"; readonly error: PackedValue };

/** The methods of a storage; arguments and results can leave the thread. */
export class StorageHost {
  readonly #storage: JobEventStorage;

  constructor(storage: JobEventStorage) {
    this.#storage = storage;
  }

  prefix(): string {
    return this.#storage.subjects.prefix;
  }

  async append(
    records: readonly JobEventRecord[],
    timeoutMs: number,
  ): Promise<readonly PackedOutcome[]> {
    // Whoever called gives up after this time: what is stored later would surprise.
    const abort = new AbortController();
    const timer = setTimeout(() => abort.abort(), Math.min(timeoutMs, 2 ** 31 - 1));
    try {
      const outcomes = await this.#storage.append(records, { signal: abort.signal });
      return outcomes.map((outcome) =>
        "error" in outcome ? { ...outcome, error: packThrown(outcome.error) } : outcome
      );
    } finally {
      clearTimeout(timer);
    }
  }

  getEvents(jobId: string, options: Omit<JobEventQuery, "jobId">): Promise<StoredJobEvent[]> {
    return this.#storage.getEvents(jobId, options);
  }

  getEventsByType(
    type: JobEventType,
    options: Omit<JobEventQuery, "eventType">,
  ): Promise<StoredJobEvent[]> {
    return this.#storage.getEventsByType(type, options);
  }

  listEvents(query: JobEventQuery): Promise<StoredJobEvent[]> {
    return this.#storage.listEvents(query);
  }

  readEvents(query: JobEventQuery): AsyncIterable<StoredJobEvent> {
    return this.#storage.readEvents(query);
  }

  countEvents(filter: JobEventFilter): Promise<number> {
    return this.#storage.countEvents(filter);
  }

  lastSequence(): Promise<number> {
    return this.#storage.lastSequence();
  }

  deleteEvents(jobId: string, options: { readonly erase?: boolean }): Promise<number> {
    return this.#storage.deleteEvents(jobId, options);
  }

  cleanupExpiredEvents(options: { readonly olderThan?: Date }): Promise<number> {
    return this.#storage.cleanupExpiredEvents(options);
  }

  healthCheck(options: { readonly timeoutMs: number }): Promise<StorageHealth> {
    return this.#storage.healthCheck(options);
  }

  /** Begins to deliver what a logger in the other thread buffers. */
  openLogger(config: LoggerConfig): LoggerHost {
    return new LoggerHost(this.#storage, config);
  }

  close(): Promise<void> {
    return this.#storage.close();
  }
}
