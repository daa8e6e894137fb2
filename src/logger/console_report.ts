/** The report of a logger whose owner asked for none: one line, now and then. */

import type { Clock } from "./clock.ts";

const QUIET_MS = 10_000;

/** Counts what goes wrong and says it on the console, at most every ten seconds. */
export class ConsoleReport {
  readonly #clock: Clock;
  readonly #counts = new Map<string, number>();
  #lastMs = -Infinity;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /**
   * @param what What happened, as the words after a number: "events dropped (overflow)".
   * @param count How many times.
   * @param reason More about the last one.
   */
  add(what: string, count: number, reason: string = ""): void {
    this.#counts.set(what, (this.#counts.get(what) ?? 0) + count);
    const now = this.#clock.now();
    if (now - this.#lastMs < QUIET_MS) return;
    this.#lastMs = now;
    const parts = [...this.#counts].map(([what, count]) => `${count} ${what}`);
    this.#counts.clear();
    console.warn(`[naq/events] ${parts.join(", ")}${reason === "" ? "" : `: ${reason}`}`);
  }
}
