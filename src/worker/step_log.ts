/** The events of one execution. */

import { taskExtras } from "../backend/task_extras.ts";
import type { JobEventExtras } from "../gen/types.ts";
import type { JobEventLogger } from "../logger/logger.ts";
import type { ClaimedTask } from "../queue/task.ts";
import type { ExecutionReport } from "./options.ts";
import type { Usage } from "./usage.ts";

/** Who executes. */
export interface WorkerIdentity {
  readonly workerId: string;
  readonly workerType: string;
}

/** Logs the steps of an execution. Nothing here throws or waits. */
export class StepLog {
  readonly #logger: JobEventLogger | undefined;
  readonly #task: ClaimedTask;
  readonly #worker: WorkerIdentity;
  readonly #extras: JobEventExtras & { readonly queueName: string };
  /** When the execution ended, in seconds since the Unix epoch; absent while it goes on. */
  #endedAt: number | undefined;

  constructor(logger: JobEventLogger | undefined, task: ClaimedTask, worker: WorkerIdentity) {
    this.#logger = logger;
    this.#task = task;
    this.#worker = worker;
    this.#extras = { ...taskExtras(task), workerType: worker.workerType };
  }

  /** The number of executions before this one. */
  get retryCount(): number {
    return this.#task.attempts - 1;
  }

  claimed(): void {
    const { id, queue } = this.#task;
    const { workerId } = this.#worker;
    const { scheduleName, attempts, startedAt } = this.#task;
    // The time of the claim, not that of the answer.
    const since = startedAt === undefined ? {} : { timestamp: startedAt.getTime() / 1000 };
    const extras = { ...this.#extras, ...since };
    const { queueName: _, ...others } = extras;
    if (scheduleName !== undefined && attempts === 1) {
      const { workerType: _, ...triggered } = extras;
      this.#logger?.logJobScheduleTriggered(id, scheduleName, triggered);
    }
    this.#logger?.logJobDequeued(id, queue, workerId, others);
    this.#logger?.logJobWorkerAssigned(id, workerId, extras);
  }

  started(): void {
    const { id } = this.#task;
    const { workerId, workerType } = this.#worker;
    const { workerType: _, ...others } = this.#extras;
    if (this.retryCount === 0) this.#logger?.logJobStarted(id, workerId, workerType, others);
    else this.#logger?.logJobRetryStarted(id, workerId, this.retryCount, this.#extras);
  }

  /**
   * The execution is over. What is logged from now on has this time: it is logged when the queue
   * knows, and somebody else may have the task by then.
   */
  end(): void {
    this.#endedAt = Date.now() / 1000;
  }

  completed(durationMs: number, usage: Usage, report: ExecutionReport): void {
    const extras = this.#ended(usage, report);
    this.#logger?.logJobCompleted(this.#task.id, this.#worker.workerId, durationMs, extras);
  }

  failed(error: unknown, durationMs: number, usage: Usage, report: ExecutionReport): void {
    const options = { ...this.#ended(usage, report), retryCount: this.retryCount };
    this.#logger?.logJobFailed(this.#task.id, this.#worker.workerId, error, durationMs, options);
  }

  timedOut(timeoutMs: number, durationMs: number, usage: Usage, report: ExecutionReport): void {
    const options = { ...this.#ended(usage, report), timeoutMs };
    this.#logger?.logJobTimeout(this.#task.id, this.#worker.workerId, durationMs, options);
  }

  retryScheduled(delayMs: number): void {
    this.#logger?.logJobRetryScheduled(
      this.#task.id,
      this.retryCount + 1,
      delayMs,
      this.#withoutWorker(),
    );
  }

  exhausted(): void {
    this.#logger?.logJobMaxRetriesExceeded(
      this.#task.id,
      this.retryCount,
      this.#withoutWorker(),
    );
  }

  /** @param reason Why it was given up before its end. */
  released(reason?: string): void {
    const { details, ...others } = this.#timed();
    this.#logger?.logJobWorkerReleased(this.#task.id, this.#worker.workerId, {
      ...others,
      details: { ...details, ...(reason === undefined ? {} : { reason }) },
    });
  }

  #ended(usage: Usage, { details, ...measured }: ExecutionReport): JobEventExtras {
    return {
      ...this.#timed(),
      ...usage,
      ...measured,
      details: { ...this.#extras.details, ...details },
    };
  }

  #withoutWorker(): JobEventExtras {
    const { workerType: _, ...others } = this.#timed();
    return others;
  }

  #timed(): JobEventExtras {
    return this.#endedAt === undefined
      ? this.#extras
      : { ...this.#extras, timestamp: this.#endedAt };
  }
}
