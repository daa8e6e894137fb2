/** Sends requests to a function, and looks at what it has stored. */

import type { JobEventSource } from "../../src/storage/storage.ts";
import type { RunningWorker } from "./worker.ts";

/** What is sent. */
export interface Load {
  readonly requests: number;
  /** So many at a time. @default 8 */
  readonly concurrency?: number;
  /** What the ids of the jobs begin with. */
  readonly prefix: string;
  /** Whether the answer of every second request is not to wait for the events. @default false */
  readonly respondAsync?: boolean;
}

/** Posts a job and gives the status of the answer. */
export async function post(
  { url }: RunningWorker,
  jobId: string,
  respondAsync = false,
): Promise<number> {
  const response = await fetch(new URL(`/jobs/${jobId}`, url), {
    method: "POST",
    headers: respondAsync ? { Prefer: "respond-async" } : {},
  });
  await response.body?.cancel();
  return response.status;
}

/**
 * Posts many jobs.
 *
 * @returns How often each status came.
 */
export async function postMany(
  worker: RunningWorker,
  { requests, concurrency = 8, prefix, respondAsync = false }: Load,
): Promise<Record<number, number>> {
  const statuses: Record<number, number> = {};
  let next = 0;
  const send = async (): Promise<void> => {
    while (next < requests) {
      const number = next++;
      const status = await post(worker, `${prefix}-${number}`, respondAsync && number % 2 === 1);
      statuses[status] = (statuses[status] ?? 0) + 1;
    }
  };
  await Promise.all(Array.from({ length: concurrency }, send));
  return statuses;
}

/**
 * What is wrong with the stored events of a load: each job has started and completed, once each and
 * in this order. Waits for those whose answers did not.
 */
export async function findFaults(
  source: JobEventSource,
  { requests, prefix }: Load,
  timeoutMs = 10_000,
): Promise<string[]> {
  const deadline = Date.now() + timeoutMs;
  for (;;) {
    const lives = await readLives(source, `${prefix}-`);
    const isComplete = [...lives.values()].flat().length >= requests * 2;
    const faults = Array.from({ length: requests }, (_, number) => `${prefix}-${number}`)
      .map((jobId) => ({ jobId, life: lives.get(jobId)?.join(", ") ?? "nothing" }))
      .filter(({ life }) => life !== "started, completed");
    if (isComplete || Date.now() > deadline) {
      return faults.map(({ jobId, life }) => `${jobId}: ${life}`);
    }
  }
}

/** The types of each job's events. */
async function readLives(source: JobEventSource, prefix: string): Promise<Map<string, string[]>> {
  const lives = new Map<string, string[]>();
  for await (const { jobId, eventType } of source.readEvents()) {
    if (!jobId.startsWith(prefix)) continue;
    const life = lives.get(jobId);
    if (life === undefined) lives.set(jobId, [eventType]);
    else life.push(eventType);
  }
  return lives;
}
