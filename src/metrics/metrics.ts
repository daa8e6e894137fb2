/** Numbers, folded from events. */

import type { JobEvent } from "../gen/types.ts";
import { atLeast } from "../logger/backoff.ts";
import { LabelMap, RecentMap } from "./bounded_map.ts";
import { Counter, type Phase, PHASES } from "./counter.ts";
import { Durations } from "./durations.ts";
import { prometheusText } from "./prometheus.ts";
import { Rates } from "./rates.ts";
import type { JobMetricsSnapshot } from "./snapshot.ts";

/** Options of {@linkcode JobMetrics}. */
export interface JobMetricsOptions {
  /** Queues, workers and error types that are counted apart, each; those that come later are
   * counted together as `(other)`. @default 1000 */
  readonly maxLabels?: number;
  /** Jobs that are not over and are remembered, to measure their waits and runs and to know what is
   * in flight; beyond that the one that was quiet for longest is forgotten. @default 100000 */
  readonly maxTrackedJobs?: number;
}

/** Options of {@linkcode JobMetrics.snapshot} and {@linkcode JobMetrics.toPrometheus}. */
export interface JobMetricsSnapshotOptions {
  /**
   * Until when the rates are measured, in seconds since the Unix epoch. Who watches live events
   * passes `Date.now() / 1000`, so that the rates fall when nothing comes.
   * @default the timestamp of the latest event that is not in the future
   */
  readonly now?: number;
}

/** A job that is not over. */
interface OpenJob {
  /** Later events may leave it out. */
  queue: string | undefined;
  enqueuedAt: number | undefined;
  startedAt: number | undefined;
  /** Where its run is counted as in flight. */
  runningIn: readonly Counter[];
}

/**
 * Counts jobs and measures their times from the events that it is shown. Its memory is bounded,
 * however many jobs there are.
 *
 * A run begins with `started` or `retry_started` and ends with `completed`, `failed`, `timeout` or
 * `cancelled`. Events are taken as they come: one that is shown twice is counted twice.
 *
 * @example
 * ```ts
 * import { JobEvent, JobMetrics } from "@naq/events";
 * import assert from "node:assert/strict";
 *
 * const metrics = new JobMetrics();
 * metrics.observe(JobEvent.started("job-1", "worker-1", "async"));
 * metrics.observe(JobEvent.completed("job-1", "worker-1", 20));
 * const { completed, inFlight } = metrics.snapshot();
 * assert.deepEqual({ completed, inFlight }, { completed: 1, inFlight: 0 });
 * ```
 */
export class JobMetrics {
  readonly #all = new Counter();
  readonly #byType = new Map<string, number>();
  readonly #byErrorType: LabelMap<{ count: number }>;
  readonly #byQueue: LabelMap<Counter>;
  readonly #byWorker: LabelMap<Counter>;
  readonly #jobs: RecentMap<OpenJob>;
  readonly #runTimes = new Durations();
  readonly #rates = {
    all: new Rates(),
    started: new Rates(),
    completed: new Rates(),
    failed: new Rates(),
  };
  #events = 0;
  #firstTimestamp = Infinity;
  #lastTimestamp = -Infinity;

  /**
   * Begins with nothing counted.
   *
   * @param options Its bounds.
   * @throws {RangeError} A bound is less than 1.
   */
  constructor(options: JobMetricsOptions = {}) {
    const maxLabels = atLeast("maxLabels", options.maxLabels ?? 1000, 1);
    this.#byErrorType = new LabelMap(maxLabels, () => ({ count: 0 }));
    this.#byQueue = new LabelMap(maxLabels, () => new Counter());
    this.#byWorker = new LabelMap(maxLabels, () => new Counter());
    this.#jobs = new RecentMap(atLeast("maxTrackedJobs", options.maxTrackedJobs ?? 100_000, 1));
  }

  /** Counts an event. */
  observe(event: JobEvent): void {
    const { eventType, timestamp, errorType } = event;
    this.#events++;
    this.#firstTimestamp = Math.min(this.#firstTimestamp, timestamp);
    this.#lastTimestamp = Math.max(this.#lastTimestamp, timestamp);
    this.#rates.all.add(timestamp);
    this.#byType.set(eventType, (this.#byType.get(eventType) ?? 0) + 1);
    const phase = PHASES[eventType];
    // Later events of the same failure, such as retry_scheduled, may name its error again.
    const isFailure = phase === "failed" && errorType !== undefined;
    if (isFailure) this.#byErrorType.get(errorType).count++;
    if (phase !== undefined) this.#count(event, phase);
  }

  /**
   * The numbers so far, as plain JSON.
   *
   * @param options `now`: until when the rates are measured.
   */
  snapshot(options: JobMetricsSnapshotOptions = {}): JobMetricsSnapshot {
    const isEmpty = this.#events === 0;
    const { now = this.#rates.all.last } = options;
    const { all, started, completed, failed } = this.#rates;
    return {
      events: this.#events,
      firstTimestamp: isEmpty ? 0 : this.#firstTimestamp,
      lastTimestamp: isEmpty ? 0 : this.#lastTimestamp,
      ...this.#all.counts(),
      runTimes: this.#runTimes.summary(),
      byType: Object.fromEntries(this.#byType),
      byErrorType: this.#byErrorType.toObject((entry) => entry.count),
      byQueue: this.#byQueue.toObject((counter) => counter.counts()),
      byWorker: this.#byWorker.toObject((counter) => counter.counts()),
      rates: all.before(now),
      startedRates: started.before(now),
      completedRates: completed.before(now),
      failedRates: failed.before(now),
    };
  }

  /**
   * The numbers so far, in Prometheus' text format.
   *
   * @param options `now`: until when the rates are measured.
   */
  toPrometheus(options: JobMetricsSnapshotOptions = {}): string {
    return prometheusText(this.snapshot(options));
  }

  #count(event: JobEvent, phase: Phase): void {
    const { jobId, timestamp, workerId, durationMs } = event;
    const job = this.#jobs.take(jobId) ??
      { queue: undefined, enqueuedAt: undefined, startedAt: undefined, runningIn: [] };
    job.queue = event.queueName ?? job.queue;
    const counters = [this.#all];
    if (workerId !== undefined) counters.push(this.#byWorker.get(workerId));
    if (job.queue !== undefined) counters.push(this.#byQueue.get(job.queue));
    for (const counter of counters) counter.add(phase, durationMs);
    switch (phase) {
      case "enqueued":
        job.enqueuedAt = timestamp;
        break;
      case "started":
        endRun(job);
        begin(job, counters, timestamp);
        this.#rates.started.add(timestamp);
        break;
      case "completed":
      case "failed":
        this.#rates[phase].add(timestamp);
    }
    const isOver = phase === "completed" || phase === "over";
    if (isOver || phase === "failed") {
      if (job.startedAt !== undefined) this.#runTimes.add((timestamp - job.startedAt) * 1000);
      endRun(job);
    }
    if (isOver) return;
    const forgotten = this.#jobs.set(jobId, job);
    if (forgotten !== undefined) endRun(forgotten);
  }
}

function begin(job: OpenJob, counters: readonly Counter[], timestamp: number): void {
  job.startedAt = timestamp;
  job.runningIn = counters;
  for (const counter of counters) {
    counter.inFlight++;
    if (job.enqueuedAt !== undefined) counter.waitTimes.add((timestamp - job.enqueuedAt) * 1000);
  }
  job.enqueuedAt = undefined;
}

function endRun(job: OpenJob): void {
  for (const counter of job.runningIn) counter.inFlight--;
  job.startedAt = undefined;
  job.runningIn = [];
}
