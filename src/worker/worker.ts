/** Executes the tasks of queues. */

import type { TaskBackend } from "../backend/backend.ts";
import { isJobEventError, JobEventError } from "../errors.ts";
import { randomPrefix } from "../event/event_id.ts";
import { Backoff } from "../logger/backoff.ts";
import { checkWhole } from "../storage/filter.ts";
import { pause } from "../timer.ts";
import { Execution, type ExecutionContext, type ExecutionOutcome } from "./execution.ts";
import type { TaskHandlers, WorkerOptions, WorkerStats } from "./options.ts";
import { UsageMeter } from "./usage.ts";

const DEFAULT_CONCURRENCY = 10;
const DEFAULT_GRACE_MS = 10_000;

/**
 * Takes tasks out of queues, calls the handlers of their functions, stores the results, and logs
 * every step as an event of the job whose id is that of the task: `dequeued`, `worker_assigned`,
 * `started` or `retry_started`, then `completed`, `failed` or `timeout`, `worker_released`, and
 * after a failure `retry_scheduled` or `max_retries_exceeded`.
 *
 * **What holds.** Each task is executed at least once, and by nobody else while its claim holds,
 * which the worker extends for as long as its thread is not blocked. A worker that is lost leaves
 * its tasks to others when their leases end. A handler whose task was lost or cancelled is aborted,
 * and its result is not stored. A handler that does not heed its signal goes on, and no longer
 * counts.
 *
 * A task whose function has no handler fails for good. Events that cannot be stored stop nothing.
 *
 * @example
 * ```ts
 * import { openBackend } from "@naq/events/backend";
 * import { Worker } from "@naq/events/worker";
 * import assert from "node:assert/strict";
 *
 * await using backend = await openBackend({ tasks: "memory:", events: "memory:" });
 * await using worker = new Worker(backend, {
 *   add: (args) => (args as number[]).reduce((sum, each) => sum + each),
 * });
 * worker.start();
 * const result = await backend.run({ functionName: "add", args: [1, 2, 3] });
 * assert.equal(result?.value, 6);
 * ```
 */
export class Worker implements AsyncDisposable {
  /** What events and tasks call it. */
  readonly workerId: string;
  readonly #backend: TaskBackend;
  readonly #context: ExecutionContext;
  readonly #options: WorkerOptions;
  readonly #concurrency: number;
  readonly #running = new Set<Execution>();
  readonly #stopping = new AbortController();
  readonly #stats = { completed: 0, failed: 0, retried: 0, released: 0, lost: 0 };
  #loops: Promise<void>[] = [];
  #stopped: Promise<WorkerStats> | undefined;

  /**
   * Makes a worker; {@linkcode start} begins.
   *
   * @param backend Where tasks, results and events are. It is not closed by the worker.
   * @param handlers What executes tasks, by the names of their functions.
   * @param options Which queues, and how.
   * @throws {RangeError} A number is out of range, or there is no queue.
   * @throws {TypeError} A handler is no function.
   */
  constructor(backend: TaskBackend, handlers: TaskHandlers, options: WorkerOptions = {}) {
    const { concurrency = DEFAULT_CONCURRENCY, workerType = "async", queues } = options;
    checkWhole("concurrency", concurrency, 1);
    if (options.timeoutMs !== undefined) checkWhole("timeoutMs", options.timeoutMs, 1);
    if (options.graceMs !== undefined) checkWhole("graceMs", options.graceMs);
    if (queues !== undefined && [queues].flat().length === 0) {
      throw new RangeError("queues must name at least one queue");
    }
    for (const [name, handler] of Object.entries(handlers)) {
      if (typeof handler === "function") continue;
      throw new TypeError(`The handler of "${name}" must be a function, got ${typeof handler}`);
    }
    this.workerId = options.workerId ?? `worker-${randomPrefix()}`;
    this.#backend = backend;
    this.#options = options;
    this.#concurrency = concurrency;
    const worker = { workerId: this.workerId, workerType };
    this.#context = { backend, handlers, options, worker, meter: new UsageMeter() };
  }

  /**
   * Begins to take tasks. Idempotent.
   *
   * @throws {JobEventError} `ERR_CLOSED` after {@linkcode stop}.
   */
  start(): void {
    if (this.#stopped !== undefined) {
      throw new JobEventError("ERR_CLOSED", `Cannot start worker ${this.workerId}: it was stopped`);
    }
    if (this.#loops.length > 0) return;
    this.#loops = Array.from({ length: this.#concurrency }, () => this.#work());
  }

  /** What it has done so far. */
  stats(): WorkerStats {
    return { running: this.#running.size, ...this.#stats };
  }

  /**
   * Takes no more tasks, and lets those that it executes come to their end for a while. Then their
   * signals are aborted, and what does not end at once is given back to its queue. The events are
   * stored when it returns, if their storage answers. Idempotent.
   *
   * @param options `graceMs`: how long tasks may go on, in milliseconds. 0 forces the end.
   * @default graceMs of the worker
   */
  stop(options: { readonly graceMs?: number } = {}): Promise<WorkerStats> {
    this.#stopped ??= this.#stop(options.graceMs ?? this.#options.graceMs ?? DEFAULT_GRACE_MS);
    return this.#stopped;
  }

  /** {@linkcode stop}, for `await using`. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.stop();
  }

  async #stop(graceMs: number): Promise<WorkerStats> {
    this.#stopping.abort(new JobEventError("ERR_CLOSED", "The worker is stopped"));
    const over = Promise.all(this.#loops);
    const grace = new AbortController();
    await Promise.race([over, pause(graceMs, grace.signal)]);
    grace.abort();
    for (const execution of this.#running) execution.stop();
    await over;
    await this.#backend.logger?.flush();
    return this.stats();
  }

  /** Takes and executes one task after the other. */
  async #work(): Promise<void> {
    const { signal } = this.#stopping;
    const { queues = "default" } = this.#options;
    const backoff = new Backoff({ maxDelayMs: 5000 });
    while (!signal.aborted) {
      try {
        const task = await this.#backend.tasks.dequeue(queues, { signal, workerId: this.workerId });
        backoff.reset();
        if (task === null) continue;
        // It came at the very moment of the stop.
        if (signal.aborted) await this.#backend.tasks.release(task);
        else await this.#execute(new Execution(this.#context, task));
      } catch (error) {
        if (signal.aborted) break;
        this.#tell(error);
        // Nothing will ever come from a queue that is closed.
        if (isJobEventError(error) && error.code === "ERR_CLOSED") break;
        await pause(backoff.next(), signal);
      }
    }
  }

  async #execute(execution: Execution): Promise<void> {
    this.#running.add(execution);
    try {
      this.#count(await execution.run());
    } catch (error) {
      // The queue gives the task to somebody when its lease ends.
      this.#stats.lost++;
      this.#tell(error);
    } finally {
      this.#running.delete(execution);
    }
  }

  #count(outcome: ExecutionOutcome): void {
    if (outcome === "retry") this.#stats.retried++;
    if (outcome === "retry" || outcome === "failed") this.#stats.failed++;
    else this.#stats[outcome]++;
  }

  #tell(error: unknown): void {
    try {
      this.#options.onError?.(error);
    } catch {
      // Whoever is told must not stop the worker.
    }
  }
}
