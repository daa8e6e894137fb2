/** Quantiles of many values in bounded memory. */

/** How far a quantile may be off, relative to itself. */
const ACCURACY = 0.01;

/** The ratio of a bin's upper bound to its lower one. */
const GROWTH = (1 + ACCURACY) / (1 - ACCURACY);
const LOG_GROWTH = Math.log(GROWTH);

/**
 * Counts values from 0 in bins that grow by a constant factor, as DDSketch does. Nothing is kept of
 * a value but its bin, so memory is bounded by the number of bins, about 2,070.
 */
export class LogHistogram {
  /** How many values each bin has, by its number. */
  readonly #bins = new Map<number, number>();
  #count = 0;
  #min = Infinity;
  #max = 0;

  /** Adds a value, from 0. */
  add(value: number): void {
    // In milliseconds a nanosecond and 30 years: what is beyond them counts there.
    const inRange = Math.min(Math.max(value, 1e-6), 1e12);
    const bin = Math.ceil(Math.log(inRange) / LOG_GROWTH);
    this.#bins.set(bin, (this.#bins.get(bin) ?? 0) + 1);
    this.#count++;
    this.#min = Math.min(this.#min, value);
    this.#max = Math.max(this.#max, value);
  }

  /** How many values there are. */
  get count(): number {
    return this.#count;
  }

  /** The least value. */
  get min(): number {
    return this.#min;
  }

  /** The greatest value. */
  get max(): number {
    return this.#max;
  }

  /**
   * The values below which shares of all values lie.
   *
   * @param shares From 0 to 1.
   */
  quantiles(...shares: readonly number[]): number[] {
    const bins = [...this.#bins].sort(([left], [right]) => left - right);
    return shares.map((share) => this.#quantile(bins, share));
  }

  #quantile(bins: readonly (readonly [bin: number, count: number])[], share: number): number {
    let left = Math.ceil(share * this.#count);
    for (const [bin, count] of bins) {
      left -= count;
      // The middle of a bin may be outside of what was seen.
      if (left <= 0) return Math.min(Math.max(middleOf(bin), this.#min), this.#max);
    }
    return this.#max;
  }
}

/** The value that is equally far, relative to itself, from both bounds of a bin. */
function middleOf(bin: number): number {
  return 2 * GROWTH ** bin / (GROWTH + 1);
}
