/** `naq-events workers`. */

import type { JobEvent } from "../../gen/types.ts";
import type { CommandContext } from "../context.ts";
import { readRecent } from "../read_window.ts";
import { right, table } from "../table.ts";
import { dateTime, duration, shown, whole } from "../text.ts";
import type { WorkerJson } from "../types.ts";

/** So many jobs of a worker are named. */
const MAX_JOBS = 100;

interface Seen {
  workerType: string | undefined;
  lastSeen: number;
  readonly jobs: Set<string>;
  completed: number;
  failed: number;
}

/** Shows the workers. */
export async function workers(
  context: CommandContext,
  options: { readonly since?: Date | "all"; readonly stale: number },
): Promise<void> {
  const storage = await context.open("read");
  const book = new WorkerBook();
  for await (const event of readRecent(context, storage, options)) book.observe(event);
  const found = [...book.workers].map(([workerId, worker]) => toJson(workerId, worker))
    .sort((a, b) => b.lastSeen - a.lastSeen || (a.workerId < b.workerId ? -1 : 1));
  await context.printList(found, () => text(context, found, options.stale));
}

/** What the events say of workers. */
class WorkerBook {
  readonly workers = new Map<string, Seen>();
  /** On which worker a job runs: what ends it, such as `cancelled`, may not say so. */
  readonly #running = new Map<string, Seen>();

  observe(event: JobEvent): void {
    const { jobId, eventType } = event;
    const worker = event.workerId === undefined ? undefined : this.#seen(event.workerId, event);
    switch (eventType) {
      case "started":
      case "retry_started":
        this.#end(jobId);
        if (worker === undefined) return;
        worker.jobs.add(jobId);
        this.#running.set(jobId, worker);
        return;
      case "completed":
        if (worker !== undefined) worker.completed++;
        return this.#end(jobId);
      case "failed":
      case "timeout":
        if (worker !== undefined) worker.failed++;
        return this.#end(jobId);
      case "cancelled":
      case "worker_released":
      case "max_retries_exceeded":
        return this.#end(jobId);
    }
  }

  #seen(workerId: string, { workerType, timestamp }: JobEvent): Seen {
    let worker = this.workers.get(workerId);
    if (worker === undefined) {
      worker = { workerType, lastSeen: timestamp, jobs: new Set(), completed: 0, failed: 0 };
      this.workers.set(workerId, worker);
    }
    worker.workerType = workerType ?? worker.workerType;
    worker.lastSeen = Math.max(worker.lastSeen, timestamp);
    return worker;
  }

  #end(jobId: string): void {
    this.#running.get(jobId)?.jobs.delete(jobId);
    this.#running.delete(jobId);
  }
}

function toJson(workerId: string, worker: Seen): WorkerJson {
  const { workerType, lastSeen, jobs, completed, failed } = worker;
  return {
    workerId,
    ...(workerType === undefined ? {} : { workerType }),
    state: jobs.size > 0 ? "busy" : "idle",
    jobs: [...jobs].slice(0, MAX_JOBS),
    lastSeen,
    completed,
    failed,
  };
}

function text(context: CommandContext, found: readonly WorkerJson[], staleMs: number): string {
  if (found.length === 0) return "No workers in this window; --since 7d looks further back";
  const head = ["worker", "type", "state", "last seen (UTC)", right("ago"), "runs"];
  const numbers = ["completed", "failed"].map(right);
  const now = Date.now();
  const rows = found.map((worker) => {
    const agoMs = Math.max(now - worker.lastSeen * 1000, 0);
    const [job = "", ...more] = worker.jobs;
    const others = more.length === 0 ? "" : ` and ${more.length} more`;
    return [
      shown(worker.workerId),
      shown(worker.workerType ?? ""),
      stateOf(context, worker, agoMs > staleMs),
      dateTime(worker.lastSeen),
      duration(agoMs),
      shown(job) + others,
      whole(worker.completed),
      worker.failed > 0 ? context.paint("red", whole(worker.failed)) : "0",
    ];
  });
  return table(context, [...head, ...numbers], rows);
}

function stateOf(context: CommandContext, { state }: WorkerJson, isStale: boolean): string {
  if (state === "idle") return state;
  // It may have died: a run that nobody ended.
  return isStale ? context.paint("yellow", "busy?") : context.paint("green", state);
}
