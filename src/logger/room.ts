/** Those who wait for room in a full buffer. */

import type { CancelTimer, Clock } from "./clock.ts";

/** Callers of `ready()`. A script does not end while there are any. */
export class RoomWaiters {
  readonly #clock: Clock;
  readonly #resolves: (() => void)[] = [];
  #letEnd: CancelTimer | undefined;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** Waits for {@linkcode resolveAll}. */
  wait(): Promise<void> {
    // The timers of the sender keep no script alive, and a sink need not.
    this.#letEnd ??= this.#clock.setTimer(() => {}, Infinity, { keepAlive: true });
    return new Promise((resolve) => this.#resolves.push(resolve));
  }

  /** There is room, or nobody will need it. */
  resolveAll(): void {
    this.#letEnd?.();
    this.#letEnd = undefined;
    for (const resolve of this.#resolves.splice(0)) resolve();
  }
}
