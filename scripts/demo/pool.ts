/** A small job system: queues, workers and retries. Each step of each job is logged. */

import type { JobEventLogger } from "../../mod.ts";
import type { FoundFile } from "./find_files.ts";
import { type Queue, QUEUES, queuesFor, type Usage, work } from "./work.ts";

const MAX_RETRIES = 2;
const RETRY_DELAY_MS = 40;
const WORKER_TYPE = "async";

/** One job. */
interface Job {
  readonly id: string;
  readonly queue: Queue;
  readonly file: FoundFile;
  retryCount: number;
}

/** Options of {@linkcode runJobs}. */
export interface PoolOptions {
  readonly files: readonly FoundFile[];
  readonly logger: JobEventLogger;
  /** The name of this run: part of every job's id, and a tag of every event. */
  readonly run: string;
  readonly workers: number;
  /** Ends the run: what runs is finished, what waits is cancelled. */
  readonly signal: AbortSignal;
}

/** Runs the jobs of all files. Gives how many there were. */
export async function runJobs(options: PoolOptions): Promise<number> {
  const pool = new Pool(options);
  await pool.enqueueAll();
  await pool.drain();
  return pool.jobCount;
}

class Pool {
  readonly #options: PoolOptions;
  readonly #tags: Readonly<Record<string, string>>;
  readonly #waiting: Record<Queue, Job[]> = { checksum: [], compress: [], parse: [] };
  /** Jobs that wait for the time of their retry, with their timers. */
  readonly #delayed = new Map<Job, ReturnType<typeof setTimeout>>();
  readonly #idle: (() => void)[] = [];
  /** Jobs that are not done: waiting, running, or waiting for a retry. */
  #open = 0;
  jobCount = 0;

  constructor(options: PoolOptions) {
    this.#options = options;
    this.#tags = { run: options.run };
  }

  async enqueueAll(): Promise<void> {
    for (const file of this.#options.files) {
      for (const queue of queuesFor(file)) {
        this.jobCount++;
        this.#open++;
        const id = `${this.#options.run}-${queue}-${this.jobCount}`;
        this.#waiting[queue].push({ id, queue, file, retryCount: 0 });
        const metadata = { file: file.name, size: file.size };
        await this.#log((logger) =>
          logger.logJobEnqueued(id, queue, { tags: this.#tags, metadata })
        );
      }
    }
  }

  async drain(): Promise<void> {
    const names = Array.from({ length: this.#options.workers }, (_, n) => `worker-${n + 1}`);
    this.#options.signal.addEventListener("abort", () => this.#wakeAll());
    await Promise.all(names.map((name, index) => this.#worker(name, index)));
    await this.#cancelWaiting();
  }

  async #worker(name: string, index: number): Promise<void> {
    // Each worker begins with another queue, so that all queues move.
    for (let turn = index; this.#open > 0 && !this.#options.signal.aborted; turn++) {
      const job = this.#take(turn);
      if (job === undefined) await this.#change();
      else await this.#run(job, name);
    }
  }

  #take(turn: number): Job | undefined {
    for (let step = 0; step < QUEUES.length; step++) {
      const job = this.#waiting[QUEUES[(turn + step) % QUEUES.length]!].shift();
      if (job !== undefined) return job;
    }
    return undefined;
  }

  async #run(job: Job, worker: string): Promise<void> {
    const { id, queue, retryCount } = job;
    const common = { queueName: queue, tags: this.#tags, workerType: WORKER_TYPE };
    await this.#log((logger) => logger.logJobDequeued(id, queue, worker, common));
    await this.#log((logger) => logger.logJobWorkerAssigned(id, worker, common));
    await this.#log((logger) =>
      retryCount === 0
        ? logger.logJobStarted(id, worker, WORKER_TYPE, common)
        : logger.logJobRetryStarted(id, worker, retryCount, common)
    );
    const usage: Usage = { durationMs: 0, cpuTimeMs: 0, memoryMb: 0 };
    const result = await work(job.queue, job.file, usage).then(
      (findings) => ({ findings }),
      (error: unknown) => ({ error }),
    );
    const { durationMs, cpuTimeMs, memoryMb } = usage;
    const extras = { ...common, cpuTimeMs, memoryMb };
    await this.#log((logger) =>
      "findings" in result
        ? logger.logJobCompleted(id, worker, durationMs, { ...extras, details: result.findings })
        : logger.logJobFailed(id, worker, result.error, durationMs, { ...extras, retryCount })
    );
    await this.#log((logger) => logger.logJobWorkerReleased(id, worker, common));
    if ("findings" in result) this.#done();
    else await this.#retryOrGiveUp(job);
  }

  async #retryOrGiveUp(job: Job): Promise<void> {
    const extras = { queueName: job.queue, tags: this.#tags };
    if (job.retryCount === MAX_RETRIES) {
      await this.#log((logger) => logger.logJobMaxRetriesExceeded(job.id, job.retryCount, extras));
      this.#done();
      return;
    }
    job.retryCount++;
    const delayMs = RETRY_DELAY_MS * 2 ** (job.retryCount - 1);
    await this.#log((logger) =>
      logger.logJobRetryScheduled(job.id, job.retryCount, delayMs, extras)
    );
    const timer = setTimeout(() => {
      this.#delayed.delete(job);
      this.#waiting[job.queue].push(job);
      this.#wakeAll();
    }, delayMs);
    this.#delayed.set(job, timer);
  }

  async #cancelWaiting(): Promise<void> {
    for (const timer of this.#delayed.values()) clearTimeout(timer);
    const waiting = QUEUES.flatMap((queue) => this.#waiting[queue]);
    for (const { id, queue } of [...waiting, ...this.#delayed.keys()]) {
      const extras = { reason: "interrupted", queueName: queue, tags: this.#tags };
      await this.#log((logger) => logger.logJobCancelled(id, extras));
    }
  }

  /** Logs one event; waits while the logger's buffer is full. */
  async #log(event: (logger: JobEventLogger) => boolean): Promise<void> {
    const { logger } = this.#options;
    while (!event(logger) && logger.isFull) await logger.ready();
  }

  #done(): void {
    this.#open--;
    if (this.#open === 0) this.#wakeAll();
  }

  #change(): Promise<void> {
    return new Promise((resolve) => this.#idle.push(resolve));
  }

  #wakeAll(): void {
    for (const resolve of this.#idle.splice(0)) resolve();
  }
}
