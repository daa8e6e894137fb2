/** How long to wait before the next try. */

/** How failed attempts are repeated. */
export interface RetryOptions {
  /** The wait after the first failure. @default 100 */
  readonly initialDelayMs?: number;
  /** The longest wait. @default 10000 */
  readonly maxDelayMs?: number;
  /** What the wait is multiplied by after each further failure. @default 2 */
  readonly factor?: number;
  /** The share of the wait that is random, from 0 to 1, so that many loggers do not return at the
   * same moment. @default 0.5 */
  readonly jitter?: number;
}

/** Counts failures and gives the wait that follows each. */
export class Backoff {
  readonly #initialDelayMs: number;
  readonly #maxDelayMs: number;
  readonly #factor: number;
  readonly #jitter: number;
  readonly #random: () => number;
  #failures = 0;

  /**
   * @param options Its settings.
   * @param random Numbers from 0 to 1. @default Math.random
   * @throws {RangeError} A setting is out of its range.
   */
  constructor(options: RetryOptions = {}, random: () => number = Math.random) {
    this.#initialDelayMs = atLeast("retry.initialDelayMs", options.initialDelayMs ?? 100, 0);
    this.#maxDelayMs = atLeast("retry.maxDelayMs", options.maxDelayMs ?? 10_000, 0);
    this.#factor = atLeast("retry.factor", options.factor ?? 2, 1);
    this.#jitter = atLeast("retry.jitter", options.jitter ?? 0.5, 0);
    if (this.#jitter > 1) throw new RangeError(`retry.jitter is ${this.#jitter}, at most 1`);
    this.#random = random;
  }

  /** Notes a failure and gives the wait until the next try, in milliseconds. */
  next(): number {
    // Finite, since 0 times infinity is not a number.
    const growth = Math.min(this.#factor ** this.#failures, Number.MAX_VALUE);
    const grown = this.#initialDelayMs * growth;
    this.#failures++;
    return Math.min(grown, this.#maxDelayMs) * (1 - this.#jitter * this.#random());
  }

  /** Notes a success: the next failure waits the shortest time again. */
  reset(): void {
    this.#failures = 0;
  }
}

/** Checks a setting. */
export function atLeast(name: string, value: number, least: number): number {
  if (typeof value !== "number" || !(value >= least)) {
    throw new RangeError(`${name} is ${value}, at least ${least} is needed`);
  }
  return value;
}
