/** Who waits for a task. */

import { type CancelTimer, startTimer } from "../../timer.ts";

/** One call of `dequeue` that waits. */
export interface Waiter<Value> {
  readonly queues: readonly string[];
  /** Looks again; gives it a task or leaves it waiting. */
  readonly look: () => Value | undefined;
}

/** How a wait may end without a value. */
export interface WaitLimits {
  readonly timeoutMs: number;
  readonly signal: AbortSignal | undefined;
}

/** Those who wait, in the order in which they came. */
export class Waiters<Value> {
  readonly #waiting = new Map<
    Waiter<Value>,
    { give(value: Value): void; fail(error: Error): void }
  >();

  /** How many wait. */
  get size(): number {
    return this.#waiting.size;
  }

  /** Waits. `null`: the time is over. */
  wait(waiter: Waiter<Value>, { timeoutMs, signal }: WaitLimits): Promise<Value | null> {
    return new Promise((resolve, reject) => {
      let cancel: CancelTimer | undefined;
      const settle = (end: () => void): void => {
        cancel?.();
        signal?.removeEventListener("abort", abort);
        this.#waiting.delete(waiter);
        end();
      };
      const abort = (): void => settle(() => reject(signal?.reason));
      if (timeoutMs !== Infinity) cancel = startTimer(() => settle(() => resolve(null)), timeoutMs);
      signal?.addEventListener("abort", abort);
      this.#waiting.set(waiter, {
        give: (value) => settle(() => resolve(value)),
        fail: (error) => settle(() => reject(error)),
      });
    });
  }

  /** Something came into a queue: whoever came first and wants it gets it. */
  wake(queue: string): void {
    for (const [waiter, { give }] of this.#waiting) {
      if (!waiter.queues.includes(queue)) continue;
      const value = waiter.look();
      if (value === undefined) return;
      give(value);
    }
  }

  /** Ends all waits with an error. */
  failAll(error: Error): void {
    for (const { fail } of [...this.#waiting.values()]) fail(error);
  }
}
