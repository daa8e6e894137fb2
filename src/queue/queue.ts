/** What a task queue does: interfaces only. */

import type { ClaimedTask, Task, TaskClaim, TaskInput, TaskState, TaskValue } from "./task.ts";

/** Which tasks. All that is given must match. */
export interface TaskFilter {
  /** Tasks of this queue. @default of all */
  readonly queue?: string;
  /** Tasks in this state, or in one of these. @default in any */
  readonly state?: TaskState | readonly TaskState[];
  /** Tasks with this function. @default with any */
  readonly functionName?: string;
  /** Tasks with all of these tags. @default with any */
  readonly tags?: Readonly<Record<string, string>>;
}

/** Which tasks, and how many of them. */
export interface TaskQuery extends TaskFilter {
  /** The most tasks. @default no limit */
  readonly limit?: number;
  /** So many of them are passed over. @default 0 */
  readonly offset?: number;
}

/** Options of {@linkcode TaskQueue.dequeue}. */
export interface DequeueOptions {
  /** How long to wait for a task, in milliseconds; 0 looks once. @default no limit */
  readonly timeoutMs?: number;
  /** Ends the wait: the promise rejects with its reason. @default none */
  readonly signal?: AbortSignal;
  /** Who executes the task. @default unknown */
  readonly workerId?: string;
}

/** Options of {@linkcode TaskQueue.fail}. */
export interface FailOptions {
  /** Whether it may be executed again, as far as `maxRetries` allows. @default true */
  readonly retry?: boolean;
  /** The delay before that, in milliseconds. @default by the task's own settings */
  readonly delayMs?: number;
}

/** What is in a queue. */
export interface QueueInfo {
  /** Tasks whose time has come, and that nobody has claimed. */
  readonly pending: number;
  /** Tasks that are claimed. */
  readonly running: number;
  /** Tasks whose time has not come, those that wait for a retry among them. */
  readonly delayed: number;
}

/** The state of a queue. */
export interface TaskQueueHealth {
  /** `disconnected`: the server does not answer; `error`: it answers with one. */
  readonly status: "healthy" | "disconnected" | "error";
  /** How many tasks there are, in all states. */
  readonly tasks: number;
  /** The version of the server; "" where there is none. */
  readonly serverVersion: string;
  /** How long the answer took, in milliseconds. */
  readonly rttMs: number;
  /** What is wrong. */
  readonly error?: string;
}

/** When a recurring task runs. */
export type Recurrence =
  /** Every so many milliseconds, counted from the Unix epoch, so that it does not drift. */
  | { readonly everyMs: number }
  /**
   * At the times of a cron expression: five fields, or six with seconds first; and in which time
   * zone, such as "Europe/Berlin". @default timeZone "UTC"
   */
  | { readonly cron: string; readonly timeZone?: string };

/** A recurring task. */
export interface TaskSchedule {
  /** What tells it from every other schedule. */
  readonly name: string;
  /** When it runs. */
  readonly recurrence: Recurrence;
  /** What is enqueued each time. */
  readonly task: TaskInput;
  /** When it runs next. */
  readonly nextRunAt: Date;
}

/** Recurring tasks: each occurrence is a task of its own. */
export interface TaskScheduler {
  /**
   * Enqueues a task again and again. The next occurrence is always in the queue, as a delayed task
   * whose id is made of the name and its time, so each occurrence is executed once, however many
   * programs dequeue. Occurrences that nobody was there for are skipped, but the last one.
   *
   * A schedule of this name is replaced.
   *
   * @param name What tells it from every other schedule.
   * @param recurrence When it runs.
   * @param task What is enqueued. `id`, `runAt` and `delayMs` are not used.
   * @throws {RangeError} The recurrence never comes, or is no recurrence.
   */
  schedule(name: string, recurrence: Recurrence, task: TaskInput): Promise<TaskSchedule>;
  /**
   * Ends a recurring task; the occurrence that waits is taken out of the queue.
   *
   * @returns Whether it was there.
   */
  unschedule(name: string): Promise<boolean>;
  /** All recurring tasks, by name. */
  listSchedules(): Promise<TaskSchedule[]>;
}

/**
 * Tasks that wait to be executed, each by one worker at a time.
 *
 * A task is claimed by {@linkcode TaskQueue.dequeue} for the time of a lease, which
 * {@linkcode TaskQueue.heartbeat} extends. A claim that is over, because of its lease or because
 * the task was cancelled or deleted, changes nothing any more: `ERR_LEASE_LOST`. A task whose
 * holder is lost comes back after the lease.
 *
 * All methods but `healthCheck` reject with a {@linkcode JobEventError}: `ERR_CLOSED` after
 * `close`, `ERR_UNAVAILABLE` and `ERR_TIMEOUT` where the server cannot be reached or says nothing,
 * `ERR_DECODE` where what is stored of the one task that is meant is damaged. Such a task is passed
 * over by all that looks at many; {@linkcode TaskQueue.deleteTask} deletes it.
 */
export interface TaskQueue extends TaskScheduler, AsyncDisposable {
  /**
   * Enqueues a task. With an `id` it is safe to call it again.
   *
   * @returns The id. A task of this id that is there already stays as it is.
   * @throws {TypeError} A field is of the wrong type, or cannot be encoded.
   * @throws {RangeError} A number is out of range, or a name is empty or too long.
   * @throws {JobEventError} `ERR_EVENT_TOO_LARGE`: the queue takes no task as large as this.
   */
  enqueue(task: TaskInput): Promise<string>;
  /**
   * Enqueues tasks in their order, without waiting for one after the other.
   *
   * @returns The ids, in the same order.
   * @throws {JobEventError} Some tasks were not enqueued; the others are. `cause` is an
   * `AggregateError` with one error for each of them.
   */
  enqueueMany(tasks: readonly TaskInput[]): Promise<string[]>;
  /**
   * Claims the next task: of the first queue that has one, the one with the highest priority, of
   * those the one that waits longest.
   *
   * @param queues The queues, in the order in which they are looked at.
   * @returns `null`: there was none within the time.
   * @throws The signal's reason when it aborts. No task is claimed then.
   */
  dequeue(
    queues: string | readonly string[],
    options?: DequeueOptions,
  ): Promise<ClaimedTask | null>;
  /**
   * Extends the lease to its full time from now.
   *
   * @throws {JobEventError} `ERR_LEASE_LOST`: the claim is over.
   */
  heartbeat(claim: TaskClaim): Promise<void>;
  /**
   * Ends a task that was executed.
   *
   * @param result Is kept with the task. @default none
   * @throws {JobEventError} `ERR_LEASE_LOST`: the claim is over.
   */
  complete(claim: TaskClaim, result?: TaskValue): Promise<void>;
  /**
   * Ends an execution that failed.
   *
   * @param error What was thrown; its class and message are kept as `lastError`.
   * @returns Whether it is executed again, or has failed for good. One that failed stays, and
   * {@linkcode requeue} brings it back.
   * @throws {JobEventError} `ERR_LEASE_LOST`: the claim is over.
   */
  fail(claim: TaskClaim, error: unknown, options?: FailOptions): Promise<"retry" | "failed">;
  /**
   * Gives a task back that was not executed. It goes behind the others of its priority, and the
   * claim does not count as an attempt.
   *
   * @throws {JobEventError} `ERR_LEASE_LOST`: the claim is over.
   */
  release(claim: TaskClaim): Promise<void>;
  /** The task, or `null`. */
  getTask(id: string): Promise<Task | null>;
  /**
   * Cancels a task that is pending or running. The claim of one that is running is over.
   *
   * @returns Whether it was cancelled now.
   */
  cancel(id: string): Promise<boolean>;
  /**
   * Brings a task back that failed, expired or was cancelled: as if it had just been enqueued.
   *
   * @returns Whether it was brought back.
   */
  requeue(id: string): Promise<boolean>;
  /**
   * Deletes a task in any state. The claim of one that is running is over.
   *
   * @returns Whether it was there.
   */
  deleteTask(id: string): Promise<boolean>;
  /**
   * The tasks of a query, those first that were changed the longest time ago.
   *
   * @throws {RangeError} `limit` or `offset` is negative or not whole.
   */
  listTasks(query?: TaskQuery): Promise<Task[]>;
  /** The number of tasks of a filter. */
  countTasks(filter?: TaskFilter): Promise<number>;
  /** What is in a queue; all zero for one that is not there. */
  queueInfo(queue: string): Promise<QueueInfo>;
  /** The queues with tasks that are pending or running, by name. */
  listQueues(): Promise<string[]>;
  /**
   * Deletes the pending tasks of a queue, delayed ones among them.
   *
   * @returns How many there were.
   */
  purgeQueue(queue: string): Promise<number>;
  /**
   * Ends the pending tasks whose time to live is over, and deletes the tasks that ended longer ago
   * than the queue keeps them.
   *
   * @returns How many tasks expired or were deleted.
   */
  cleanupExpiredTasks(): Promise<number>;
  /**
   * Calls back with each task that this queue ends by itself: one whose time to live was over
   * (`expired`), or whose last worker was lost (`failed`). Where several programs share the tasks,
   * one of them is told of each. The listener must not throw.
   *
   * @returns Takes the listener away.
   */
  onEnded(listener: (task: Task) => void): () => void;
  /**
   * The state of the queue. Never throws, and ends within its time.
   *
   * @param options `timeoutMs`: the time. @default 5000
   */
  healthCheck(options?: { readonly timeoutMs?: number }): Promise<TaskQueueHealth>;
  /**
   * Ends it: what waits rejects with `ERR_CLOSED`. Claims stay until their leases end. Idempotent.
   */
  close(): Promise<void>;
}

/** Options of every task queue. */
export interface TaskQueueOptions {
  /** How long a claim holds without a heartbeat, in milliseconds; at least 100. @default 30000 */
  readonly leaseMs?: number;
  /**
   * How long tasks that have ended are kept, in milliseconds. Then they go by themselves, on NATS
   * before 2.11 with {@linkcode TaskQueue.cleanupExpiredTasks}. @default 86400000
   */
  readonly keepMs?: number;
}
