/** Tasks in memory: the reference for what a queue does, for tests and for single programs. */

import { EventIdSource } from "../event/event_id.ts";
import { type CancelTimer, startTimer } from "../timer.ts";
import {
  type DequeueRequest,
  dequeueRequest,
  leaseLost,
  queueClosed,
  resolveOptions,
} from "./arguments.ts";
import { EndedListeners } from "./ended.ts";
import { compileFilter, rangeOf } from "./filter.ts";
import { MemoryTasks } from "./memory/tasks.ts";
import { Waiters } from "./memory/waiters.ts";
import type {
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
} from "./queue.ts";
import { newRecord, packResult, type TaskRecord, toClaimedTask, toTask } from "./record.ts";
import type { ClaimedTask, Task, TaskClaim, TaskInput, TaskValue } from "./task.ts";
import * as transitions from "./transitions.ts";

/** Options of {@linkcode MemoryTaskQueue}. */
export type MemoryTaskQueueOptions = TaskQueueOptions;

/**
 * Keeps tasks in memory, with everything that a queue can do; they are gone when the program ends.
 *
 * @example
 * ```ts
 * import { MemoryTaskQueue } from "@naq/events/queue";
 * import assert from "node:assert/strict";
 *
 * await using queue = new MemoryTaskQueue();
 * await queue.enqueue({ id: "mail-1", functionName: "send", args: { to: "a@example.org" } });
 *
 * const task = await queue.dequeue("default", { timeoutMs: 0 });
 * assert.deepEqual(task?.args, { to: "a@example.org" });
 * if (task !== null) await queue.complete(task, "sent");
 * assert.equal((await queue.getTask("mail-1"))?.state, "completed");
 * ```
 */
export class MemoryTaskQueue implements TaskQueue {
  readonly #leaseMs: number;
  readonly #tasks: MemoryTasks;
  readonly #claimTokens = new EventIdSource();
  readonly #waiters = new Waiters<ClaimedTask>();
  readonly #ended = new EndedListeners();
  #cancelTimer: CancelTimer | undefined;
  #timerAt = Infinity;
  #isClosed = false;

  /**
   * Makes an empty queue.
   *
   * @param options How long claims hold, and how long tasks that ended are kept.
   * @throws {RangeError} A number is out of range.
   */
  constructor(options: MemoryTaskQueueOptions = {}) {
    const { leaseMs, keepMs } = resolveOptions(options);
    this.#leaseMs = leaseMs;
    this.#tasks = new MemoryTasks(keepMs, {
      onReady: (queue, isReturned) => {
        // Whoever gives a task back hears that it is done before somebody else has the task.
        if (isReturned) startTimer(() => this.#waiters.wake(queue), 0);
        else this.#waiters.wake(queue);
      },
      onDue: () => this.#setTimer(),
      onEnded: (record) => this.#ended.tell(toTask(record, Date.now())),
    });
  }

  /** Enqueues a task. See {@linkcode TaskQueue.enqueue}. */
  // deno-lint-ignore require-await -- async, so that errors are rejections
  async enqueue(task: TaskInput): Promise<string> {
    return this.#open().enqueue(newRecord(task, Date.now()));
  }

  /** Enqueues tasks in their order. See {@linkcode TaskQueue.enqueueMany}. */
  // deno-lint-ignore require-await -- async, so that errors are rejections
  async enqueueMany(tasks: readonly TaskInput[]): Promise<string[]> {
    const now = Date.now();
    const records = tasks.map((task) => newRecord(task, now));
    return records.map((record) => this.#open().enqueue(record));
  }

  /** Claims the next task. See {@linkcode TaskQueue.dequeue}. */
  async dequeue(
    queues: string | readonly string[],
    options: DequeueOptions = {},
  ): Promise<ClaimedTask | null> {
    const request = dequeueRequest(queues, options);
    this.#open().tick(Date.now());
    const task = this.#claim(request);
    if (task !== undefined) return task;
    if (request.timeoutMs === 0) return null;
    const waiting = this.#waiters.wait(
      { queues: request.queues, look: () => this.#claim(request) },
      request,
    );
    this.#setTimer();
    try {
      return await waiting;
    } finally {
      if (this.#waiters.size === 0) this.#stopTimer();
    }
  }

  /** Extends the lease. See {@linkcode TaskQueue.heartbeat}. */
  // deno-lint-ignore require-await -- async, so that errors are rejections
  async heartbeat(claim: TaskClaim): Promise<void> {
    const record = this.#held("extend the lease of", claim);
    this.#tasks.put({ ...record, leaseUntil: Date.now() + this.#leaseMs });
  }

  /** Ends a task that was executed. See {@linkcode TaskQueue.complete}. */
  // deno-lint-ignore require-await -- async, so that errors are rejections
  async complete(claim: TaskClaim, result?: TaskValue): Promise<void> {
    const packed = packResult(result);
    const record = this.#held("complete", claim);
    this.#tasks.put(transitions.completed(record, packed, Date.now()));
  }

  /** Ends an execution that failed. See {@linkcode TaskQueue.fail}. */
  // deno-lint-ignore require-await -- async, so that errors are rejections
  async fail(
    claim: TaskClaim,
    error: unknown,
    options: FailOptions = {},
  ): Promise<"retry" | "failed"> {
    const record = this.#held("fail", claim);
    const next = transitions.failed(record, error, options, Date.now());
    this.#tasks.put(next, true);
    return next.state === "failed" ? "failed" : "retry";
  }

  /** Gives a task back that was not executed. See {@linkcode TaskQueue.release}. */
  // deno-lint-ignore require-await -- async, so that errors are rejections
  async release(claim: TaskClaim): Promise<void> {
    this.#tasks.put(transitions.released(this.#held("release", claim), Date.now()), true);
  }

  /** The task, or `null`. */
  // deno-lint-ignore require-await -- async, so that errors are rejections
  async getTask(id: string): Promise<Task | null> {
    const now = Date.now();
    const record = this.#open().tick(now).get(id);
    return record === undefined ? null : toTask(record, now);
  }

  /** Cancels a task. See {@linkcode TaskQueue.cancel}. */
  // deno-lint-ignore require-await -- async, so that errors are rejections
  async cancel(id: string): Promise<boolean> {
    return this.#change(id, transitions.cancelled);
  }

  /** Brings a task back that ended without success. See {@linkcode TaskQueue.requeue}. */
  // deno-lint-ignore require-await -- async, so that errors are rejections
  async requeue(id: string): Promise<boolean> {
    return this.#change(id, transitions.requeued);
  }

  /** Deletes a task. See {@linkcode TaskQueue.deleteTask}. */
  // deno-lint-ignore require-await -- async, so that errors are rejections
  async deleteTask(id: string): Promise<boolean> {
    return this.#open().tick(Date.now()).delete(id);
  }

  /** The tasks of a query. See {@linkcode TaskQueue.listTasks}. */
  // deno-lint-ignore require-await -- async, so that errors are rejections
  async listTasks(query: TaskQuery = {}): Promise<Task[]> {
    const { from, to } = rangeOf(query);
    const now = Date.now();
    const matching: Task[] = [];
    let passed = 0;
    for (const record of this.#open().tick(now).matching(compileFilter(query), now)) {
      if (passed >= to) break;
      if (passed++ >= from) matching.push(toTask(record, now));
    }
    return matching;
  }

  /** The number of tasks of a filter. */
  // deno-lint-ignore require-await -- async, so that errors are rejections
  async countTasks(filter: TaskFilter = {}): Promise<number> {
    const now = Date.now();
    return [...this.#open().tick(now).matching(compileFilter(filter), now)].length;
  }

  /** What is in a queue. */
  // deno-lint-ignore require-await -- async, so that errors are rejections
  async queueInfo(queue: string): Promise<QueueInfo> {
    return this.#open().tick(Date.now()).info(queue);
  }

  /** The queues with tasks that are pending or running, by name. */
  // deno-lint-ignore require-await -- async, so that errors are rejections
  async listQueues(): Promise<string[]> {
    return this.#open().tick(Date.now()).queues();
  }

  /** Deletes the pending tasks of a queue. See {@linkcode TaskQueue.purgeQueue}. */
  // deno-lint-ignore require-await -- async, so that errors are rejections
  async purgeQueue(queue: string): Promise<number> {
    return this.#open().tick(Date.now()).purge(queue);
  }

  /** Ends and deletes what is over. See {@linkcode TaskQueue.cleanupExpiredTasks}. */
  // deno-lint-ignore require-await -- async, so that errors are rejections
  async cleanupExpiredTasks(): Promise<number> {
    const now = Date.now();
    return this.#open().tick(now).cleanup(now);
  }

  /** Enqueues a task again and again. See {@linkcode TaskQueue.schedule}. */
  // deno-lint-ignore require-await -- async, so that errors are rejections
  async schedule(name: string, recurrence: Recurrence, task: TaskInput): Promise<TaskSchedule> {
    return this.#open().tick(Date.now()).schedules.set(name, recurrence, task);
  }

  /** Ends a recurring task. See {@linkcode TaskQueue.unschedule}. */
  // deno-lint-ignore require-await -- async, so that errors are rejections
  async unschedule(name: string): Promise<boolean> {
    return this.#open().schedules.delete(name);
  }

  /** All recurring tasks, by name. */
  // deno-lint-ignore require-await -- async, so that errors are rejections
  async listSchedules(): Promise<TaskSchedule[]> {
    return this.#open().schedules.list();
  }

  /** Calls back with each task that ends by itself. See {@linkcode TaskQueue.onEnded}. */
  onEnded(listener: (task: Task) => void): () => void {
    return this.#ended.add(listener);
  }

  /** The state of the queue. Never throws. */
  // deno-lint-ignore require-await -- the interface is asynchronous, the answer is there at once
  async healthCheck(_options?: { readonly timeoutMs?: number }): Promise<TaskQueueHealth> {
    const base = { tasks: this.#tasks.size, serverVersion: "", rttMs: 0 };
    if (!this.#isClosed) return { status: "healthy", ...base };
    return { status: "disconnected", ...base, error: queueClosed().message };
  }

  /** Forgets everything. Calls that wait reject with `ERR_CLOSED`. Idempotent. */
  // deno-lint-ignore require-await -- the interface is asynchronous
  async close(): Promise<void> {
    this.#isClosed = true;
    this.#stopTimer();
    this.#tasks.clear();
    this.#waiters.failAll(queueClosed());
  }

  /** Closes the queue. */
  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  #open(): MemoryTasks {
    if (this.#isClosed) throw queueClosed();
    return this.#tasks;
  }

  #claim({ queues, workerId }: DequeueRequest): ClaimedTask | undefined {
    const now = Date.now();
    for (const queue of queues) {
      const record = this.#tasks.take(queue, now);
      if (record === undefined) continue;
      const claim = {
        claimToken: this.#claimTokens.next(),
        leaseUntil: now + this.#leaseMs,
        workerId,
      };
      const claimed = transitions.claimed(record, claim, now);
      this.#tasks.put(claimed);
      return toClaimedTask(claimed, now);
    }
    return undefined;
  }

  #held(action: string, claim: TaskClaim): TaskRecord {
    const now = Date.now();
    const record = this.#open().tick(now).get(claim.id);
    if (transitions.isHeld(record, claim, now)) return record;
    throw leaseLost(action, claim);
  }

  #change(
    id: string,
    change: (record: TaskRecord, nowMs: number) => TaskRecord | undefined,
  ): boolean {
    const now = Date.now();
    const record = this.#open().tick(now).get(id);
    const next = record === undefined ? undefined : change(record, now);
    if (next === undefined) return false;
    this.#tasks.put(next);
    return true;
  }

  /** Time passes by itself only while somebody waits for it. */
  #setTimer(): void {
    const next = this.#tasks.nextDue ?? Infinity;
    if (this.#waiters.size === 0 || next >= this.#timerAt) return;
    this.#stopTimer();
    this.#timerAt = next;
    this.#cancelTimer = startTimer(() => {
      this.#timerAt = Infinity;
      this.#tasks.tick(Date.now());
      this.#setTimer();
    }, Math.max(next - Date.now(), 1));
  }

  #stopTimer(): void {
    this.#cancelTimer?.();
    this.#timerAt = Infinity;
  }
}
