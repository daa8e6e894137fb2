/** Everything that is left to chance in a simulation, from one seed. */

import { seededRandom } from "../../helpers.ts";

/** Random choices. */
export class Chance {
  readonly #below: (limit: number) => number;

  constructor(seed: number) {
    this.#below = seededRandom(seed);
  }

  /** A whole number from `least` to `most`. */
  between(least: number, most: number): number {
    return least + this.#below(most - least + 1);
  }

  /** `true` with this probability. */
  happens(probability: number): boolean {
    return this.fraction() < probability;
  }

  /** A number from 0 up to and without 1. */
  fraction(): number {
    return this.#below(2 ** 20) / 2 ** 20;
  }

  /** One of several. */
  pick<Value>(...values: readonly Value[]): Value {
    return values[this.#below(values.length)]!;
  }
}
