/**
 * An analytics dashboard in the terminal: numbers folded from all events that are stored, and from
 * those that come while it runs.
 *
 *   deno run -A examples/analytics_dashboard.ts --help      (or: node, bun)
 */

import process from "node:process";
import { parseArgs } from "node:util";
import {
  type DurationSummary,
  type JobCounts,
  JobEventLogger,
  type JobEventStorage,
  JobMetrics,
} from "@naq/events";
import { openStorage } from "@naq/events/open";
import { runJobs } from "./jobs.ts";

const HELP = `Shows numbers of jobs: counts, durations, rates, by queue and by worker.

Usage: analytics_dashboard.ts [--storage URL] [--jobs N] [--prometheus]

  --storage URL  "memory:", "sqlite:FILE" or "nats://HOST"         (default: memory:)
  --jobs N       run so many jobs, and end; 0: show what others
                 run, until Ctrl-C                                 (default: 60)
  --prometheus   at the end, print the numbers for Prometheus
`;

const RUN = `board-${Date.now().toString(36)}`;
const isTerminal = process.stdout.isTTY === true;

const times = ({ p50Ms, p95Ms, p99Ms }: DurationSummary) =>
  [p50Ms, p95Ms, p99Ms].map((ms) => ms.toFixed(1).padStart(9)).join("");

function table(name: string, groups: Readonly<Record<string, JobCounts>>): string[] {
  const head = `${name.padEnd(12)}  started  running     done   failed  retries      p50      p95` +
    "      p99 ms";
  const rows = Object.entries(groups).sort(([a], [b]) => a < b ? -1 : 1).map(([key, group]) => {
    const { started, inFlight, completed, failed, retries } = group;
    const counts = [started, inFlight, completed, failed, retries];
    return key.padEnd(12) + counts.map((count) => `${count}`.padStart(9)).join("") +
      times(group.durations);
  });
  return ["", head, ...rows];
}

function board(metrics: JobMetrics): string {
  const now = Date.now() / 1000;
  const { events, byQueue, byWorker, byErrorType, ...all } = metrics.snapshot({ now });
  const { oneMinute, fiveMinutes, fifteenMinutes } = all.rates;
  const rates = [oneMinute, fiveMinutes, fifteenMinutes].map((rate) => rate.toFixed(1)).join(", ");
  const seconds = (all.durations.sumMs / 1000).toFixed(2);
  return [
    `${events} events; a second, over 1, 5 and 15 minutes: ${rates}`,
    `Jobs: ${all.started} started, ${all.completed} completed, ${all.failed} failed, ` +
    `${all.inFlight} running, ${seconds} s of work`,
    `Waited (p50, p95, p99 ms):${times(all.waitTimes)}`,
    ...table("queue", byQueue),
    ...table("worker", byWorker),
    "",
    `Errors: ${
      Object.entries(byErrorType).map(([name, n]) => `${name} ${n}`).join(", ") || "none"
    }`,
  ].join("\n");
}

/** Folds everything that is stored, then everything that comes, until the stream is ended. */
async function fold(storage: JobEventStorage, metrics: JobMetrics, end: AbortSignal) {
  for await (const event of storage.streamEvents({ from: "all", signal: end })) {
    metrics.observe(event);
  }
}

async function main(url: string, jobs: number, signal: AbortSignal): Promise<JobMetrics> {
  await using storage = await openStorage(url);
  const metrics = new JobMetrics();
  const end = new AbortController();
  const folding = fold(storage, metrics, end.signal);
  // On a terminal the board stays in its place; elsewhere it is printed once, at the end.
  const draw = () => console.log(`\x1b[2J\x1b[H${board(metrics)}`);
  const timer = setInterval(() => isTerminal && draw(), 200);
  if (jobs === 0) {
    while (!signal.aborted) await new Promise((next) => setTimeout(next, 50));
  } else {
    await using logger = new JobEventLogger(storage, { flushIntervalMs: 20 });
    await runJobs(logger, RUN, jobs, signal);
    await logger.flush();
  }
  // The stream is a moment behind what is stored.
  const stored = await storage.countEvents();
  const deadline = Date.now() + 5000;
  while (metrics.snapshot().events < stored && Date.now() < deadline) {
    await new Promise((next) => setTimeout(next, 10));
  }
  clearInterval(timer);
  end.abort();
  await folding;
  console.log(`${isTerminal ? "\x1b[2J\x1b[H" : ""}${board(metrics)}`);
  return metrics;
}

const interrupt = new AbortController();
process.once("SIGINT", () => interrupt.abort());
try {
  const { values } = parseArgs({
    options: {
      storage: { type: "string", default: "memory:" },
      jobs: { type: "string", default: "60" },
      prometheus: { type: "boolean", default: false },
      help: { type: "boolean", default: false },
    },
  });
  const jobs = Number(values.jobs);
  if (!(jobs >= 0)) throw new RangeError("--jobs takes a number");
  if (values.help) console.log(HELP);
  else {
    const metrics = await main(values.storage, jobs, interrupt.signal);
    if (values.prometheus) console.log(`\n${metrics.toPrometheus()}`);
  }
  if (interrupt.signal.aborted) process.exitCode = 130;
} catch (error) {
  console.error((error as Error).message);
  process.exitCode = 1;
}
