/** The demo's jobs: tasks of a backend, which a pool of workers executes. */

import type { TaskBackend } from "../../src/backend/mod.ts";
import type { TaskInput } from "../../src/queue/mod.ts";
import { type TaskHandlers, Worker } from "../../src/worker/mod.ts";
import type { FoundFile } from "./find_files.ts";
import { QUEUES, queuesFor, type Usage, work } from "./work.ts";

const MAX_RETRIES = 2;
const RETRY_DELAY_MS = 40;
/** So many are enqueued at once, and their events stored before the next. */
const BATCH = 500;

/** Options of {@linkcode runJobs}. */
export interface JobOptions {
  readonly files: readonly FoundFile[];
  readonly backend: TaskBackend;
  /** The name of this run: part of every job's id, and a tag of every event. */
  readonly run: string;
  readonly workers: number;
  /** Ends the run: what runs is finished, what waits is cancelled. */
  readonly signal: AbortSignal;
}

/** The functions that tasks call: one for each queue. */
const HANDLERS: TaskHandlers = Object.fromEntries(
  QUEUES.map((queue) => [queue, async (args, { report }) => {
    const usage: Usage = { durationMs: 0, cpuTimeMs: 0, memoryMb: 0 };
    try {
      const findings = await work(queue, args as unknown as FoundFile, usage);
      report({ details: findings });
      return findings;
    } finally {
      report({ cpuTimeMs: usage.cpuTimeMs, memoryMb: usage.memoryMb });
    }
  }]),
);

/** Runs the jobs of all files. Gives how many there were. */
export async function runJobs(options: JobOptions): Promise<number> {
  const { backend, signal } = options;
  const tasks = jobsOf(options);
  const ids = tasks.map(({ id }) => id);
  for (let start = 0; start < tasks.length; start += BATCH) {
    await backend.enqueueMany(tasks.slice(start, start + BATCH));
    await backend.logger?.flush();
  }
  const workers = startWorkers(options);
  try {
    await Promise.all(ids.map((id) => backend.waitForResult(id, { signal })));
  } catch (error) {
    if (!signal.aborted) throw error;
  } finally {
    await Promise.all(workers.map((worker) => worker.stop({ graceMs: Infinity })));
  }
  if (signal.aborted) await cancelRest(backend, ids);
  return ids.length;
}

function jobsOf({ files, run }: JobOptions): (TaskInput & { readonly id: string })[] {
  let count = 0;
  return files.flatMap((file) =>
    queuesFor(file).map((queue) => ({
      id: `${run}-${queue}-${++count}`,
      queue,
      functionName: queue,
      args: { ...file },
      maxRetries: MAX_RETRIES,
      retryDelayMs: RETRY_DELAY_MS,
      tags: { run },
      metadata: { file: file.name, size: file.size },
    }))
  );
}

function startWorkers({ backend, workers }: JobOptions): Worker[] {
  return Array.from({ length: workers }, (_, index) => {
    // Each worker begins with another queue, so that all queues move.
    const turn = index % QUEUES.length;
    const queues = [...QUEUES.slice(turn), ...QUEUES.slice(0, turn)];
    const workerId = `worker-${index + 1}`;
    const worker = new Worker(backend, HANDLERS, { workerId, queues, concurrency: 1 });
    worker.start();
    return worker;
  });
}

async function cancelRest(backend: TaskBackend, ids: readonly string[]): Promise<void> {
  const done = await backend.results.getMany(ids);
  for (const id of ids) {
    if (!done.has(id)) await backend.cancel(id, { reason: "interrupted" });
  }
}
