/** `deno task demo`: real jobs on real files, and what their events tell. */

import { existsSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import process from "node:process";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { isJobEventError, JobEventProcessor, type JobEventStorage } from "../mod.ts";
import { openBackend } from "../src/backend/mod.ts";
import { openStorage } from "../src/open.ts";
import { DirectoryError, findFiles, type FoundFile } from "./demo/find_files.ts";
import { runJobs } from "./demo/jobs.ts";
import { showProgress } from "./demo/progress.ts";
import {
  findFailedJob,
  interruption,
  printTables,
  printTimeline,
  runMetrics,
} from "./demo/report.ts";
import { duration, whole } from "./demo/text.ts";

const DEFAULT_STORAGE = `sqlite:${join(tmpdir(), "naq-events-demo.sqlite")}`;

const HELP = `Runs jobs on the files of a directory and shows what their events tell.

Every file gets a job in the queues "checksum" and "compress", and one in "parse" if it claims to be
JSON. A pool of workers runs them, with retries; each step of each job is stored as an event.

Usage: deno task demo [directory] [--tasks URL] [--storage URL] [--workers N]
       deno task demo --job ID [--storage URL]

  directory      whose files                      (default: this project)
  --tasks URL    where tasks wait and results are kept: "nats://HOST" or "memory:"
                 (default: memory:)
  --storage URL  where the events go: "sqlite:FILE", "nats://HOST" or "memory:"
                 (default: ${DEFAULT_STORAGE})
  --workers N    jobs that run at the same time   (default: 4)
  --job ID       show the timeline of a job of an earlier run instead
  --help         this text
`;

class UsageError extends Error {}

interface Settings {
  readonly directory: string;
  readonly tasks: string;
  readonly storage: string;
  readonly workers: number;
  readonly job: string | undefined;
}

function settings(): Settings | undefined {
  const { values, positionals } = parseArgs({
    allowPositionals: true,
    options: {
      tasks: { type: "string", default: "memory:" },
      storage: { type: "string", default: DEFAULT_STORAGE },
      workers: { type: "string", default: "4" },
      job: { type: "string" },
      help: { type: "boolean", default: false },
    },
  });
  if (values.help) return undefined;
  if (positionals.length > 1) throw new UsageError(`One directory, not ${positionals.join(", ")}`);
  const workers = Number(values.workers);
  if (!Number.isInteger(workers) || workers < 1 || workers > 256) {
    throw new UsageError(`--workers is "${values.workers}", expected a whole number from 1 to 256`);
  }
  // A task runs in the project's directory; a relative path is meant from where it was called.
  const from = process.env["INIT_CWD"] ?? process.cwd();
  const project = fileURLToPath(new URL("../", import.meta.url));
  const directory = positionals[0] === undefined ? project : resolve(from, positionals[0]);
  const { tasks, storage, job } = values;
  return { directory, tasks, storage, workers, job };
}

async function main(): Promise<number> {
  const given = settings();
  if (given === undefined) {
    console.log(HELP);
    return 0;
  }
  if (given.job !== undefined) return await showJob(given.storage, given.job);
  const files = await findFiles(given.directory, (line) => console.error(line));
  await using storage = await openStorage(given.storage);
  return await runDemo(given, files, storage);
}

async function showJob(url: string, jobId: string): Promise<number> {
  // Opening a file makes it, and there is nothing to show in a new one.
  const path = /^sqlite:(?!:memory:)(.+)$/s.exec(url)?.[1];
  if (path !== undefined && !existsSync(path)) {
    console.error(`There is no file ${path}`);
    return 1;
  }
  await using storage = await openStorage(url);
  if (await printTimeline(storage, jobId)) return 0;
  console.error(`There are no events of job ${jobId} in ${url}`);
  return 1;
}

async function runDemo(
  given: Settings,
  files: readonly FoundFile[],
  storage: JobEventStorage,
): Promise<number> {
  // The events wait for their storage, however long it takes: none is dropped.
  const logger = { flushIntervalMs: 50, maxBufferSize: 1_000_000 };
  await using backend = await openBackend({ tasks: given.tasks, events: storage }, { logger });
  const run = `run-${Date.now().toString(36)}`;
  const interrupt = new AbortController();
  const onSignal = () => interrupt.abort();
  process.on("SIGINT", onSignal);
  process.on("SIGTERM", onSignal);
  console.log(`${whole(files.length)} files below ${given.directory}, ${given.workers} workers`);
  const begin = performance.now();
  const processor = new JobEventProcessor(storage);
  const progress = showProgress(processor, run);
  await processor.start();
  const { signal } = interrupt;
  const jobs = await runJobs({ files, backend, run, workers: given.workers, signal });
  const report = await backend.logger!.stop();
  const elapsedMs = performance.now() - begin;
  await progress.end(report.stored);
  await processor.stop();
  process.off("SIGINT", onSignal);
  process.off("SIGTERM", onSignal);
  const lost = report.undelivered + report.dropped;
  if (lost > 0) console.error(`${whole(lost)} events could not be stored`);
  await printReport(given, storage, { run, jobs, elapsedMs, stored: report.stored });
  if (!signal.aborted) return lost > 0 ? 1 : 0;
  console.log(`\n${interruption(lost)}`);
  return 130;
}

async function printReport(
  given: Settings,
  storage: JobEventStorage,
  { run, jobs, elapsedMs, stored }: {
    readonly run: string;
    readonly jobs: number;
    readonly elapsedMs: number;
    readonly stored: number;
  },
): Promise<void> {
  const failedJob = await findFailedJob(storage, run);
  console.log();
  if (failedJob === undefined) console.log("No job failed.");
  else await printTimeline(storage, failedJob);
  console.log();
  const metrics = await runMetrics(storage, run);
  printTables(metrics);
  console.log();
  console.log(
    `${whole(jobs)} jobs, ${whole(metrics.events)} events in ${duration(elapsedMs)}: ` +
      `${whole(stored / elapsedMs * 1000)} events/s`,
  );
  console.log(`${whole(await storage.countEvents())} events in ${given.storage}`);
  if (given.storage === "memory:") return;
  const job = failedJob ?? `${run}-checksum-1`;
  const storageFlag = given.storage === DEFAULT_STORAGE ? "" : ` --storage ${given.storage}`;
  console.log(`More of any job: deno task demo --job ${job}${storageFlag}`);
  console.log(`On the command line: deno task cli history ${job} --storage ${given.storage}`);
  console.log(`In a browser: deno task cli dashboard --storage ${given.storage}`);
}

try {
  process.exitCode = await main();
} catch (error) {
  const { code, message } = error as { code?: string; message: string };
  const isUsage = error instanceof UsageError || code?.startsWith("ERR_PARSE_ARGS") === true;
  if (!isUsage && !isJobEventError(error) && !(error instanceof DirectoryError)) throw error;
  console.error(message);
  if (isUsage) console.error("See `deno task demo --help`.");
  process.exitCode = isUsage ? 2 : 1;
}
