/** How readers learn that something was stored. */

import { startTimer } from "../timer.ts";

/** What else looks for changes while somebody waits for them. */
export interface ChangePoller {
  /** Somebody waits. */
  start(): void;
  /** Nobody waits any more. */
  stop(): void;
}

/**
 * A counter of changes that can be waited on.
 *
 * Take {@linkcode version} before you look, look, and wait with that version: a change between the
 * look and the wait is not missed.
 */
export class ChangeSignal {
  #version = 0;
  readonly #waiting = new Set<() => void>();
  readonly #poller: ChangePoller | undefined;

  /** @param poller Runs only while somebody waits. */
  constructor(poller?: ChangePoller) {
    this.#poller = poller;
  }

  /** How many changes there were. */
  get version(): number {
    return this.#version;
  }

  /** Says that there was a change. */
  notify(): void {
    this.#version++;
    for (const wake of [...this.#waiting]) wake();
  }

  /**
   * Waits until there was a change after `version`, the signal aborts or the time is over. Never
   * rejects, and holds no timer or listener afterwards.
   *
   * @param timeoutMs The longest wait. @default no limit
   */
  wait(version: number, signal: AbortSignal, timeoutMs?: number): Promise<void> {
    if (version !== this.#version || signal.aborted) return Promise.resolve();
    return new Promise((resolve) => {
      const cancelTimer = timeoutMs === undefined ? undefined : startTimer(() => wake(), timeoutMs);
      const wake = (): void => {
        cancelTimer?.();
        signal.removeEventListener("abort", wake);
        this.#waiting.delete(wake);
        if (this.#waiting.size === 0) this.#poller?.stop();
        resolve();
      };
      signal.addEventListener("abort", wake);
      this.#waiting.add(wake);
      if (this.#waiting.size === 1) this.#poller?.start();
    });
  }
}
