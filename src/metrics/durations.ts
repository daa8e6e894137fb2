/** Durations and their quantiles. */

import { LogHistogram } from "./log_histogram.ts";
import type { DurationSummary } from "./snapshot.ts";

/** So many values are kept as they are: with few of them a quantile is one of the values. */
const MAX_EXACT = 100;

/** Collects durations, many of them in a histogram of bounded size. */
export class Durations {
  #exact: number[] = [];
  #histogram: LogHistogram | undefined;
  #sumMs = 0;

  /** Adds a value, in milliseconds. A negative one, from clocks that disagree, counts as 0. */
  add(durationMs: number): void {
    const value = Math.max(durationMs, 0);
    this.#sumMs += value;
    if (this.#histogram !== undefined) this.#histogram.add(value);
    else if (this.#exact.push(value) > MAX_EXACT) this.#makeHistogram();
  }

  /** What was collected. */
  summary(): DurationSummary {
    const values = this.#histogram ?? listed(this.#exact);
    return {
      count: values.count,
      sumMs: this.#sumMs,
      minMs: values.min,
      maxMs: values.max,
      p50Ms: values.quantile(0.5),
      p95Ms: values.quantile(0.95),
      p99Ms: values.quantile(0.99),
    };
  }

  #makeHistogram(): void {
    this.#histogram = new LogHistogram();
    for (const value of this.#exact) this.#histogram.add(value);
    this.#exact = [];
  }
}

/** What a histogram tells, of values that are all there. */
function listed(
  values: readonly number[],
): Pick<LogHistogram, "count" | "min" | "max" | "quantile"> {
  const sorted = values.toSorted((left, right) => left - right);
  return {
    count: sorted.length,
    min: sorted[0] ?? 0,
    max: sorted.at(-1) ?? 0,
    quantile: (share) => sorted[Math.ceil(share * sorted.length) - 1] ?? 0,
  };
}
