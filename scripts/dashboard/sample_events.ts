/** Events as a shop's jobs would make them, for pictures and trials of the dashboard. */

import { JobEvent } from "../../src/gen/factories.ts";

const QUEUES = ["checkout", "mail", "thumbnails", "reports", "search-index"];
const WORKERS = ["fra-1", "fra-2", "fra-3", "iad-1", "iad-2", "sin-1"];
const FAILURES: readonly (() => Error)[] = [
  () => new TypeError("Cannot read the address of customer 48213"),
  () => Object.assign(new Error("connect ETIMEDOUT 10.3.0.17:587"), { name: "SmtpTimeoutError" }),
  () => Object.assign(new Error("Card was declined: insufficient_funds"), { name: "PaymentError" }),
  () => new RangeError("Image of 12288 × 8192 pixels is larger than the limit"),
];

/** Numbers from 0 to 1 from a seed. */
function random(seed: number): () => number {
  let state = seed;
  return () => {
    state = Math.imul(state ^ state >>> 15, 2246822519) + 0x9e3779b9 | 0;
    return ((state ^ state >>> 13) >>> 0) / 2 ** 32;
  };
}

/** The life of one job that begins at a time, in seconds since the Unix epoch. */
export function sampleJob(number: number, at: number): JobEvent[] {
  const next = random(number * 7919 + 17);
  for (let warm = 0; warm < 8; warm++) next();
  const pick = <Value>(values: readonly Value[]) =>
    values[Math.floor(next() ** 1.4 * values.length)]!;
  const queueName = pick(QUEUES);
  const jobId = `${queueName}-${(100_000 + number * 37).toString(36)}`;
  const workerId = pick(WORKERS);
  const tags = { region: workerId.slice(0, 3) };
  const runMs = 40 * (1 + next() * 3) * (queueName === "reports" ? 9 : 1) *
    (next() < 0.05 ? 3 : 1);
  const events = [JobEvent.enqueued(jobId, queueName, { timestamp: at, tags })];
  let now = at + 0.01 + next() ** 3 * 1.8;
  const runs = next() < 0.06 ? (next() < 0.4 ? 3 : 1) : 0;
  events.push(JobEvent.started(jobId, workerId, "async", { timestamp: now, tags, queueName }));
  for (let retry = 0; retry < runs; retry++) {
    now += runMs / 1000;
    const error = FAILURES[(number + retry) % 7 % FAILURES.length]!();
    events.push(JobEvent.failed(jobId, workerId, error, runMs, {
      timestamp: now,
      retryCount: retry,
      queueName,
      tags,
      metadata: { attempt: retry + 1, host: `${workerId}.example.com` },
    }));
    events.push(
      JobEvent.retryScheduled(jobId, retry + 1, 400 * 2 ** retry, { timestamp: now, queueName }),
    );
    now += 0.4 * 2 ** retry;
    events.push(
      JobEvent.retryStarted(jobId, workerId, retry + 1, { timestamp: now, queueName, tags }),
    );
  }
  now += runMs / 1000;
  events.push(JobEvent.completed(jobId, workerId, runMs, {
    timestamp: now,
    queueName,
    tags,
    cpuTimeMs: runMs * 0.6,
    memoryMb: 24 + next() * 80,
    details: { items: Math.floor(next() * 200), cached: next() < 0.3 },
  }));
  return events;
}

/** Jobs over some minutes until a time, all of their events in the order of their times. */
export function sampleHistory(until: number, minutes: number, jobsPerSecond: number): JobEvent[] {
  const begin = until - minutes * 60;
  const count = minutes * 60 * jobsPerSecond;
  const events: JobEvent[] = [];
  for (let number = 0; number < count; number++) {
    const share = number / count;
    // More and less in waves, as days have them.
    const wave = Math.sin(share * 19) * 0.011 + Math.sin(share * 47) * 0.004;
    events.push(...sampleJob(number, begin + (share + wave) * minutes * 60));
  }
  return events
    .filter((event) => event.timestamp <= until)
    .sort((left, right) => left.timestamp - right.timestamp);
}
