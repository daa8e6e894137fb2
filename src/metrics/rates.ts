/** Events a second over the last minutes. */

import type { EventRates } from "./snapshot.ts";

const BUCKET_SECONDS = 5;
const BUCKETS = 15 * 60 / BUCKET_SECONDS;

/** How far the clocks of workers may be ahead, in seconds. */
const MAX_AHEAD_SECONDS = 300;

/** Counts events in buckets of five seconds, by their timestamps. */
export class Rates {
  readonly #counts = new Float64Array(BUCKETS);
  #first = Infinity;
  #last = -Infinity;
  #lastTimestamp = -Infinity;

  /** The latest timestamp that was counted. */
  get last(): number {
    return this.#lastTimestamp;
  }

  /**
   * Counts an event. One that is older than the windows is passed over, and one of the future: the
   * windows would wait for that time to come, and count nothing until then.
   */
  add(timestamp: number): void {
    if (timestamp > Date.now() / 1000 + MAX_AHEAD_SECONDS) return;
    this.#lastTimestamp = Math.max(this.#lastTimestamp, timestamp);
    const bucket = Math.floor(timestamp / BUCKET_SECONDS);
    if (bucket > this.#last) this.#moveTo(bucket);
    this.#first = Math.min(this.#first, timestamp);
    if (bucket > this.#last - BUCKETS) this.#counts[index(bucket)]! += 1;
  }

  /** The rates of the windows that end with `timestamp`. */
  before(timestamp: number): EventRates {
    return {
      oneMinute: this.#rate(timestamp, 60),
      fiveMinutes: this.#rate(timestamp, 300),
      fifteenMinutes: this.#rate(timestamp, 900),
    };
  }

  #moveTo(bucket: number): void {
    const stale = Math.min(bucket - this.#last, BUCKETS);
    for (let back = 0; back < stale; back++) this.#counts[index(bucket - back)] = 0;
    this.#last = bucket;
  }

  #rate(timestamp: number, windowSeconds: number): number {
    if (this.#last === -Infinity) return 0;
    const newest = Math.floor(timestamp / BUCKET_SECONDS);
    const oldest = newest - windowSeconds / BUCKET_SECONDS + 1;
    let count = 0;
    for (let bucket = Math.max(oldest, this.#last - BUCKETS + 1); bucket <= newest; bucket++) {
      if (bucket <= this.#last) count += this.#counts[index(bucket)]!;
    }
    // The newest bucket is not full yet. A log that is younger than the window is measured over its
    // own length.
    const seconds = timestamp - Math.max(oldest * BUCKET_SECONDS, this.#first);
    return count / Math.max(seconds, 1);
  }
}

function index(bucket: number): number {
  return ((bucket % BUCKETS) + BUCKETS) % BUCKETS;
}
