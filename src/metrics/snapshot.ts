/** What the metrics say: plain JSON. */

/** How long something took, in milliseconds. Quantiles are exact for up to 100 values and within 1%
 * for more. */
export interface DurationSummary {
  /** Number of values. */
  readonly count: number;
  /** Sum of the values. */
  readonly sumMs: number;
  /** Smallest value; 0 for none. */
  readonly minMs: number;
  /** Largest value; 0 for none. */
  readonly maxMs: number;
  /** Median; 0 for none. */
  readonly p50Ms: number;
  /** 95th percentile; 0 for none. */
  readonly p95Ms: number;
  /** 99th percentile; 0 for none. */
  readonly p99Ms: number;
}

/** The numbers of one group of jobs. */
export interface JobCounts {
  /** Runs that began. */
  readonly started: number;
  /** Runs that ended well. */
  readonly completed: number;
  /** Runs that ended with an error or took too long. */
  readonly failed: number;
  /** Retries that were planned. */
  readonly retries: number;
  /** Runs that began and have not ended. */
  readonly inFlight: number;
  /** How long the runs took, of those that said so: count, sum and quantiles. */
  readonly durations: DurationSummary;
  /** Time from `enqueued` to the first `started`, by the events' timestamps. */
  readonly waitTimes: DurationSummary;
}

/** Events a second, over three windows, by the events' timestamps. Timestamps that are more than
 * five minutes ahead of this machine's clock do not count. */
export interface EventRates {
  /** Over the last minute. */
  readonly oneMinute: number;
  /** Over the last 5 minutes. */
  readonly fiveMinutes: number;
  /** Over the last 15 minutes. */
  readonly fifteenMinutes: number;
}

/** Everything that `JobMetrics` counts. */
export interface JobMetricsSnapshot extends JobCounts {
  /** Number of events. */
  readonly events: number;
  /** Timestamp of the earliest event, in seconds since the Unix epoch; 0 for none. */
  readonly firstTimestamp: number;
  /** Timestamp of the latest event, in seconds since the Unix epoch; 0 for none. */
  readonly lastTimestamp: number;
  /** Events by type; types that did not occur are absent. */
  readonly byType: Readonly<Record<string, number>>;
  /** Runs that failed or took too long, by error type. */
  readonly byErrorType: Readonly<Record<string, number>>;
  /** Numbers by queue. */
  readonly byQueue: Readonly<Record<string, JobCounts>>;
  /** Numbers by worker. */
  readonly byWorker: Readonly<Record<string, JobCounts>>;
  /** Time from `started` to the end of the run, by the events' timestamps. */
  readonly runTimes: DurationSummary;
  /** All events. */
  readonly rates: EventRates;
  /** Runs that began. */
  readonly startedRates: EventRates;
  /** Runs that ended well. */
  readonly completedRates: EventRates;
  /** Runs that ended with an error or took too long. */
  readonly failedRates: EventRates;
}
