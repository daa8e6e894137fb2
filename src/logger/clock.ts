/** The time, as the logger and the processor see it. */

import { unrefTimer } from "./host.ts";

/** Cancels a timer. */
export type CancelTimer = () => void;

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

// A longer delay would make the runtime's timer fire at once.
const MAX_DELAY_MS = 2 ** 31 - 1;

/** The real time. */
export const systemClock: Clock = {
  now: () => performance.now(),
  setTimer(callback, delayMs, { keepAlive }) {
    const timer = setTimeout(callback, Math.min(Math.max(delayMs, 0), MAX_DELAY_MS));
    if (!keepAlive) unrefTimer(timer);
    return () => clearTimeout(timer);
  },
};
