/** Results in memory: the reference for what a store does, for tests and for one process. */

import { encodeSubjectToken } from "../event/token.ts";
import { MAX_EVENT_BYTES } from "../event/limits.ts";
import { checkWhole } from "../storage/filter.ts";
import type { StorageHealth } from "../storage/storage.ts";
import { compileResultFilter, compileResultQuery } from "./query.ts";
import { checkTtl, DEFAULT_TTL_MS, readRecord, type ResultRecord, toRecord } from "./record.ts";
import type {
  DeleteResultOptions,
  SetResultOptions,
  TaskResult,
  TaskResultFilter,
  TaskResultQuery,
  TaskResultStorage,
  WaitForResultOptions,
} from "./results.ts";
import { checkWait, closedStore, ResultListeners, waitForResult } from "./waiting.ts";

/** Options of {@linkcode MemoryTaskResultStorage}. */
export interface MemoryTaskResultStorageOptions {
  /** How long a result is kept that says nothing of it, in milliseconds; `Infinity` for ever.
   * @default 86400000, a day */
  readonly defaultTtlMs?: number;
  /** The largest encoded result, in bytes. @default 1048576 */
  readonly maxResultBytes?: number;
  /** How many results are kept; the oldest make room for new ones. @default no limit */
  readonly maxResults?: number;
}

/** How often expired results are looked for when others are stored, in milliseconds. */
const CLEANUP_INTERVAL_MS = 10_000;

/**
 * Keeps results in memory; they are gone when the program ends.
 *
 * @example
 * ```ts
 * import { MemoryTaskResultStorage } from "@naq/events/results";
 * import assert from "node:assert/strict";
 *
 * await using results = new MemoryTaskResultStorage();
 * const waiting = results.wait("task-1", { timeoutMs: 1000 });
 * await results.set({ id: "task-1", state: "completed", value: { sent: 3 } }, { ttlMs: 60_000 });
 * assert.deepEqual((await waiting)?.value, { sent: 3 });
 * ```
 */
export class MemoryTaskResultStorage implements TaskResultStorage {
  /** In the order in which they were stored. */
  readonly #records = new Map<string, ResultRecord>();
  readonly #listeners = new ResultListeners();
  readonly #bounds: { readonly defaultTtlMs: number; readonly maxResultBytes: number };
  readonly #maxResults: number;
  #bytes = 0;
  #stored = 0;
  #nextCleanup = 0;
  #isClosed = false;

  /**
   * Makes an empty store.
   *
   * @param options Bounds.
   * @throws {RangeError} A bound is not a whole number of at least 1.
   */
  constructor(options: MemoryTaskResultStorageOptions = {}) {
    const { defaultTtlMs = DEFAULT_TTL_MS, maxResultBytes = MAX_EVENT_BYTES } = options;
    if (options.maxResults !== undefined) checkWhole("maxResults", options.maxResults, 1);
    checkWhole("maxResultBytes", maxResultBytes, 1);
    this.#bounds = { defaultTtlMs: checkTtl("defaultTtlMs", defaultTtlMs), maxResultBytes };
    this.#maxResults = options.maxResults ?? Infinity;
  }

  /** Stores a result in place of the one that the task may have. */
  // deno-lint-ignore require-await -- async, so that errors are rejections
  async set(result: TaskResult, options: SetResultOptions = {}): Promise<void> {
    this.#assertOpen("store a result");
    const record = toRecord(result, options, this.#bounds);
    this.#remove(record.token);
    this.#records.set(record.token, record);
    this.#bytes += record.payload.length;
    this.#stored++;
    this.#makeRoom();
    const kept = readRecord(record.payload);
    if (kept !== undefined) this.#listeners.give(record.token, kept);
  }

  /** The result of a task, or `null` while there is none. */
  // deno-lint-ignore require-await -- async, so that errors are rejections
  async get(id: string): Promise<TaskResult | null> {
    this.#assertOpen("read a result");
    return this.#read(encodeSubjectToken(id)) ?? null;
  }

  /** The results of those of the tasks that have one, by their ids. */
  // deno-lint-ignore require-await -- async, so that errors are rejections
  async getMany(ids: readonly string[]): Promise<Map<string, TaskResult>> {
    this.#assertOpen("read results");
    const found = new Map<string, TaskResult>();
    for (const id of ids) {
      const result = this.#read(encodeSubjectToken(id));
      if (result !== undefined) found.set(id, result);
    }
    return found;
  }

  /** The result of a task, as soon as there is one; `null` when the time is up. */
  async wait(id: string, options: WaitForResultOptions = {}): Promise<TaskResult | null> {
    this.#assertOpen("wait for a result");
    checkWait(options);
    const token = encodeSubjectToken(id);
    const source = {
      // deno-lint-ignore require-await -- nothing has to be waited for
      listen: async (listener: Parameters<ResultListeners["add"]>[0]) =>
        this.#listeners.add(listener),
      forget: (listener: Parameters<ResultListeners["remove"]>[0]) =>
        this.#listeners.remove(listener),
      // deno-lint-ignore require-await -- the answer is there at once
      look: async () => this.#read(token) ?? null,
    };
    return await waitForResult(source, token, options);
  }

  /** Forgets a result. Gives whether there was one. */
  async delete(id: string, { onlyIf }: DeleteResultOptions = {}): Promise<boolean> {
    this.#assertOpen("delete a result");
    const token = encodeSubjectToken(id);
    const record = this.#records.get(token);
    if (record === undefined || (onlyIf !== undefined && !await onlyIf())) return false;
    if (this.#records.get(token) !== record) return false;
    this.#remove(token);
    return record.expiresAt > Date.now();
  }

  /** The results of a query. */
  // deno-lint-ignore require-await -- async, so that errors are rejections
  async list(query: TaskResultQuery = {}): Promise<TaskResult[]> {
    this.#assertOpen("list results");
    const { order, wanted, take, results } = compileResultQuery(query);
    if (wanted === 0) return results;
    const records = [...this.#records.values()];
    if (order === "newest") records.reverse();
    const now = Date.now();
    for (const { payload } of records) {
      const result = readRecord(payload, now);
      if (result !== undefined && !take(result)) break;
    }
    return results;
  }

  /** The number of results of a filter. */
  // deno-lint-ignore require-await -- async, so that errors are rejections
  async count(filter: TaskResultFilter = {}): Promise<number> {
    this.#assertOpen("count results");
    const test = compileResultFilter(filter);
    const now = Date.now();
    let count = 0;
    for (const { payload } of this.#records.values()) {
      const result = readRecord(payload, now);
      if (result !== undefined && test(result)) count++;
    }
    return count;
  }

  /** Frees what expired results take. Gives how many there were. */
  // deno-lint-ignore require-await -- async, so that errors are rejections
  async cleanupExpired(): Promise<number> {
    this.#assertOpen("clean up results");
    return this.#cleanUp(Date.now());
  }

  /** The state of the store. Never throws. */
  // deno-lint-ignore require-await -- the interface is asynchronous, the answer is there at once
  async healthCheck(_options?: { readonly timeoutMs?: number }): Promise<StorageHealth> {
    return {
      status: this.#isClosed ? "disconnected" : "healthy",
      streamName: "memory",
      subjects: [],
      messages: this.#records.size,
      bytes: this.#bytes,
      firstSequence: 0,
      lastSequence: this.#stored,
      consumers: 0,
      serverVersion: "memory",
      rttMs: 0,
      ...(this.#isClosed ? { error: "The result storage is closed" } : {}),
    };
  }

  /** Ends the waits and forgets everything. Idempotent. */
  // deno-lint-ignore require-await -- the interface is asynchronous
  async close(): Promise<void> {
    this.#isClosed = true;
    this.#records.clear();
    this.#bytes = 0;
    this.#listeners.end(closedStore("wait for a result"));
  }

  /** Closes the store. */
  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  #read(token: string): TaskResult | undefined {
    const record = this.#records.get(token);
    return record && readRecord(record.payload);
  }

  #remove(token: string): ResultRecord | undefined {
    const record = this.#records.get(token);
    if (record === undefined) return undefined;
    this.#records.delete(token);
    this.#bytes -= record.payload.length;
    return record;
  }

  #makeRoom(): void {
    const now = Date.now();
    if (now >= this.#nextCleanup) {
      this.#nextCleanup = now + CLEANUP_INTERVAL_MS;
      this.#cleanUp(now);
    }
    for (const token of this.#records.keys()) {
      if (this.#records.size <= this.#maxResults) break;
      this.#remove(token);
    }
  }

  #cleanUp(now: number): number {
    let count = 0;
    for (const { token, expiresAt } of this.#records.values()) {
      if (expiresAt > now) continue;
      this.#remove(token);
      count++;
    }
    return count;
  }

  #assertOpen(action: string): void {
    if (this.#isClosed) throw closedStore(action);
  }
}
