/** The job system of the examples: small, but its work is real, and each step of it is logged. */

import { createHash, pbkdf2, randomBytes } from "node:crypto";
import { readFile } from "node:fs/promises";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { gzipSync } from "node:zlib";
import type { JobEventLogger } from "@naq/events";

const MAX_RETRIES = 1;
const deriveKey = promisify(pbkdf2);
const file = (name: string) => fileURLToPath(new URL(name, import.meta.url));

/** What each queue does. One of them has a file that is not there. */
const QUEUES: Readonly<Record<string, (job: number) => Promise<unknown>>> = {
  hash: async () => createHash("sha256").update(await readFile(file("jobs.ts"))).digest("hex"),
  compress: async (job) =>
    gzipSync(await readFile(file(job % 4 === 3 ? "missing.txt" : "jobs.ts"))),
  derive: (job) => deriveKey("secret", randomBytes(16), 20_000 + job % 5 * 20_000, 32, "sha512"),
};

/** Runs jobs with three workers. Each event has the tag `run`. Resolves when all jobs are over. */
export async function runJobs(
  logger: JobEventLogger,
  run: string,
  jobs: number,
  signal: AbortSignal,
): Promise<void> {
  const tags = { run };
  const names = Object.keys(QUEUES);
  const waiting = Array.from({ length: jobs }, (_, job) => {
    const queueName = names[job % names.length]!;
    const jobId = `${run}-${job + 1}`;
    logger.logJobEnqueued(jobId, queueName, { tags });
    return { job, jobId, queueName, retryCount: 0 };
  });
  const work = async (worker: string): Promise<void> => {
    for (let next = waiting.shift(); next !== undefined; next = waiting.shift()) {
      const { job, jobId, queueName, retryCount } = next;
      const extras = { queueName, tags };
      if (signal.aborted) {
        logger.logJobCancelled(jobId, { ...extras, reason: "interrupted" });
        continue;
      }
      if (retryCount === 0) logger.logJobStarted(jobId, worker, "async", extras);
      else logger.logJobRetryStarted(jobId, worker, retryCount, extras);
      const begin = performance.now();
      try {
        await QUEUES[queueName]!(job);
        logger.logJobCompleted(jobId, worker, performance.now() - begin, extras);
      } catch (error) {
        const durationMs = performance.now() - begin;
        logger.logJobFailed(jobId, worker, error, durationMs, { ...extras, retryCount });
        if (retryCount === MAX_RETRIES) {
          logger.logJobMaxRetriesExceeded(jobId, retryCount, extras);
        } else {
          logger.logJobRetryScheduled(jobId, retryCount + 1, 0, extras);
          waiting.push({ ...next, retryCount: retryCount + 1 });
        }
      }
    }
  };
  await Promise.all(["worker-1", "worker-2", "worker-3"].map(work));
}
