/**
 * Complete usage: jobs on real files, whose every step is logged, handled by a group of processors,
 * waited for and read back.
 *
 *   deno run -A examples/complete_usage.ts --help      (or: node, bun)
 */

import { createHash, randomBytes } from "node:crypto";
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import process from "node:process";
import { parseArgs } from "node:util";
import { gzipSync } from "node:zlib";
import { JobEventLogger, JobEventProcessor, type JobEventStorage } from "@naq/events";
import { openStorage } from "@naq/events/open";

const HELP = `Runs jobs on a few files, and shows what their events are good for.

Usage: complete_usage.ts [--storage URL]

  --storage URL  "memory:", "sqlite:FILE" or "nats://HOST"  (default: memory:)
`;

const WORKER = "worker-1";
const RUN = `usage-${Date.now().toString(36)}`;

/** The work: how large is a file, and how well can it be compressed? Every outcome is logged. */
async function runJob(logger: JobEventLogger, jobId: string, path: string, retryCount: number) {
  const begin = performance.now();
  const options = { queueName: "compress", retryCount };
  try {
    const bytes = await readFile(path);
    const sha256 = createHash("sha256").update(bytes).digest("hex");
    const details = { sha256, bytes: bytes.length, compressed: gzipSync(bytes).length };
    logger.logJobCompleted(jobId, WORKER, performance.now() - begin, { ...options, details });
    return true;
  } catch (error) {
    logger.logJobFailed(jobId, WORKER, error, performance.now() - begin, options);
    return false;
  }
}

/** Runs a job from the queue to its end, with one retry. Logging returns at once, each time. */
async function runWithRetry(logger: JobEventLogger, jobId: string, path: string): Promise<void> {
  logger.logJobStarted(jobId, WORKER, "async", { queueName: "compress" });
  if (await runJob(logger, jobId, path, 0)) return;
  logger.logJobRetryScheduled(jobId, 1, 50);
  await new Promise((resolve) => setTimeout(resolve, 50));
  logger.logJobRetryStarted(jobId, WORKER, 1);
  if (!await runJob(logger, jobId, path, 1)) logger.logJobMaxRetriesExceeded(jobId, 1);
}

/** A group of processors: each event goes to one of them, and is delivered again if it fails. */
async function startBilling(storage: JobEventStorage): Promise<JobEventProcessor> {
  const billing = new JobEventProcessor(storage, {
    consumerName: "billing",
    from: "new",
    maxDeliver: 2,
    backoffMs: 20,
    onError: (error) => console.log(`  billing failed: ${error}`),
    onDeadLetter: ({ jobId }) => console.log(`  billing gave up on ${jobId}`),
  });
  billing.on("completed", ({ jobId, details }) => {
    if (details?.["bytes"] === 0) throw new RangeError("an empty file cannot be billed");
    console.log(`  billed ${jobId}: ${details?.["bytes"]} bytes`);
  });
  billing.on("failed", (event) => console.log(`  ${event.jobId} failed: ${event.errorMessage}`));
  await billing.start();
  return billing;
}

/** What was stored, read back. */
async function report(
  storage: JobEventStorage,
  billing: JobEventProcessor,
  signal: AbortSignal,
): Promise<void> {
  console.log("The history of the job that failed:");
  for (const { timestamp, eventType, message } of await storage.getEvents(`${RUN}-missing.txt`)) {
    const time = new Date(timestamp * 1000).toISOString().slice(11, 23);
    console.log(`  ${time} ${eventType.padEnd(20)} ${message}`);
  }
  const completed = await storage.countEvents({ eventType: "completed", queueName: "compress" });
  console.log(`${completed} jobs were completed in the queue "compress", in all runs so far`);
  const empty = { jobId: `${RUN}-empty.txt` };
  let letters = await billing.deadLetters.list(empty);
  while (letters.length === 0 && !signal.aborted) {
    await new Promise((next) => setTimeout(next, 10));
    letters = await billing.deadLetters.list(empty);
  }
  for (const { event, reason } of letters) console.log(`Dead letter: ${event?.jobId}: ${reason}`);
  // Or, once the cause is mended: billing.deadLetters.replay(empty)
  console.log(`${await billing.deadLetters.purge(empty)} dead letters purged`);
}

async function main(url: string, signal: AbortSignal): Promise<void> {
  const directory = await mkdtemp(join(tmpdir(), "naq-events-usage-"));
  await writeFile(join(directory, "report.txt"), "All is well.\n".repeat(10_000));
  await writeFile(join(directory, "noise.bin"), randomBytes(100_000));
  await writeFile(join(directory, "empty.txt"), "");
  const files = ["report.txt", "missing.txt", "empty.txt", "noise.bin"];
  try {
    await using storage = await openStorage(url);
    await using billing = await startBilling(storage);
    await using logger = new JobEventLogger(storage, { flushIntervalMs: 10 });
    for (const file of files) logger.logJobEnqueued(`${RUN}-${file}`, "compress");
    for (const file of files) {
      if (signal.aborted) logger.logJobCancelled(`${RUN}-${file}`, { reason: "interrupted" });
      else await runWithRetry(logger, `${RUN}-${file}`, join(directory, file));
    }
    await logger.flush();
    if (signal.aborted) return console.log("Interrupted: what waited was cancelled");
    // Found also if it was stored before the call: no race.
    const options = { timeoutMs: 5000, signal };
    const last = await billing.waitForJobEvent(`${RUN}-noise.bin`, "completed", options);
    console.log(`The last job ended: ${last?.message}`);
    await report(storage, billing, signal);
  } finally {
    await rm(directory, { recursive: true });
  }
}

const interrupt = new AbortController();
process.once("SIGINT", () => interrupt.abort());
try {
  const { values } = parseArgs({
    options: {
      storage: { type: "string", default: "memory:" },
      help: { type: "boolean", default: false },
    },
  });
  if (values.help) console.log(HELP);
  else await main(values.storage, interrupt.signal);
  if (interrupt.signal.aborted) process.exitCode = 130;
} catch (error) {
  console.error((error as Error).message);
  process.exitCode = 1;
}
