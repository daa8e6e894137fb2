/** Durations and their quantiles. */

import { LogCollapsingLowestDenseDDSketch } from "@datadog/sketches-js";
import type { DurationSummary } from "./snapshot.ts";

/** So many values are kept as they are: with few of them a quantile is one of the values. */
const MAX_EXACT = 100;

/** Collects durations, many of them in a sketch of bounded size. */
export class Durations {
  #exact: number[] = [];
  #sketch: LogCollapsingLowestDenseDDSketch | undefined;
  #sumMs = 0;

  /** Adds a value, in milliseconds. A negative one, from clocks that disagree, counts as 0. */
  add(durationMs: number): void {
    const value = Math.max(durationMs, 0);
    this.#sumMs += value;
    if (this.#sketch !== undefined) this.#sketch.accept(value);
    else if (this.#exact.push(value) > MAX_EXACT) this.#makeSketch();
  }

  /** What was collected. */
  summary(): DurationSummary {
    const { count, minMs, maxMs, quantile } = this.#sketched() ?? this.#listed();
    return {
      count,
      sumMs: this.#sumMs,
      minMs,
      maxMs,
      p50Ms: quantile(0.5),
      p95Ms: quantile(0.95),
      p99Ms: quantile(0.99),
    };
  }

  #makeSketch(): void {
    // 2048 bins of 2% span a range of 1 to 10^17; a millisecond is far from both of its ends.
    this.#sketch = new LogCollapsingLowestDenseDDSketch({ relativeAccuracy: 0.01, binLimit: 2048 });
    for (const value of this.#exact) this.#sketch.accept(value);
    this.#exact = [];
  }

  #listed(): Quantiles {
    const sorted = this.#exact.toSorted((left, right) => left - right);
    return {
      count: sorted.length,
      minMs: sorted[0] ?? 0,
      maxMs: sorted.at(-1) ?? 0,
      quantile: (q) => sorted[Math.ceil(q * sorted.length) - 1] ?? 0,
    };
  }

  #sketched(): Quantiles | undefined {
    const sketch = this.#sketch;
    if (sketch === undefined) return undefined;
    const { count, min, max } = sketch;
    // A quantile lies in a bin; its middle may be outside of what was seen.
    const quantile = (q: number) => Math.min(Math.max(sketch.getValueAtQuantile(q), min), max);
    return { count, minMs: min, maxMs: max, quantile };
  }
}

interface Quantiles {
  readonly count: number;
  readonly minMs: number;
  readonly maxMs: number;
  readonly quantile: (q: number) => number;
}
