/** What a worker is told, and what it tells. */

import type { JobEventValue } from "../event/dynamic.ts";
import type { FailOptions } from "../queue/queue.ts";
import type { ClaimedTask, TaskValue } from "../queue/task.ts";

/** What a handler adds to the event that ends its execution. */
export interface ExecutionReport {
  /** What is specific to the task, under keys in snake_case. */
  readonly details?: Readonly<Record<string, JobEventValue>>;
  /** The CPU time of the task alone, in milliseconds. @default that of the process meanwhile */
  readonly cpuTimeMs?: number;
  /** The memory that the task took, in MiB. @default by how much that of the process grew */
  readonly memoryMb?: number;
}

/** What a handler gets beside its arguments. */
export interface TaskContext {
  /** The task, as it was claimed. */
  readonly task: ClaimedTask;
  /** The worker's id. */
  readonly workerId: string;
  /** Aborts when the task has taken too long, was cancelled or lost its claim, or when the worker
   * stops and has waited long enough. The reason is a `JobEventError`: `ERR_TIMEOUT`,
   * `ERR_LEASE_LOST` or `ERR_CLOSED`. */
  readonly signal: AbortSignal;
  /**
   * Extends the claim at once. The worker does so by itself for as long as its thread is not
   * blocked.
   *
   * @throws {JobEventError} `ERR_LEASE_LOST`: the claim is over, another worker may have the task.
   */
  heartbeat(): Promise<void>;
  /** Adds to the event that ends the execution; what was added before stays unless it is given. */
  report(report: ExecutionReport): void;
}

/**
 * Executes tasks that call one function. What it returns, or resolves with, is the task's result;
 * when it throws the execution has failed.
 *
 * @param args The task's `args`.
 */
export type TaskHandler = (args: TaskValue | undefined, context: TaskContext) => unknown;

/** The functions that tasks can call, by their names. */
export type TaskHandlers = Readonly<Record<string, TaskHandler>>;

/** Options of {@linkcode Worker}. */
export interface WorkerOptions {
  /** The queues, in the order in which they are looked at. @default "default" */
  readonly queues?: string | readonly string[];
  /** How many tasks are executed at the same time. @default 10 */
  readonly concurrency?: number;
  /** What events and tasks call it. Another one for each worker. @default random */
  readonly workerId?: string;
  /** What kind of worker events call it. @default "async" */
  readonly workerType?: string;
  /** How long an execution may take, in milliseconds, unless its task says something else.
   * @default no limit */
  readonly timeoutMs?: number;
  /** How long {@linkcode Worker.stop} lets tasks end, in milliseconds. @default 10000 */
  readonly graceMs?: number;
  /** How long results are kept, in milliseconds. @default as the store of results says */
  readonly resultTtlMs?: number;
  /**
   * Whether and when an execution that failed is repeated, as far as the task's `maxRetries`
   * allows. @default by the task's own settings
   */
  readonly retry?: (error: unknown, task: ClaimedTask) => FailOptions | undefined;
  /** Told of what fails beside the tasks themselves: a queue that does not answer, say.
   * @default nobody is told: the worker goes on by itself */
  readonly onError?: (error: unknown) => void;
}

/** What a worker has done so far. */
export interface WorkerStats {
  /** Executions that are under way. */
  readonly running: number;
  /** Executions that ended well. */
  readonly completed: number;
  /** Executions that failed, those that are repeated among them. */
  readonly failed: number;
  /** Those of the failed executions that are repeated. */
  readonly retried: number;
  /** Tasks that were given back when the worker stopped. */
  readonly released: number;
  /** Executions whose claim was over before they ended. */
  readonly lost: number;
}
