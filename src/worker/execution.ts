/** One execution of one task, from its claim to its end. */

import type { TaskBackend } from "../backend/backend.ts";
import { resultOfTask } from "../backend/outcome.ts";
import { isJobEventError, JobEventError } from "../errors.ts";
import { errorMessage, errorType } from "../event/format.ts";
import { Backoff } from "../logger/backoff.ts";
import type { FailOptions } from "../queue/queue.ts";
import type { ClaimedTask } from "../queue/task.ts";
import { retryDelay } from "../queue/transitions.ts";
import type { TaskResult, TaskResultError } from "../results/results.ts";
import { startTimer } from "../timer.ts";
import { isLeaseLost, Lease } from "./lease.ts";
import type { ExecutionReport, TaskHandlers, WorkerOptions } from "./options.ts";
import { StepLog, type WorkerIdentity } from "./step_log.ts";
import type { Usage, UsageMeter } from "./usage.ts";

/** How an execution ended. */
export type ExecutionOutcome = "completed" | "failed" | "retry" | "released" | "lost";

/** What all executions of a worker have in common. */
export interface ExecutionContext {
  readonly backend: TaskBackend;
  readonly handlers: TaskHandlers;
  readonly options: WorkerOptions;
  readonly worker: WorkerIdentity;
  readonly meter: UsageMeter;
}

/** How a handler ended. */
type Ending = { readonly value: unknown } | { readonly error: unknown };

/** How long an aborted handler may take to come to its end before it is left alone. */
const SETTLE_MS = 500;
/** The longest message and stack of an error that a result keeps. */
const MAX_ERROR_TEXT = 16 * 1024;
/** How often an answer of the queue is tried to get while it does not answer. */
const MAX_TRIES = 6;

/** One execution. */
export class Execution {
  readonly #context: ExecutionContext;
  readonly #task: ClaimedTask;
  readonly #log: StepLog;
  readonly #abort = new AbortController();
  readonly #timeoutMs: number;
  readonly #lease: Lease;
  #report: ExecutionReport = {};
  #isStopped = false;
  #isLost = false;

  /**
   * Begins to keep the claim.
   *
   * @param context What all executions have in common.
   * @param task What is executed.
   */
  constructor(context: ExecutionContext, task: ClaimedTask) {
    const { backend, options, worker } = context;
    this.#context = context;
    this.#task = task;
    this.#timeoutMs = task.timeoutMs ?? options.timeoutMs ?? Infinity;
    this.#log = new StepLog(backend.logger, task, worker);
    this.#lease = new Lease(backend.tasks, task, (error) => {
      this.#isLost = true;
      this.#abort.abort(error);
    });
  }

  /** Executes. Never rejects, unless the queue cannot be told of the end. */
  async run(): Promise<ExecutionOutcome> {
    try {
      this.#log.claimed();
      return await this.#execute();
    } catch (error) {
      if (!isLeaseLost(error)) throw error;
      this.#log.released("claim lost");
      return "lost";
    } finally {
      this.#lease.end();
    }
  }

  /** Ends it soon: the task is given back unless its handler comes to an end at once. */
  stop(): void {
    this.#isStopped = true;
    this.#abort.abort(new JobEventError("ERR_CLOSED", "The worker is stopped"));
  }

  async #execute(): Promise<ExecutionOutcome> {
    const { handlers, meter } = this.#context;
    const { functionName } = this.#task;
    if (!Object.hasOwn(handlers, functionName)) {
      const known = Object.keys(handlers).map((name) => `"${name}"`).join(", ") || "none";
      const message = `There is no handler for function "${functionName}", only: ${known}`;
      const error = new JobEventError("ERR_NOT_FOUND", message);
      return await this.#fail(error, 0, {}, { retry: false });
    }
    this.#log.started();
    const begin = performance.now();
    const measure = meter.begin();
    const ending = await this.#call();
    const durationMs = performance.now() - begin;
    const usage = measure();
    this.#log.end();
    if (this.#isLost) throw this.#abort.signal.reason;
    if ("value" in ending) return await this.#complete(ending.value, durationMs, usage);
    if (this.#isStopped) return await this.#release();
    return await this.#fail(ending.error, durationMs, usage);
  }

  /** Calls the handler, and leaves it alone when it goes on after an abort. */
  async #call(): Promise<Ending> {
    const { signal } = this.#abort;
    const { handlers, worker: { workerId } } = this.#context;
    const task = this.#task;
    const handler = handlers[task.functionName]!;
    const cancelTimeout = startTimer(() => this.#abort.abort(this.#timeout()), this.#timeoutMs);
    const called = (async (): Promise<Ending> => {
      try {
        const value = await handler(task.args, {
          task,
          workerId,
          signal,
          heartbeat: () => this.#lease.beat(),
          report: (report) => this.#addReport(report),
        });
        return { value };
      } catch (error) {
        return { error };
      }
    })();
    let cancelSettle: (() => void) | undefined;
    let onAbort: (() => void) | undefined;
    const left = new Promise<Ending>((resolve) => {
      const leave = (): void => resolve({ error: signal.reason });
      onAbort = () => cancelSettle = startTimer(leave, SETTLE_MS);
      if (signal.aborted) onAbort();
      else signal.addEventListener("abort", onAbort);
    });
    const ending = await Promise.race([called, left]);
    cancelTimeout();
    cancelSettle?.();
    signal.removeEventListener("abort", onAbort!);
    // Too late is too late, however it ended.
    return isTimeout(signal.reason) ? { error: signal.reason } : ending;
  }

  #timeout(): JobEventError {
    const { id } = this.#task;
    const message = `Task "${id}" took longer than its timeoutMs, ${this.#timeoutMs} ms`;
    return new JobEventError("ERR_TIMEOUT", message);
  }

  #addReport({ details, ...others }: ExecutionReport): void {
    this.#report = {
      ...this.#report,
      ...others,
      details: { ...this.#report.details, ...details },
    };
  }

  async #complete(value: unknown, durationMs: number, usage: Usage): Promise<ExecutionOutcome> {
    const { tasks } = this.#context.backend;
    try {
      // The result first: a worker that is lost in between leaves a task that is executed again,
      // and not one without a result.
      await this.#lease.confirm();
      await this.#store({ ...this.#result("completed", durationMs), ...valueOf(value) });
    } catch (error) {
      if (isLeaseLost(error)) throw error;
      // A value that cannot be stored today cannot be stored tomorrow.
      const options = isTransient(error) ? {} : { retry: false };
      return await this.#fail(error, durationMs, usage, options);
    }
    await this.#tell(() => tasks.complete(this.#task));
    this.#log.completed(durationMs, usage, this.#report);
    this.#log.released();
    return "completed";
  }

  async #fail(
    error: unknown,
    durationMs: number,
    usage: Usage,
    given?: FailOptions,
  ): Promise<ExecutionOutcome> {
    const { backend } = this.#context;
    const decision = given ?? this.#decide(error);
    const isLast = decision.retry === false || this.#task.attempts > this.#task.maxRetries;
    if (isLast) {
      await this.#lease.confirm();
      await this.#storeFailure(error, durationMs);
    }
    const told = await this.#tell(() => backend.tasks.fail(this.#task, error, decision));
    const outcome = told ?? (isLast ? "failed" : "retry");
    if (isTimeout(error) && error === this.#abort.signal.reason) {
      this.#log.timedOut(this.#timeoutMs, durationMs, usage, this.#report);
    } else {
      this.#log.failed(error, durationMs, usage, this.#report);
    }
    this.#log.released();
    if (outcome === "failed") this.#log.exhausted();
    else this.#log.retryScheduled(decision.delayMs ?? retryDelay(this.#task));
    return outcome;
  }

  /** What the owner says about a retry; a mistake there is none of the task's. */
  #decide(error: unknown): FailOptions {
    try {
      return this.#context.options.retry?.(error, this.#task) ?? {};
    } catch {
      return {};
    }
  }

  async #storeFailure(error: unknown, durationMs: number): Promise<void> {
    try {
      await this.#store({ ...this.#result("failed", durationMs), error: errorOf(error) });
    } catch (cause) {
      if (isTransient(cause)) throw cause;
      // What the task brought along may be too large for a result: it must not run for ever.
      await this.#store({ id: this.#task.id, state: "failed", error: errorOf(cause) });
    }
  }

  async #release(): Promise<ExecutionOutcome> {
    await this.#tell(() => this.#context.backend.tasks.release(this.#task));
    this.#log.released("worker stopped");
    return "released";
  }

  #result(state: "completed" | "failed", durationMs: number): TaskResult {
    const { lastError: _, ...task } = this.#task;
    const { workerId } = this.#context.worker;
    const finishedAt = new Date();
    return { ...resultOfTask(task, state), workerId, finishedAt, durationMs };
  }

  #store(result: TaskResult): Promise<void> {
    const { backend, options: { resultTtlMs } } = this.#context;
    return backend.results.set(result, resultTtlMs === undefined ? {} : { ttlMs: resultTtlMs });
  }

  /** Tells the queue, again and again while it does not answer and the claim holds. */
  async #tell<Value>(call: () => Promise<Value>): Promise<Value | undefined> {
    const backoff = new Backoff();
    for (let tries = 1;; tries++) {
      try {
        return await call();
      } catch (error) {
        if (isLeaseLost(error) && tries > 1 && await this.#wasHeard()) return undefined;
        if (!isTransient(error) || tries === MAX_TRIES) throw error;
      }
      await new Promise<void>((resolve) => startTimer(resolve, backoff.next()));
    }
  }

  /** Whether an earlier try, whose answer was lost, ended this very execution. */
  async #wasHeard(): Promise<boolean> {
    const task = await this.#context.backend.tasks.getTask(this.#task.id);
    return task !== null && task.state !== "running" && task.state !== "cancelled" &&
      task.attempts === this.#task.attempts && task.workerId === this.#context.worker.workerId;
  }
}

function valueOf(value: unknown): Pick<TaskResult, "value"> {
  return value === undefined ? {} : { value: value as NonNullable<TaskResult["value"]> };
}

function errorOf(error: unknown): TaskResultError {
  const { code, stack } = (error ?? {}) as { readonly code?: unknown; readonly stack?: unknown };
  return {
    name: errorType(error),
    message: errorMessage(error).slice(0, MAX_ERROR_TEXT),
    ...(typeof code === "string" ? { code } : {}),
    ...(typeof stack === "string" ? { stack: stack.slice(0, MAX_ERROR_TEXT) } : {}),
  };
}

function isTimeout(error: unknown): boolean {
  return isJobEventError(error) && error.code === "ERR_TIMEOUT";
}

function isTransient(error: unknown): boolean {
  return isJobEventError(error) &&
    (error.code === "ERR_UNAVAILABLE" || error.code === "ERR_TIMEOUT");
}
