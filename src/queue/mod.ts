/**
 * Tasks: enqueued by one program, executed by another, each by one worker at a time.
 *
 * {@linkcode MemoryTaskQueue} keeps them in this process, {@linkcode NatsTaskQueue} on a NATS
 * server.
 *
 * @example
 * ```ts
 * import { MemoryTaskQueue } from "@naq/events/queue";
 * import assert from "node:assert/strict";
 *
 * await using queue = new MemoryTaskQueue();
 * await queue.enqueue({ functionName: "add", args: [1, 2], queue: "sums", maxRetries: 1 });
 *
 * const task = await queue.dequeue(["urgent", "sums"], { timeoutMs: 1000 });
 * assert(task !== null);
 * const [left, right] = task.args as [number, number];
 * await queue.complete(task, left + right);
 * assert.equal((await queue.getTask(task.id))?.result, 3);
 * ```
 *
 * @module
 */

export { MemoryTaskQueue } from "./memory.ts";
export { NatsTaskQueue } from "./nats.ts";
export { TASK_STATES } from "./task.ts";

export type { MemoryTaskQueueOptions } from "./memory.ts";
export type { NatsTaskQueueOptions } from "./nats/options.ts";
export type { TaskStreamOptions, TaskStreamSettings } from "./nats/setup.ts";
export type {
  DequeueOptions,
  FailOptions,
  QueueInfo,
  Recurrence,
  TaskFilter,
  TaskQuery,
  TaskQueue,
  TaskQueueHealth,
  TaskQueueOptions,
  TaskSchedule,
  TaskScheduler,
} from "./queue.ts";
export type {
  ClaimedTask,
  RetryStrategy,
  Task,
  TaskClaim,
  TaskError,
  TaskInput,
  TaskState,
  TaskValue,
} from "./task.ts";
