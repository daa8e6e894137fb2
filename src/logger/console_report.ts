/** The report of a logger whose owner asked for none: one line, now and then. */

import type { Clock } from "./clock.ts";

const QUIET_MS = 10_000;

/** Counts what goes wrong and says it on the console, at most every ten seconds. */
export class ConsoleReport {
  readonly #clock: Clock;
  readonly #counts = new Map<string, number>();
  #reason = "";
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
    if (reason !== "") this.#reason = reason;
    const now = this.#clock.now();
    if (now - this.#lastMs < QUIET_MS) return;
    this.#lastMs = now;
    this.#say();
  }

  /** Says now what is left to say, and what comes next when it comes. */
  flush(): void {
    this.#lastMs = -Infinity;
    if (this.#counts.size > 0) this.#say();
  }

  #say(): void {
    const parts = [...this.#counts].map(([what, count]) => `${count} ${what}`);
    const reason = this.#reason === "" ? "" : `: ${this.#reason}`;
    this.#counts.clear();
    this.#reason = "";
    console.warn(`[naq/events] ${parts.join(", ")}${reason}`);
  }
}
