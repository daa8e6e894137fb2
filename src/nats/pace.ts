/** How much to read ahead for somebody. */

/** The most messages that are read ahead. */
const MAX_AHEAD = 100;
/** What is taken in this time is read ahead. */
const AHEAD_MS = 20;

/** Measures how fast messages are taken by somebody who is busy with each for a while. */
export class Pace {
  #ahead = 1;
  #taken = 0;
  #busyMs = 0;
  #busySince: number | undefined;

  /** Somebody comes for a message, and so is no longer busy with the one before. */
  come(): void {
    if (this.#busySince === undefined) return;
    this.#busyMs += performance.now() - this.#busySince;
    this.#taken++;
    this.#busySince = undefined;
  }

  /** Somebody got a message. */
  take(): void {
    this.#busySince = performance.now();
  }

  /** How many messages to have ready: as many as are taken in a moment, at most twice as many as
   * before, and one for somebody who waits. */
  get ahead(): number {
    const pace = this.#taken / Math.max(this.#busyMs, 0.001);
    const ahead = Math.min(Math.floor(pace * AHEAD_MS), this.#ahead * 2, MAX_AHEAD);
    return Math.max(ahead, this.#busySince === undefined ? 1 : 0);
  }

  /** So many were asked for: the measurement begins anew. */
  ask(ahead: number): void {
    this.#ahead = ahead;
    this.#taken = this.#busyMs = 0;
  }
}
