/**
 * What does it cost to count an event, and how much memory do the numbers of a million jobs take?
 *
 * Method: the events of jobs that are enqueued, started and completed, or failed and retried, made
 * beforehand and shown in turn. The peer is the least that has to be done: one counter for each
 * type. For the memory a million jobs go by, on 2,000 queues and 5,000 workers, with an error type
 * for each failure, and with one job of five that never ends, so that every bound is reached; the
 * heap is read after a collection, before the first job, when the bounds are full, and at the end.
 */

import process from "node:process";
import { JobEvent } from "../../src/gen/factories.ts";
import { JobMetrics } from "../../src/metrics/metrics.ts";
import { collect, mebibytes } from "./heap.ts";
import { bench, timed } from "./timing.ts";

const JOBS = 1_000_000;
const FULL = 600_000;
const QUEUES = 2000;
const WORKERS = 5000;

/** The events of one job: three, two where it never ends, or six where its first run fails. */
function eventsOf(job: number): JobEvent[] {
  const id = `0f8fad5b-d9cb-469f-a165-${String(job).padStart(12, "0")}`;
  const worker = `worker-${job * 7 % WORKERS}`;
  const at = (seconds: number) => ({ timestamp: 1.7e9 + job / 100 + seconds });
  const enqueued = JobEvent.enqueued(id, `queue-${job * 3 % QUEUES}`, at(0));
  const started = JobEvent.started(id, worker, "async", at(0.5));
  const completed = JobEvent.completed(id, worker, 1 + job * 31 % 5000, at(3));
  if (job % 5 === 1) return [enqueued, started];
  if (job % 10 !== 0) return [enqueued, started, completed];
  const error = { name: `Error${job}`, message: "no" };
  return [
    enqueued,
    started,
    JobEvent.failed(id, worker, error, 12.5, at(1)),
    JobEvent.retryScheduled(id, 1, 1000, at(1)),
    JobEvent.retryStarted(id, worker, 1, at(2)),
    completed,
  ];
}

function memory(): readonly string[] {
  const heap = (): number => {
    collect();
    return process.memoryUsage().heapUsed;
  };
  const before = heap();
  const metrics = new JobMetrics();
  let full = 0;
  for (let job = 0; job < JOBS; job++) {
    if (job === FULL) full = heap();
    for (const event of eventsOf(job)) metrics.observe(event);
  }
  const after = heap();
  const { events, inFlight } = metrics.snapshot();
  const started = performance.now();
  const size = metrics.toPrometheus().length;
  const printedMs = performance.now() - started;
  return [
    `heap: ${mebibytes(full - before)} after ${FULL.toLocaleString("en")} jobs, ` +
    `${mebibytes(after - before)} after ${JOBS.toLocaleString("en")} ` +
    `(${events.toLocaleString("en")} events, ${inFlight.toLocaleString("en")} in flight)`,
    `toPrometheus(): ${mebibytes(size)} in ${printedMs.toFixed(0)} ms`,
  ];
}

const events = Array.from({ length: 2000 }, (_, job) => eventsOf(job)).flat();
const metrics = new JobMetrics();
const counts = new Map<string, number>();

await bench({
  title: "Count an event",
  contenders: [
    {
      name: "JobMetrics.observe",
      round: timed((count) => {
        for (let index = 0; index < count; index++) metrics.observe(events[index % events.length]!);
        return metrics;
      }),
    },
    {
      name: "one counter for each type",
      round: timed((count) => {
        for (let index = 0; index < count; index++) {
          const { eventType } = events[index % events.length]!;
          counts.set(eventType, (counts.get(eventType) ?? 0) + 1);
        }
        return counts;
      }),
    },
  ],
  notes: () => Promise.resolve(memory()),
});
