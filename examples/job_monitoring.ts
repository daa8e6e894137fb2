/**
 * Real-time job monitoring: every event as it is stored, alarms, and one job followed step by step.
 * With a storage that processes share, one of them can run the jobs and another one watch.
 *
 *   deno run -A examples/job_monitoring.ts --help      (or: node, bun)
 */

import process from "node:process";
import { parseArgs } from "node:util";
import { JobEventLogger, JobEventProcessor, type StoredJobEvent } from "@naq/events";
import { openStorage } from "@naq/events/open";
import { runJobs } from "./jobs.ts";

const HELP = `Shows the events of jobs as they happen.

Usage: job_monitoring.ts [--storage URL] [--jobs N] [--slow MS]

  --storage URL  "memory:", "sqlite:FILE" or "nats://HOST"          (default: memory:)
  --jobs N       run so many jobs; 0: watch what others run, until
                 Ctrl-C                                             (default: 12)
  --slow MS      an alarm for jobs that took longer                 (default: 100)
`;

const RUN = `watch-${Date.now().toString(36)}`;

function line({ timestamp, jobId, eventType, workerId, queueName }: StoredJobEvent): string {
  const time = new Date(timestamp * 1000).toISOString().slice(11, 23);
  return `${time} ${jobId.padEnd(20)} ${eventType.padEnd(20)} ${workerId ?? queueName ?? ""}`;
}

function watch(processor: JobEventProcessor, slowMs: number): void {
  processor.onAny((event) => console.log(line(event)));
  processor.on(["failed", "timeout"], ({ jobId, errorType, errorMessage }) => {
    console.log(`ALARM ${jobId} failed: ${errorType}: ${errorMessage}`);
  });
  processor.on("completed", ({ jobId, durationMs = 0 }) => {
    if (durationMs > slowMs) console.log(`ALARM ${jobId} took ${durationMs.toFixed(0)} ms`);
  });
}

async function main(url: string, jobs: number, slowMs: number, signal: AbortSignal) {
  await using storage = await openStorage(url);
  await using processor = new JobEventProcessor(storage);
  watch(processor, slowMs);
  // Nothing that is stored from here on is missed.
  await processor.start();
  if (jobs === 0) {
    console.log("Watching; Ctrl-C ends it");
    while (!signal.aborted) await new Promise((next) => setTimeout(next, 50));
    return;
  }
  const steps: string[] = [];
  const stop = processor.monitorJob(`${RUN}-1`, (event) => void steps.push(event.eventType));
  await using logger = new JobEventLogger(storage, { flushIntervalMs: 20 });
  await runJobs(logger, RUN, jobs, signal);
  await logger.flush();
  if (signal.aborted) return;
  const ends = ["completed", "max_retries_exceeded"] as const;
  const ended = await Promise.all(
    Array.from(
      { length: jobs },
      (_, job) => processor.waitForJobEvent(`${RUN}-${job + 1}`, ends, { timeoutMs: 5000, signal }),
    ),
  );
  const failed = ended.filter((event) => event?.eventType !== "completed");
  stop();
  // Shows what is left to be shown.
  await processor.stop();
  console.log(`${jobs} jobs, ${failed.length} failed for good`);
  console.log(`The steps of ${RUN}-1: ${steps.join(", ")}`);
}

const interrupt = new AbortController();
process.once("SIGINT", () => interrupt.abort());
try {
  const { values } = parseArgs({
    options: {
      storage: { type: "string", default: "memory:" },
      jobs: { type: "string", default: "12" },
      slow: { type: "string", default: "100" },
      help: { type: "boolean", default: false },
    },
  });
  const [jobs, slowMs] = [Number(values.jobs), Number(values.slow)];
  if (!(jobs >= 0 && slowMs >= 0)) throw new RangeError("--jobs and --slow take numbers");
  if (values.help) console.log(HELP);
  else await main(values.storage, jobs, slowMs, interrupt.signal);
  if (interrupt.signal.aborted) process.exitCode = 130;
} catch (error) {
  if (interrupt.signal.aborted) process.exitCode = 130;
  else {
    console.error((error as Error).message);
    process.exitCode = 1;
  }
}
