/** A store of results whose calls block. */

import type {
  SetResultOptions,
  TaskResult,
  TaskResultFilter,
  TaskResultQuery,
  TaskResultStorage,
} from "../results/results.ts";
import type { StorageHealth } from "../storage/storage.ts";
import type { BlockingOptions } from "./storage.ts";
import {
  checkHealthSync,
  type FailedHealth,
  type PartLink,
  timeoutOf,
  waitingTimeout,
} from "./part_link.ts";

/** How a store is that could not be asked. */
export function failedResultHealth(failed: FailedHealth): StorageHealth {
  return {
    streamName: "",
    subjects: [],
    messages: 0,
    bytes: 0,
    firstSequence: 0,
    lastSequence: 0,
    consumers: 0,
    ...failed,
  };
}

let make: (link: PartLink<TaskResultStorage>) => TaskResultStorageSync;

/** Makes the blocking side of a store. Not part of the public face. */
export function makeTaskResultStorageSync(
  link: PartLink<TaskResultStorage>,
): TaskResultStorageSync {
  return make(link);
}

/**
 * Results in a worker thread, whose calls block: the `results` of what `openBackendSync` gives. The
 * methods do what those of `TaskResultStorage` without `Sync` do, and throw what those throw, and
 * beside that `ERR_TIMEOUT`, `ERR_UNAVAILABLE` and `ERR_CLOSED` as `JobEventStorageSync` does.
 */
export class TaskResultStorageSync {
  readonly #link: PartLink<TaskResultStorage>;

  static {
    make = (link) => new TaskResultStorageSync(link);
  }

  private constructor(link: PartLink<TaskResultStorage>) {
    this.#link = link;
  }

  /** Stores a result in place of the one that the task may have. */
  setSync(result: TaskResult, options: SetResultOptions & BlockingOptions = {}): void {
    const { timeoutMs: _, ...others } = options;
    this.#link.remote.call("set", [result, others], timeoutOf(this.#link, options));
  }

  /** The result of a task, or `null` while there is none. */
  getSync(id: string, options?: BlockingOptions): TaskResult | null {
    return this.#link.remote.call("get", [id], timeoutOf(this.#link, options));
  }

  /** The results of those of the tasks that have one, by their ids. */
  getManySync(ids: readonly string[], options?: BlockingOptions): Map<string, TaskResult> {
    return this.#link.remote.call("getMany", [ids], timeoutOf(this.#link, options));
  }

  /**
   * Blocks until the result of a task is there.
   *
   * @param options `timeoutMs`: how long to wait. @default without end
   * @returns `null` when the time is up.
   */
  waitSync(id: string, options: BlockingOptions = {}): TaskResult | null {
    const timeoutMs = waitingTimeout(this.#link, options.timeoutMs);
    return this.#link.remote.call("wait", [id, options], timeoutMs);
  }

  /** Forgets a result. Gives whether there was one. */
  deleteSync(id: string, options?: BlockingOptions): boolean {
    return this.#link.remote.call("delete", [id], timeoutOf(this.#link, options));
  }

  /** The results of a query. */
  listSync(options: TaskResultQuery & BlockingOptions = {}): TaskResult[] {
    const { timeoutMs: _, ...query } = options;
    return this.#link.remote.call("list", [query], timeoutOf(this.#link, options));
  }

  /** The number of results of a filter. */
  countSync(options: TaskResultFilter & BlockingOptions = {}): number {
    const { timeoutMs: _, ...filter } = options;
    return this.#link.remote.call("count", [filter], timeoutOf(this.#link, options));
  }

  /** Frees what expired results take. Gives how many there were. */
  cleanupExpiredSync(options?: BlockingOptions): number {
    return this.#link.remote.call("cleanupExpired", [], timeoutOf(this.#link, options));
  }

  /**
   * The state of the store. Never throws, and ends within its time.
   *
   * @param options `timeoutMs`: the time. @default 5000
   */
  healthCheckSync(options: BlockingOptions = {}): StorageHealth {
    return checkHealthSync(this.#link, options, failedResultHealth);
  }
}
