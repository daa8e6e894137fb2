/** A backend whose calls block. */

import type { BackendConfig, OpenBackendOptions } from "../backend/open.ts";
import type { BackendHealth } from "../backend/health.ts";
import { isJobEventError } from "../errors.ts";
import type { TaskInput } from "../queue/task.ts";
import type { TaskResult } from "../results/results.ts";
import type { BackendHost } from "./backend_host.ts";
import { checkTimeout, WorkerClient } from "./client.ts";
import { threads } from "./platform.ts";
import { checkHealthSync, type PartLink, timeoutOf, waitingTimeout } from "./part_link.ts";
import {
  failedResultHealth,
  makeTaskResultStorageSync,
  type TaskResultStorageSync,
} from "./results.ts";
import { type BlockingOptions, workerModule } from "./storage.ts";
import { failedTaskHealth, makeTaskQueueSync, type TaskQueueSync } from "./task_queue.ts";
import type { WorkerRoot } from "./worker.ts";

/** Where tasks, results and events are: as in `BackendConfig`, by their URLs. */
export type BackendSyncConfig = {
  readonly [Part in keyof BackendConfig]: Extract<BackendConfig[Part], string>;
};

/** Options of {@linkcode openBackendSync}. */
export interface OpenBackendSyncOptions extends Omit<OpenBackendOptions, "logger" | "onError"> {
  /** The longest wait of each call that is given no other, and of the opening. @default 30000 */
  readonly timeoutMs?: number;
}

let make: (client: WorkerClient, link: PartLink<BackendHost>) => TaskBackendSync;

/**
 * Opens a backend in a worker thread of its own and waits until it is open.
 *
 * @param config Where tasks, results and events are: URLs, as of `openBackend`.
 * @param options What the parts take, and how long to wait.
 * @throws {RangeError} `timeoutMs` is not a number from 0.
 * @throws {JobEventError} As `openStorageSync`; else what `openBackend` says.
 *
 * @example
 * ```ts
 * import { openBackendSync } from "@naq/events/sync";
 * import assert from "node:assert/strict";
 *
 * using backend = openBackendSync({ tasks: "memory:", events: "memory:" });
 * const id = backend.enqueueSync({ functionName: "add", args: [1, 2] });
 * const task = backend.tasks.dequeueSync("default", { timeoutMs: 1000 })!;
 * backend.results.setSync({ id, state: "completed", value: 3 });
 * backend.tasks.completeSync(task);
 * assert.equal(backend.waitForResultSync(id, { timeoutMs: 1000 })?.value, 3);
 * ```
 */
export function openBackendSync(
  config: BackendSyncConfig,
  options: OpenBackendSyncOptions = {},
): TaskBackendSync {
  // First of all: where there are no threads, modules may have no URL either.
  threads("backend");
  const { timeoutMs = 30_000, ...others } = options;
  checkTimeout(timeoutMs);
  const client = new WorkerClient(workerModule(), "backend");
  try {
    const remote = client.root<WorkerRoot>().open("openBackend", [config, others], timeoutMs);
    return make(client, { remote, timeoutMs });
  } catch (error) {
    client.close();
    throw error;
  }
}

/**
 * Tasks, their results and their events in a worker thread: what {@linkcode openBackendSync} gives.
 * The methods do what those of `TaskBackend` without `Sync` do. The worker does not keep the script
 * from ending; events that wait are delivered then.
 */
export class TaskBackendSync implements Disposable {
  /** Where tasks wait. */
  readonly tasks: TaskQueueSync;
  /** Where their results are kept. */
  readonly results: TaskResultStorageSync;
  readonly #client: WorkerClient;
  readonly #link: PartLink<BackendHost>;
  readonly #forgetEnd: () => void;

  static {
    make = (client, link) => new TaskBackendSync(client, link);
  }

  private constructor(client: WorkerClient, link: PartLink<BackendHost>) {
    const { remote, timeoutMs } = link;
    this.#client = client;
    this.#link = link;
    this.tasks = makeTaskQueueSync({
      remote: remote.open("tasks", [], timeoutMs),
      backend: remote,
      timeoutMs,
    });
    this.results = makeTaskResultStorageSync({
      remote: remote.open("results", [], timeoutMs),
      timeoutMs,
    });
    const end = (): void => this.#closeAtEnd();
    this.#forgetEnd = client.onScriptEnd({ end, crash: end });
  }

  /** Enqueues a task, and logs it. Gives its id. */
  enqueueSync(task: TaskInput, options?: BlockingOptions): string {
    return this.#link.remote.call("enqueue", [task], timeoutOf(this.#link, options));
  }

  /** Enqueues tasks in their order, and logs them. Gives their ids. */
  enqueueManySync(tasks: readonly TaskInput[], options?: BlockingOptions): string[] {
    return this.#link.remote.call("enqueueMany", [tasks], timeoutOf(this.#link, options));
  }

  /**
   * Enqueues a task and blocks until its result is there. Somebody else executes it.
   *
   * @param options `timeoutMs`: how long to wait. @default without end
   * @returns `null` when the time is up.
   */
  runSync(task: TaskInput, options: BlockingOptions = {}): TaskResult | null {
    const timeoutMs = waitingTimeout(this.#link, options.timeoutMs);
    return this.#link.remote.call("run", [task, options], timeoutMs);
  }

  /**
   * Blocks until the result of a task is there.
   *
   * @param options `timeoutMs`: how long to wait. @default without end
   * @returns `null` when the time is up.
   */
  waitForResultSync(id: string, options: BlockingOptions = {}): TaskResult | null {
    return this.results.waitSync(id, options);
  }

  /** Cancels a task, stores that as its result and logs it. Gives whether it was cancelled now. */
  cancelSync(id: string, options: { readonly reason?: string } & BlockingOptions = {}): boolean {
    const { timeoutMs: _, ...others } = options;
    return this.#link.remote.call("cancel", [id, others], timeoutOf(this.#link, options));
  }

  /** Brings a task back that failed, expired or was cancelled. Gives whether it did. */
  requeueSync(id: string, options?: BlockingOptions): boolean {
    return this.#link.remote.call("requeue", [id], timeoutOf(this.#link, options));
  }

  /** Deletes a task in any state, with its result. Gives whether the task was there. */
  deleteTaskSync(id: string, options?: BlockingOptions): boolean {
    return this.#link.remote.call("deleteTask", [id], timeoutOf(this.#link, options));
  }

  /**
   * The state of all parts. Never throws, and ends within its time.
   *
   * @param options `timeoutMs`: the time. @default 5000
   */
  healthCheckSync(options: BlockingOptions = {}): BackendHealth {
    return checkHealthSync(this.#link, options, (failed) => ({
      status: failed.status,
      tasks: failedTaskHealth(failed),
      results: failedResultHealth(failed),
    }));
  }

  /**
   * Delivers the events that wait, closes the backend and ends the worker. Idempotent.
   *
   * @throws {JobEventError} `ERR_TIMEOUT`: closing took too long; the worker is ended nevertheless.
   */
  closeSync(options?: BlockingOptions): void {
    if (this.#client.isClosed) return;
    const timeoutMs = timeoutOf(this.#link, options);
    this.#forgetEnd();
    try {
      this.#link.remote.call("close", [], timeoutMs);
    } catch (error) {
      // A worker that has died needs no closing.
      if (!isJobEventError(error) || error.code !== "ERR_UNAVAILABLE") throw error;
    } finally {
      this.#client.close();
    }
  }

  /** {@linkcode closeSync}, for `using`. */
  [Symbol.dispose](): void {
    this.closeSync();
  }

  #closeAtEnd(): void {
    try {
      this.closeSync();
    } catch {
      // The script ends; nobody is there to be told.
    }
  }
}
