/** Durations and their quantiles. */

import { LogCollapsingLowestDenseDDSketch } from "@datadog/sketches-js";
import type { DurationSummary } from "./snapshot.ts";

/** Collects durations in a sketch of bounded size. */
export class Durations {
  // Made with the first value: most groups never see one.
  #sketch: LogCollapsingLowestDenseDDSketch | undefined;

  /** Adds a value, in milliseconds. A negative one, from clocks that disagree, counts as 0. */
  add(durationMs: number): void {
    this.#sketch ??= new LogCollapsingLowestDenseDDSketch({
      relativeAccuracy: 0.01,
      binLimit: 1024,
    });
    this.#sketch.accept(Math.max(durationMs, 0));
  }

  /** What was collected. */
  summary(): DurationSummary {
    const sketch = this.#sketch;
    if (sketch === undefined) {
      return { count: 0, sumMs: 0, minMs: 0, maxMs: 0, p50Ms: 0, p95Ms: 0, p99Ms: 0 };
    }
    // A quantile lies in a bin; its middle may be outside of what was seen.
    const quantile = (q: number) =>
      Math.min(Math.max(sketch.getValueAtQuantile(q), sketch.min), sketch.max);
    return {
      count: sketch.count,
      sumMs: sketch.sum,
      minMs: sketch.min,
      maxMs: sketch.max,
      p50Ms: quantile(0.5),
      p95Ms: quantile(0.95),
      p99Ms: quantile(0.99),
    };
  }
}
