/** A task queue whose calls block. */

import type {
  DequeueOptions,
  FailOptions,
  QueueInfo,
  Recurrence,
  TaskFilter,
  TaskQuery,
  TaskQueue,
  TaskQueueHealth,
  TaskSchedule,
} from "../queue/queue.ts";
import { errorMessage, errorType } from "../event/format.ts";
import { EndedListeners } from "../queue/ended.ts";
import type { ClaimedTask, Task, TaskClaim, TaskInput, TaskValue } from "../queue/task.ts";
import type { BackendHost, EndedTasks } from "./backend_host.ts";
import type { Remote } from "./client.ts";
import {
  checkHealthSync,
  type FailedHealth,
  type PartLink,
  timeoutOf,
  waitingTimeout,
} from "./part_link.ts";
import type { BlockingOptions } from "./storage.ts";

/** How a queue is that could not be asked. */
export function failedTaskHealth(failed: FailedHealth): TaskQueueHealth {
  return { tasks: 0, ...failed };
}

/** The line to a queue, and to its backend. */
interface TaskQueueLink extends PartLink<TaskQueue> {
  readonly backend: Remote<BackendHost>;
}

let make: (link: TaskQueueLink) => TaskQueueSync;

/** Makes the blocking side of a queue. Not part of the public face. */
export function makeTaskQueueSync(link: TaskQueueLink): TaskQueueSync {
  return make(link);
}

/**
 * A task queue in a worker thread, whose calls block: the `tasks` of what `openBackendSync` gives.
 * The methods do what those of `TaskQueue` without `Sync` do, and throw what those throw, and
 * beside that `ERR_TIMEOUT`, `ERR_UNAVAILABLE` and `ERR_CLOSED` as `JobEventStorageSync` does.
 *
 * While the script blocks its thread, nobody extends its claims: call {@linkcode heartbeatSync}.
 */
export class TaskQueueSync {
  readonly #link: TaskQueueLink;
  readonly #listeners = new EndedListeners();
  #ended: Remote<EndedTasks> | undefined;

  static {
    make = (link) => new TaskQueueSync(link);
  }

  private constructor(link: TaskQueueLink) {
    this.#link = link;
  }

  /** Enqueues a task. Gives its id. */
  enqueueSync(task: TaskInput, options?: BlockingOptions): string {
    return this.#link.remote.call("enqueue", [task], timeoutOf(this.#link, options));
  }

  /** Enqueues tasks in their order. Gives their ids. */
  enqueueManySync(tasks: readonly TaskInput[], options?: BlockingOptions): string[] {
    return this.#link.remote.call("enqueueMany", [tasks], timeoutOf(this.#link, options));
  }

  /**
   * Claims the next task, and blocks until there is one.
   *
   * @param options `timeoutMs`: how long to wait for a task. @default without end
   * @returns `null`: there was none within the time.
   */
  dequeueSync(
    queues: string | readonly string[],
    options: Omit<DequeueOptions, "signal"> = {},
  ): ClaimedTask | null {
    const timeoutMs = waitingTimeout(this.#link, options.timeoutMs);
    this.#tellEnded();
    return this.#link.remote.call("dequeue", [queues, options], timeoutMs);
  }

  /** Extends the lease to its full time from now. */
  heartbeatSync(claim: TaskClaim, options?: BlockingOptions): void {
    this.#link.remote.call("heartbeat", [claimOf(claim)], timeoutOf(this.#link, options));
  }

  /** Ends a task that was executed. */
  completeSync(claim: TaskClaim, result?: TaskValue, options?: BlockingOptions): void {
    const args: [TaskClaim, TaskValue?] = [claimOf(claim)];
    if (result !== undefined) args.push(result);
    this.#link.remote.call("complete", args, timeoutOf(this.#link, options));
  }

  /** Ends an execution that failed. Gives whether it is executed again. */
  failSync(
    claim: TaskClaim,
    error: unknown,
    options: FailOptions & BlockingOptions = {},
  ): "retry" | "failed" {
    const { timeoutMs: _, ...others } = options;
    const args: [TaskClaim, unknown, FailOptions] = [claimOf(claim), sendable(error), others];
    return this.#link.remote.call("fail", args, timeoutOf(this.#link, options));
  }

  /** Gives a task back that was not executed. */
  releaseSync(claim: TaskClaim, options?: BlockingOptions): void {
    this.#link.remote.call("release", [claimOf(claim)], timeoutOf(this.#link, options));
  }

  /** The task, or `null`. */
  getTaskSync(id: string, options?: BlockingOptions): Task | null {
    return this.#link.remote.call("getTask", [id], timeoutOf(this.#link, options));
  }

  /** Cancels a task that is pending or running. Gives whether it was cancelled now. */
  cancelSync(id: string, options?: BlockingOptions): boolean {
    return this.#link.remote.call("cancel", [id], timeoutOf(this.#link, options));
  }

  /** Brings a task back that failed, expired or was cancelled. Gives whether it did. */
  requeueSync(id: string, options?: BlockingOptions): boolean {
    return this.#link.remote.call("requeue", [id], timeoutOf(this.#link, options));
  }

  /** Deletes a task in any state. Gives whether it was there. */
  deleteTaskSync(id: string, options?: BlockingOptions): boolean {
    return this.#link.remote.call("deleteTask", [id], timeoutOf(this.#link, options));
  }

  /** The tasks of a query. */
  listTasksSync(options: TaskQuery & BlockingOptions = {}): Task[] {
    const { timeoutMs: _, ...query } = options;
    return this.#link.remote.call("listTasks", [query], timeoutOf(this.#link, options));
  }

  /** The number of tasks of a filter. */
  countTasksSync(options: TaskFilter & BlockingOptions = {}): number {
    const { timeoutMs: _, ...filter } = options;
    return this.#link.remote.call("countTasks", [filter], timeoutOf(this.#link, options));
  }

  /** What is in a queue; all zero for one that is not there. */
  queueInfoSync(queue: string, options?: BlockingOptions): QueueInfo {
    return this.#link.remote.call("queueInfo", [queue], timeoutOf(this.#link, options));
  }

  /** The queues with tasks that are pending or running, by name. */
  listQueuesSync(options?: BlockingOptions): string[] {
    return this.#link.remote.call("listQueues", [], timeoutOf(this.#link, options));
  }

  /** Deletes the pending tasks of a queue. Gives how many there were. */
  purgeQueueSync(queue: string, options?: BlockingOptions): number {
    return this.#link.remote.call("purgeQueue", [queue], timeoutOf(this.#link, options));
  }

  /** Ends and deletes what is over. Gives how many tasks expired or were deleted. */
  cleanupExpiredTasksSync(options?: BlockingOptions): number {
    this.#tellEnded();
    return this.#link.remote.call("cleanupExpiredTasks", [], timeoutOf(this.#link, options));
  }

  /** Enqueues a task again and again. */
  scheduleSync(
    name: string,
    recurrence: Recurrence,
    task: TaskInput,
    options?: BlockingOptions,
  ): TaskSchedule {
    const args: [string, Recurrence, TaskInput] = [name, recurrence, task];
    return this.#link.remote.call("schedule", args, timeoutOf(this.#link, options));
  }

  /** Ends a recurring task. Gives whether it was there. */
  unscheduleSync(name: string, options?: BlockingOptions): boolean {
    return this.#link.remote.call("unschedule", [name], timeoutOf(this.#link, options));
  }

  /** All recurring tasks, by name. */
  listSchedulesSync(options?: BlockingOptions): TaskSchedule[] {
    return this.#link.remote.call("listSchedules", [], timeoutOf(this.#link, options));
  }

  /**
   * Calls back with each task that the queue ends by itself: one that expired, or whose last worker
   * was lost. This thread is told at the beginning of its next {@linkcode dequeueSync} or
   * {@linkcode cleanupExpiredTasksSync}, of the last 10,000 at the most. The listener must not
   * throw.
   *
   * @returns Takes the listener away.
   */
  onEnded(listener: (task: Task) => void): () => void {
    const { backend, timeoutMs } = this.#link;
    this.#ended ??= backend.open("endedTasks", [], timeoutMs);
    const forget = this.#listeners.add(listener);
    return () => {
      forget();
      if (this.#listeners.size > 0) return;
      this.#ended?.release();
      this.#ended = undefined;
    };
  }

  /**
   * The state of the queue. Never throws, and ends within its time.
   *
   * @param options `timeoutMs`: the time. @default 5000
   */
  healthCheckSync(options: BlockingOptions = {}): TaskQueueHealth {
    return checkHealthSync(this.#link, options, failedTaskHealth);
  }

  /** Before anything is claimed: a claim must not be lost with an error of this. */
  #tellEnded(): void {
    const ended = this.#ended?.call("take", [], this.#link.timeoutMs) ?? [];
    for (const task of ended) this.#listeners.tell(task);
  }
}

/** What of a claimed task proves the claim: the rest need not be sent. */
function claimOf({ id, claimToken }: TaskClaim): TaskClaim {
  return { id, claimToken };
}

/** Of an error the other thread needs its class and its message; and not all that it may hold. */
function sendable(error: unknown): unknown {
  if (typeof error !== "object" || error === null) return error;
  return { name: errorType(error), message: errorMessage(error) };
}
