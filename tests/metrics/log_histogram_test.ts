import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { LogHistogram } from "../../src/metrics/log_histogram.ts";
import { seededRandom, testSeed } from "../helpers.ts";

describe("LogHistogram", () => {
  it("gives every quantile within 1% of the value at its rank", () => {
    const seed = testSeed();
    const random = seededRandom(seed);
    for (let round = 0; round < 50; round++) {
      const histogram = new LogHistogram();
      // From a nanosecond to eleven days, in milliseconds.
      const values = Array.from(
        { length: 1 + random(2000) },
        () => 10 ** (random(15_000) / 1e3 - 6),
      );
      for (const value of values) histogram.add(value);
      values.sort((left, right) => left - right);
      const shares = [0, 0.001, 0.5, 0.95, 0.99, 1];
      const quantiles = histogram.quantiles(...shares);
      for (const [index, share] of shares.entries()) {
        const exact = values[Math.max(Math.ceil(share * values.length), 1) - 1]!;
        const off = Math.abs(quantiles[index]! / exact - 1);
        assert.ok(off < 0.0101, `TEST_SEED=${seed}: ${share} of ${values.length} is off by ${off}`);
      }
      assert.deepEqual(
        [histogram.count, histogram.min, histogram.max],
        [values.length, values[0], values.at(-1)],
      );
    }
  });

  it("keeps to what it has seen, also beyond its bins", () => {
    for (const value of [0, 1e-300, Number.MAX_VALUE]) {
      const histogram = new LogHistogram();
      histogram.add(value);
      assert.deepEqual(histogram.quantiles(0.5), [value]);
    }
  });
});
