/** Events a second over the last minutes. */

import type { EventRates } from "./snapshot.ts";

const BUCKET_SECONDS = 5;
const BUCKETS = 15 * 60 / BUCKET_SECONDS;

/** Counts events in buckets of five seconds, by their timestamps. */
export class Rates {
  readonly #counts = new Float64Array(BUCKETS);
  #first = Infinity;
  #last = -Infinity;

  /** Counts an event. One that is older than the windows is passed over. */
  add(timestamp: number): void {
    const bucket = Math.floor(timestamp / BUCKET_SECONDS);
    if (bucket > this.#last) this.#moveTo(bucket);
    this.#first = Math.min(this.#first, timestamp);
    if (bucket > this.#last - BUCKETS) this.#counts[index(bucket)]! += 1;
  }

  /** The rates before `timestamp`, the latest one seen. */
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
    let count = 0;
    const buckets = windowSeconds / BUCKET_SECONDS;
    for (let back = 0; back < buckets; back++) count += this.#counts[index(this.#last - back)]!;
    // A log that is younger than the window is measured over its own length.
    return count / Math.min(windowSeconds, Math.max(timestamp - this.#first, 1));
  }
}

function index(bucket: number): number {
  return ((bucket % BUCKETS) + BUCKETS) % BUCKETS;
}
