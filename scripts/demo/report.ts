/** What the demo prints at its end: read back from the storage, not remembered. */

import {
  type JobCounts,
  type JobEventStorage,
  JobMetrics,
  type JobMetricsSnapshot,
  type StoredJobEvent,
} from "../../mod.ts";
import { duration, table, timeOfDay, whole } from "./text.ts";

/** Prints the timeline of one job, with the time between its steps. */
export async function printTimeline(storage: JobEventStorage, jobId: string): Promise<boolean> {
  const events = await storage.getEvents(jobId);
  const first = events[0];
  if (first === undefined) return false;
  const file = events.find((event) => event.metadata?.["file"] !== undefined)?.metadata?.["file"];
  console.log(`Timeline of job ${jobId}${file === undefined ? "" : ` (${file})`}`);
  let last = first.timestamp;
  for (const event of events) {
    const gap = `+${duration((event.timestamp - last) * 1000)}`;
    last = event.timestamp;
    console.log(`  ${timeOfDay(event.timestamp)} ${gap.padStart(10)}  ${describe(event)}`);
  }
  return true;
}

function describe(event: StoredJobEvent): string {
  const error = event.errorType === undefined
    ? ""
    : `: ${event.errorType}: ${event.errorMessage?.split("\n")[0]}`;
  return `${event.eventType.padEnd(20)} ${event.message ?? ""}${error}`;
}

/** Folds the events of one run into numbers. */
export async function runMetrics(
  storage: JobEventStorage,
  run: string,
): Promise<JobMetricsSnapshot> {
  const metrics = new JobMetrics();
  for await (const event of storage.readEvents({ tags: { run } })) metrics.observe(event);
  return metrics.snapshot();
}

/** The id of the first job of a run that failed for good, else of one that failed at all. */
export async function findFailedJob(
  storage: JobEventStorage,
  run: string,
): Promise<string | undefined> {
  for (const eventType of ["max_retries_exceeded", "failed"] as const) {
    const [event] = await storage.listEvents({ eventType, tags: { run }, limit: 1 });
    if (event !== undefined) return event.jobId;
  }
  return undefined;
}

/** What is said after an interrupt; `lost` events could not be stored. */
export function interruption(lost: number): string {
  const rest = lost === 0 ? "every event is stored" : `${whole(lost)} events could not be stored`;
  return `Interrupted: jobs that waited were cancelled, and ${rest}.`;
}

/** Prints the tables of a run. */
export function printTables(metrics: JobMetricsSnapshot): void {
  console.log(groupTable("queue", metrics.byQueue));
  console.log();
  console.log(groupTable("worker", metrics.byWorker));
  console.log();
  const { durations, waitTimes } = metrics;
  console.log(table(["time", "p50", "p95", "p99", "max"], [
    ["in the queue", ...quantiles(waitTimes)],
    ["running", ...quantiles(durations)],
  ]));
}

function groupTable(name: string, groups: Readonly<Record<string, JobCounts>>): string {
  const head = [name, "started", "completed", "failed", "retries", "p50", "p95", "p99", "max"];
  const rows = Object.entries(groups).sort(([a], [b]) => a < b ? -1 : 1).map(([key, group]) => [
    key,
    whole(group.started),
    whole(group.completed),
    whole(group.failed),
    whole(group.retries),
    ...quantiles(group.durations),
  ]);
  return table(head, rows);
}

function quantiles(values: JobCounts["durations"]): string[] {
  return [values.p50Ms, values.p95Ms, values.p99Ms, values.maxMs].map(duration);
}
