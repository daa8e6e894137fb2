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
    const [p50Ms = 0, p95Ms = 0, p99Ms = 0] = values.quantiles(0.5, 0.95, 0.99);
    return {
      count: values.count,
      sumMs: this.#sumMs,
      minMs: values.min,
      maxMs: values.max,
      p50Ms,
      p95Ms,
      p99Ms,
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
): Pick<LogHistogram, "count" | "min" | "max" | "quantiles"> {
  const sorted = values.toSorted((left, right) => left - right);
  return {
    count: sorted.length,
    min: sorted[0] ?? 0,
    max: sorted.at(-1) ?? 0,
    quantiles: (...shares) =>
      shares.map((share) => sorted[Math.ceil(share * sorted.length) - 1] ?? 0),
  };
}
