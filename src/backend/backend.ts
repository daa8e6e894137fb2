/** Tasks, their results and their events, as one thing. */

import type { JobEventLogger } from "../logger/logger.ts";
import type { TaskQueue } from "../queue/queue.ts";
import type { Task, TaskInput } from "../queue/task.ts";
import type { TaskResult, TaskResultStorage, WaitForResultOptions } from "../results/results.ts";
import type { JobEventSink } from "../storage/storage.ts";
import { type BackendHealth, checkBackend } from "./health.ts";
import { logEnqueued, LoggedEnqueue } from "./enqueue.ts";
import { resultOfTask } from "./outcome.ts";
import { taskExtras } from "./task_extras.ts";

/** What a {@linkcode TaskBackend} is made of. */
export interface TaskBackendParts {
  /** Where tasks wait. */
  readonly tasks: TaskQueue;
  /** Where their results are kept. */
  readonly results: TaskResultStorage;
  /** Where their events go. @default nowhere */
  readonly events?: JobEventSink;
  /** Logs to `events`. @default nobody does */
  readonly logger?: JobEventLogger;
  /** Frees what was opened for this backend, in this order, when it is closed. */
  readonly closers?: readonly (() => Promise<unknown>)[];
  /** Told of results that could not be stored, of tasks that ended without a worker.
   * @default nobody is told */
  readonly onError?: (error: unknown) => void;
}

/**
 * Tasks, their results and their events, as `openBackend` gives them. Each part can be used on its
 * own; the methods here keep the three in step, and log each step as an event of the job whose id
 * is that of the task.
 */
export class TaskBackend implements AsyncDisposable, Disposable {
  /** Where tasks wait. */
  readonly tasks: TaskQueue;
  /** Where their results are kept. */
  readonly results: TaskResultStorage;
  /** Logs the events of tasks; absent where nobody wants them. */
  readonly logger?: JobEventLogger;
  readonly #events: JobEventSink | undefined;
  readonly #closers: readonly (() => Promise<unknown>)[];
  readonly #onError: ((error: unknown) => void) | undefined;
  readonly #forgetEnds: () => void;
  /** Results of tasks that ended by themselves, on their way. */
  readonly #storing = new Set<Promise<void>>();
  #closing: Promise<void> | undefined;

  /**
   * Puts the parts together.
   *
   * @param parts What it is made of.
   */
  constructor(parts: TaskBackendParts) {
    const { tasks, results, events, logger, closers = [], onError } = parts;
    this.tasks = tasks;
    this.results = results;
    if (logger !== undefined) this.logger = logger;
    this.#events = events;
    this.#closers = closers;
    this.#onError = onError;
    this.#forgetEnds = tasks.onEnded((task) => this.#noticeEnd(task));
  }

  /**
   * Enqueues a task. `enqueued` is logged before, so that it comes before the worker's events, and
   * `scheduled` ahead of it for a task that is to start later. Should the queue refuse the task,
   * `cancelled` follows.
   *
   * @returns The id. A task of this id that is there already stays as it is, and nothing is logged.
   * @throws What `TaskQueue.enqueue` throws.
   */
  async enqueue(task: TaskInput): Promise<string> {
    const { logger } = this;
    if (logger === undefined) return await this.tasks.enqueue(task);
    const [id] = await new LoggedEnqueue(this.tasks, logger).enqueue([task], async ([named]) => [
      await this.tasks.enqueue(named!),
    ]);
    return id!;
  }

  /**
   * Enqueues tasks in their order, and logs as {@linkcode enqueue} does.
   *
   * @returns The ids, in the same order.
   * @throws What `TaskQueue.enqueueMany` throws.
   */
  async enqueueMany(tasks: readonly TaskInput[]): Promise<string[]> {
    const { logger } = this;
    if (logger === undefined) return await this.tasks.enqueueMany(tasks);
    return await new LoggedEnqueue(this.tasks, logger)
      .enqueue(tasks, (named) => this.tasks.enqueueMany(named));
  }

  /**
   * Enqueues a task and waits for its result.
   *
   * @returns `null` when the time is up; the task goes on.
   */
  async run(task: TaskInput, options: WaitForResultOptions = {}): Promise<TaskResult | null> {
    const id = await this.enqueue(task);
    return await this.results.wait(id, options);
  }

  /** The result of a task, as soon as there is one; `null` when the time is up. */
  waitForResult(id: string, options: WaitForResultOptions = {}): Promise<TaskResult | null> {
    return this.results.wait(id, options);
  }

  /**
   * Cancels a task that is pending or running: its result says so, and `cancelled` is logged. A
   * worker that runs it learns of it with its next heartbeat.
   *
   * @param options `reason`: why. @default none
   * @returns Whether it was cancelled now.
   */
  async cancel(id: string, options: { readonly reason?: string } = {}): Promise<boolean> {
    if (!await this.tasks.cancel(id)) return false;
    const task = await this.tasks.getTask(id);
    const extras = task === null ? {} : taskExtras(task);
    this.logger?.logJobCancelled(id, { ...extras, ...options });
    if (task?.state === "cancelled") await this.results.set(resultOfTask(task, "cancelled"));
    return true;
  }

  /**
   * Brings a task back that failed, expired or was cancelled. Its result is forgotten, and
   * `enqueued` is logged.
   *
   * @returns Whether it was brought back.
   */
  async requeue(id: string): Promise<boolean> {
    const task = await this.tasks.getTask(id);
    if (!canComeBack(task)) return false;
    // Before: a worker may be quick. Who ends in between leaves a failed task without a result,
    // which can be brought back once more; the other way round the old result would be taken for
    // that of the next execution. Somebody else may do the same at the same time: where the task
    // has ended after its result was looked up, that result is the old one. A newer one stays.
    await this.results.delete(id, {
      onlyIf: async () => canComeBack(await this.tasks.getTask(id)),
    });
    if (this.logger !== undefined) logEnqueued(this.logger, { ...task, runAt: new Date() });
    return await this.tasks.requeue(id);
  }

  /**
   * Deletes a task in any state, with its result. Its events stay.
   *
   * @returns Whether the task was there.
   */
  async deleteTask(id: string): Promise<boolean> {
    const wasThere = await this.tasks.deleteTask(id);
    await this.results.delete(id);
    return wasThere;
  }

  /**
   * The state of all parts. Never throws, and ends within its time.
   *
   * @param options `timeoutMs`: the time. @default 5000
   */
  healthCheck(options: { readonly timeoutMs?: number } = {}): Promise<BackendHealth> {
    const { tasks, results } = this;
    return checkBackend({ tasks, results, events: this.#events }, options.timeoutMs ?? 5000);
  }

  /**
   * Delivers the events that wait, and closes what was opened for this backend: instances that it
   * was given stay open. Idempotent.
   *
   * @throws The first error, when all was tried.
   */
  close(): Promise<void> {
    this.#closing ??= this.#close();
    return this.#closing;
  }

  /** {@linkcode close}, for `await using`. */
  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  /** Begins to {@linkcode close}, for `using`, which cannot wait; errors are lost. */
  [Symbol.dispose](): void {
    this.close().catch(() => {});
  }

  async #close(): Promise<void> {
    this.#forgetEnds();
    await Promise.all(this.#storing);
    await closeAll(this.#closers);
  }

  /** A task expired, or its last worker was lost: nobody else stores and logs that. */
  #noticeEnd(task: Task): void {
    const { id, state, ttlMs = 0, attempts, lastError } = task;
    const extras = taskExtras(task);
    if (state === "expired") this.logger?.logJobTtlExpired(id, ttlMs, extras);
    else {
      this.logger?.logJobMaxRetriesExceeded(id, attempts - 1, {
        ...extras,
        ...(lastError === undefined
          ? {}
          : { errorType: lastError.type, errorMessage: lastError.message }),
      });
    }
    const result = resultOfTask(task, state === "expired" ? "expired" : "failed");
    const storing = this.results.set(result).catch((error) => {
      this.#onError?.(error);
    }).finally(() => this.#storing.delete(storing));
    this.#storing.add(storing);
  }
}

/** Whether a task has ended without success. */
function canComeBack(task: Task | null): task is Task {
  return task !== null && ["failed", "expired", "cancelled"].includes(task.state);
}

/** Closes one after the other, whatever the others say. */
async function closeAll(closers: readonly (() => Promise<unknown>)[]): Promise<void> {
  const errors: unknown[] = [];
  for (const close of closers) {
    try {
      await close();
    } catch (error) {
      errors.push(error);
    }
  }
  if (errors.length > 0) throw errors[0];
}
