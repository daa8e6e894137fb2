/** Numbers, folded from events. */

import type { JobEvent } from "../gen/types.ts";
import { LabelMap, RecentMap } from "./bounded_map.ts";
import { Durations } from "./durations.ts";
import { prometheusText } from "./prometheus.ts";
import { Rates } from "./rates.ts";
import type { JobCounts, JobMetricsSnapshot } from "./snapshot.ts";

/** Options of {@linkcode JobMetrics}. */
export interface JobMetricsOptions {
  /** Queues, workers and error types that are counted apart, each; those that come later are
   * counted together as `(other)`. @default 1000 */
  readonly maxLabels?: number;
  /** Jobs whose begin is remembered to measure waits and runs. @default 100000 */
  readonly maxTrackedJobs?: number;
}

/** The counters of one group of jobs. */
class Counter {
  started = 0;
  completed = 0;
  failed = 0;
  retries = 0;
  readonly durations = new Durations();

  add(event: JobEvent): void {
    switch (event.eventType) {
      case "started":
      case "retry_started":
        this.started++;
        break;
      case "completed":
        this.completed++;
        break;
      case "failed":
      case "timeout":
        this.failed++;
        break;
      case "retry_scheduled":
        this.retries++;
        break;
      default:
        return;
    }
    if (event.durationMs !== undefined) this.durations.add(event.durationMs);
  }

  counts(): JobCounts {
    const { started, completed, failed, retries } = this;
    return { started, completed, failed, retries, durations: this.durations.summary() };
  }
}

/**
 * Counts jobs and measures their times from the events that it is shown. Its memory is bounded,
 * however many jobs there are.
 *
 * A run begins with `started` or `retry_started` and ends with `completed`, `failed`, `timeout` or
 * `cancelled`.
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
  readonly #enqueuedAt: RecentMap<number>;
  readonly #startedAt: RecentMap<number>;
  /** The queue of each job that began: later events may leave it out. */
  readonly #queues: RecentMap<string>;
  readonly #waitTimes = new Durations();
  readonly #runTimes = new Durations();
  readonly #rates = new Rates();
  #events = 0;
  #firstTimestamp = Infinity;
  #lastTimestamp = -Infinity;

  /**
   * Begins with nothing counted.
   *
   * @param options Its bounds.
   */
  constructor(options: JobMetricsOptions = {}) {
    const { maxLabels = 1000, maxTrackedJobs = 100_000 } = options;
    this.#byErrorType = new LabelMap(maxLabels, () => ({ count: 0 }));
    this.#byQueue = new LabelMap(maxLabels, () => new Counter());
    this.#byWorker = new LabelMap(maxLabels, () => new Counter());
    this.#enqueuedAt = new RecentMap(maxTrackedJobs);
    this.#startedAt = new RecentMap(maxTrackedJobs);
    this.#queues = new RecentMap(maxTrackedJobs);
  }

  /** Counts an event. */
  observe(event: JobEvent): void {
    const { jobId, eventType, timestamp } = event;
    this.#events++;
    this.#firstTimestamp = Math.min(this.#firstTimestamp, timestamp);
    this.#lastTimestamp = Math.max(this.#lastTimestamp, timestamp);
    this.#rates.add(timestamp);
    this.#byType.set(eventType, (this.#byType.get(eventType) ?? 0) + 1);
    this.#all.add(event);
    if (event.workerId !== undefined) this.#byWorker.get(event.workerId).add(event);
    const queue = event.queueName ?? this.#queues.take(jobId);
    if (queue !== undefined) {
      this.#queues.set(jobId, queue);
      this.#byQueue.get(queue).add(event);
    }
    if (event.errorType !== undefined) this.#byErrorType.get(event.errorType).count++;
    this.#measure(event);
  }

  /** The numbers so far, as plain JSON. */
  snapshot(): JobMetricsSnapshot {
    const isEmpty = this.#events === 0;
    return {
      events: this.#events,
      firstTimestamp: isEmpty ? 0 : this.#firstTimestamp,
      lastTimestamp: isEmpty ? 0 : this.#lastTimestamp,
      inFlight: this.#startedAt.size,
      ...this.#all.counts(),
      byType: Object.fromEntries(this.#byType),
      byErrorType: this.#byErrorType.toObject((entry) => entry.count),
      byQueue: this.#byQueue.toObject((counter) => counter.counts()),
      byWorker: this.#byWorker.toObject((counter) => counter.counts()),
      waitTimes: this.#waitTimes.summary(),
      runTimes: this.#runTimes.summary(),
      rates: this.#rates.before(this.#lastTimestamp),
    };
  }

  /** The numbers so far, in Prometheus' text format. */
  toPrometheus(): string {
    return prometheusText(this.snapshot());
  }

  #measure({ jobId, eventType, timestamp }: JobEvent): void {
    switch (eventType) {
      case "enqueued":
        this.#enqueuedAt.set(jobId, timestamp);
        break;
      case "started":
      case "retry_started": {
        const enqueuedAt = this.#enqueuedAt.take(jobId);
        if (enqueuedAt !== undefined) this.#waitTimes.add((timestamp - enqueuedAt) * 1000);
        this.#startedAt.set(jobId, timestamp);
        break;
      }
      case "completed":
      case "failed":
      case "timeout":
      case "cancelled": {
        const startedAt = this.#startedAt.take(jobId);
        if (startedAt !== undefined) this.#runTimes.add((timestamp - startedAt) * 1000);
        if (eventType === "completed" || eventType === "cancelled") this.#queues.take(jobId);
      }
    }
  }
}
