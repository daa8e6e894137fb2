/** Streams full of jobs, for the benches that read. */

import { encodeJobEvent } from "../../src/event/encode.ts";
import { JobEvent } from "../../src/gen/factories.ts";
import type { JobEventStorage } from "../../src/storage/storage.ts";

/** How many events {@linkcode eventsOfJob} gives. */
export const EVENTS_OF_A_JOB = 10;
/** How many jobs are under way at the same time. */
export const JOBS_UNDER_WAY = 1000;
/** How many workers there are. */
export const WORKERS = 10;

/** The events of a job that fails once and is tried again on the same worker. */
export function eventsOfJob(jobId: string, worker: string): JobEvent[] {
  const error = { name: "Error", message: "connection refused" };
  return [
    JobEvent.enqueued(jobId, "mail"),
    JobEvent.dequeued(jobId, "mail", worker),
    JobEvent.workerAssigned(jobId, worker),
    JobEvent.started(jobId, worker, "async"),
    JobEvent.failed(jobId, worker, error, 12.5),
    JobEvent.retryScheduled(jobId, 1, 1000),
    JobEvent.retryStarted(jobId, worker, 1),
    JobEvent.started(jobId, worker, "async"),
    JobEvent.completed(jobId, worker, 12.5),
    JobEvent.workerReleased(jobId, worker),
  ];
}

/** The id of a job of {@linkcode fillWithJobs}. */
export function jobId(index: number): string {
  return `0f8fad5b-d9cb-469f-a165-${index.toString(16).padStart(12, "0")}`;
}

/**
 * Stores the events of so many jobs, of which {@linkcode JOBS_UNDER_WAY} run at a time.
 *
 * @param from How many are stored already. @default 0
 */
export async function fillWithJobs(
  storage: JobEventStorage,
  jobs: number,
  from = 0,
): Promise<void> {
  let id = from * EVENTS_OF_A_JOB;
  for (let start = from; start < jobs; start += JOBS_UNDER_WAY) {
    const size = Math.min(JOBS_UNDER_WAY, jobs - start);
    const lives = Array.from(
      { length: size },
      (_, at) => eventsOfJob(jobId(start + at), `worker-${at % WORKERS}`),
    );
    for (let step = 0; step < EVENTS_OF_A_JOB; step++) {
      const records = lives.map((events) => {
        const event = events[step]!;
        const subject = storage.subjects.forEvent(event);
        return { eventId: `fill-${++id}`, subject, payload: encodeJobEvent(event) };
      });
      const outcomes = await storage.append(records);
      const failed = outcomes.find(({ status }) => status !== "stored");
      if (failed !== undefined) throw new Error(`An event was not stored: ${failed.status}`);
    }
  }
}
