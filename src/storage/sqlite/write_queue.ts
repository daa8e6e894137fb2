/** Waiting for the lock of another process without stopping this one. */

import { isBusy } from "./errors.ts";

const RETRY_MS = 10;

/** Tries what writes again while the file is locked elsewhere: in the order of the calls. */
export class WriteQueue {
  readonly #timeoutMs: number;
  #waiting = 0;
  #last: Promise<unknown> = Promise.resolve();

  /** @param timeoutMs How long to try. */
  constructor(timeoutMs: number) {
    this.#timeoutMs = timeoutMs;
  }

  /**
   * Runs something, at once where that is possible.
   *
   * @param signal Ends the waiting.
   */
  run<Result>(work: () => Result, signal?: AbortSignal): Promise<Result> {
    if (this.#waiting === 0) {
      try {
        return Promise.resolve(work());
      } catch (error) {
        if (!isBusy(error)) return Promise.reject(error);
      }
    }
    const deadline = performance.now() + this.#timeoutMs;
    this.#waiting++;
    const result = this.#last
      .then(() => this.#retry(work, deadline, signal))
      .finally(() => this.#waiting--);
    this.#last = result.catch(() => {});
    return result;
  }

  /** Waits until nothing waits. */
  async idle(): Promise<void> {
    while (this.#waiting > 0) await this.#last;
  }

  async #retry<Result>(
    work: () => Result,
    deadline: number,
    signal: AbortSignal | undefined,
  ): Promise<Result> {
    for (;;) {
      try {
        return work();
      } catch (error) {
        const isOver = performance.now() >= deadline || signal?.aborted === true;
        if (isOver || !isBusy(error)) throw error;
      }
      await new Promise((resolve) => setTimeout(resolve, RETRY_MS));
    }
  }
}
