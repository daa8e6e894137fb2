/** The time, as the logger and the processor see it. */

import { type CancelTimer, startTimer, unrefTimer } from "../timer.ts";

export type { CancelTimer };

/** Where the time comes from. Tests put a simulated one in its place. */
export interface Clock {
  /** Milliseconds since some fixed moment. */
  now(): number;
  /**
   * Calls back once after `delayMs`.
   *
   * @param options `keepAlive`: whether a script waits for this timer before it exits.
   */
  setTimer(
    callback: () => void,
    delayMs: number,
    options: { readonly keepAlive: boolean },
  ): CancelTimer;
}

/** The real time. */
export const systemClock: Clock = {
  now: () => performance.now(),
  setTimer: (callback, delayMs, { keepAlive }) =>
    startTimer(callback, delayMs, keepAlive ? undefined : unrefTimer),
};
