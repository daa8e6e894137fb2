/** What a task is. */

import type { JobEventValue } from "../event/dynamic.ts";

/** Where a task is in its life. `completed`, `failed`, `cancelled` and `expired` end it. */
export type TaskState = "pending" | "running" | "completed" | "failed" | "cancelled" | "expired";

/** All states. */
export const TASK_STATES: readonly TaskState[] = [
  "pending",
  "running",
  "completed",
  "failed",
  "cancelled",
  "expired",
];

/**
 * How the delay before a retry grows: `fixed` is always `retryDelayMs`, `linear` is that times the
 * number of executions so far, `exponential` doubles it with each.
 */
export type RetryStrategy = "fixed" | "linear" | "exponential";

/** What a value of a task may be, as in an event's `details`: at most 32 levels and 8 MiB. */
export type TaskValue = JobEventValue;

/** A task to enqueue. */
export interface TaskInput {
  /** What tells it from every other task; enqueuing an id again changes nothing. @default random */
  readonly id?: string;
  /** The function to call; a worker looks its handler up by it. */
  readonly functionName: string;
  /** What the function is called with. @default none */
  readonly args?: TaskValue;
  /** The queue. @default "default" */
  readonly queue?: string;
  /** -99 to 99; in each queue higher ones come first. @default 0 */
  readonly priority?: number;
  /** The earliest start. @default now */
  readonly runAt?: Date;
  /** The earliest start as a delay from now, in milliseconds, instead of `runAt`. @default 0 */
  readonly delayMs?: number;
  /** It expires unless it is started so many milliseconds after `runAt`. @default never */
  readonly ttlMs?: number;
  /** How often it is executed again after a failure or the loss of its worker. @default 3 */
  readonly maxRetries?: number;
  /** The delay before the first retry, in milliseconds. @default 1000 */
  readonly retryDelayMs?: number;
  /** How the delay grows. @default "exponential" */
  readonly retryStrategy?: RetryStrategy;
  /** The longest delay before a retry, in milliseconds. @default 3600000 */
  readonly maxRetryDelayMs?: number;
  /** How long an execution may take, in milliseconds. A worker sees to it. @default no limit */
  readonly timeoutMs?: number;
  /** Words to find it by. @default none */
  readonly tags?: Readonly<Record<string, string>>;
  /** What goes with it. @default none */
  readonly metadata?: Readonly<Record<string, TaskValue>>;
}

/** Why an execution failed. */
export interface TaskError {
  /** The class of the error. */
  readonly type: string;
  /** Its message, up to 4096 characters. */
  readonly message: string;
}

/** A task as the queue keeps it. */
export interface Task {
  /** What tells it from every other task. */
  readonly id: string;
  /** The function to call. */
  readonly functionName: string;
  /** What the function is called with. */
  readonly args?: TaskValue;
  /** The queue. */
  readonly queue: string;
  /** -99 to 99; higher ones come first. */
  readonly priority: number;
  /** Where it is in its life. */
  readonly state: TaskState;
  /** When it was enqueued. */
  readonly createdAt: Date;
  /** The earliest start: of the next execution, after a failure. */
  readonly runAt: Date;
  /** It expires unless it is started so many milliseconds after `runAt`. */
  readonly ttlMs?: number;
  /** When it expires unless it is started before. */
  readonly expiresAt?: Date;
  /** How many executions were begun. */
  readonly attempts: number;
  /** How often it is executed again: at most `maxRetries + 1` executions are begun. */
  readonly maxRetries: number;
  /** The delay before the first retry, in milliseconds. */
  readonly retryDelayMs: number;
  /** How the delay grows. */
  readonly retryStrategy: RetryStrategy;
  /** The longest delay before a retry, in milliseconds. */
  readonly maxRetryDelayMs: number;
  /** How long an execution may take, in milliseconds. */
  readonly timeoutMs?: number;
  /** Words to find it by. */
  readonly tags?: Readonly<Record<string, string>>;
  /** What goes with it. */
  readonly metadata?: Readonly<Record<string, TaskValue>>;
  /** Why the last execution that failed did. */
  readonly lastError?: TaskError;
  /** What it was completed with. */
  readonly result?: TaskValue;
  /** Who executes it, or did so last. */
  readonly workerId?: string;
  /** When the last execution was begun. */
  readonly startedAt?: Date;
  /** When it came to its end. */
  readonly finishedAt?: Date;
  /** When the claim on it ends, unless a heartbeat extends it: there while it is running. */
  readonly leaseUntil?: Date;
  /** The schedule that it is an occurrence of. */
  readonly scheduleName?: string;
}

/** What proves that a task is claimed. It is plain data and may be passed to other threads. */
export interface TaskClaim {
  /** The id of the task. */
  readonly id: string;
  /** Another one for each claim. */
  readonly claimToken: string;
}

/** A task that its holder alone may execute, until `leaseUntil`. */
export interface ClaimedTask extends Task, TaskClaim {
  /** When the claim ends, unless a heartbeat extends it. */
  readonly leaseUntil: Date;
}
