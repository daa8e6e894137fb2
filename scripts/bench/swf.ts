/** Job traces in the Standard Workload Format, as events. */

import { readFileSync } from "node:fs";
import { gunzipSync } from "node:zlib";
import { JobEvent } from "../../src/gen/factories.ts";

/** Where a line has what, from 0. */
const FIELDS = { job: 0, submitted: 1, waited: 2, ran: 3, user: 11 } as const;
const START = /^;\s*UnixStartTime:\s*(\d+)/m;

/** One job of a trace; times are in seconds, unknown ones are 0. */
interface TracedJob {
  readonly id: string;
  readonly queue: string;
  readonly submitted: number;
  readonly waited: number;
  readonly ran: number;
}

/**
 * The events of a trace, in the order in which they happened: each user is a queue, and each job
 * takes the worker that is free for the longest time.
 *
 * @param path A file in the Standard Workload Format, maybe compressed with gzip.
 * @param workers How many workers there are at first; more come when all are busy.
 */
export function readTrace(path: string, workers: number): JobEvent[] {
  const bytes = readFileSync(path);
  const text = (bytes[0] === 0x1f && bytes[1] === 0x8b ? gunzipSync(bytes) : bytes).toString();
  const start = Number(START.exec(text)?.[1] ?? 0);
  const jobs = text.split("\n").filter((line) => /^\s*\d/.test(line)).map(toJob);
  const moments: (readonly [at: number, event: JobEvent])[] = [];
  /** Each with the time from which it is free. */
  const free = Array.from({ length: workers }, (_, index) => ({ name: `node-${index}`, from: 0 }));
  const byStart = jobs.toSorted((left, right) =>
    left.submitted + left.waited - right.submitted - right.waited
  );
  for (const { id, queue, submitted, waited, ran } of byStart) {
    const started = submitted + waited;
    const ended = started + ran;
    let worker = free.reduce((first, each) => each.from < first.from ? each : first);
    if (worker.from > started) {
      worker = { name: `node-${free.length}`, from: 0 };
      free.push(worker);
    }
    worker.from = ended;
    const at = (seconds: number) => ({ timestamp: start + seconds });
    moments.push(
      [submitted, JobEvent.enqueued(id, queue, at(submitted))],
      [started, JobEvent.dequeued(id, queue, worker.name, at(started))],
      [started, JobEvent.started(id, worker.name, "node", at(started))],
      [ended, JobEvent.completed(id, worker.name, ran * 1000, at(ended))],
      [ended, JobEvent.workerReleased(id, worker.name, at(ended))],
    );
  }
  // Sorting keeps the order of what happens at the same time.
  return moments.sort(([left], [right]) => left - right).map(([, event]) => event);
}

function toJob(line: string): TracedJob {
  const fields = line.trim().split(/\s+/).map(Number);
  const known = (field: keyof typeof FIELDS): number => Math.max(fields[FIELDS[field]] ?? 0, 0);
  return {
    id: `job-${known("job")}`,
    queue: `user-${known("user")}`,
    submitted: known("submitted"),
    waited: known("waited"),
    ran: known("ran"),
  };
}
