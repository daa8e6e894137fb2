/** Keeps the claims on deliveries, for as long as a processor has them. */

import type { StoredJobEvent } from "../gen/types.ts";
import type { JobEventDelivery } from "../storage/storage.ts";

/**
 * Deliveries that are handled or wait for their turn. Also those that wait: behind slow handlers
 * the wait can be longer than `ackWaitMs`, and another member would get them meanwhile.
 */
export class HeldDeliveries {
  readonly #intervalMs: number;
  readonly #onError: (error: unknown, event: StoredJobEvent) => void;
  readonly #held = new Set<JobEventDelivery>();
  #timer: ReturnType<typeof setInterval> | undefined;

  /**
   * @param ackWaitMs How long a claim holds by itself.
   * @param onError Told of each claim that could not be extended.
   */
  constructor(ackWaitMs: number, onError: (error: unknown, event: StoredJobEvent) => void) {
    this.#intervalMs = Math.max(ackWaitMs / 3, 1);
    this.#onError = onError;
  }

  /** Keeps a claim from now on. */
  add(delivery: JobEventDelivery): void {
    this.#held.add(delivery);
    this.#timer ??= setInterval(() => this.#extend(), this.#intervalMs);
  }

  /** Whether a claim is kept: `false` when it was lost, and somebody else has the event. */
  has(delivery: JobEventDelivery): boolean {
    return this.#held.has(delivery);
  }

  /** Keeps a claim no longer. */
  delete(delivery: JobEventDelivery): void {
    // The timer goes on: the next delivery is a moment away, mostly.
    this.#held.delete(delivery);
  }

  /** Keeps no claim any longer, and stops the timer. */
  clear(): void {
    clearInterval(this.#timer);
    this.#timer = undefined;
    this.#held.clear();
  }

  #extend(): void {
    for (const delivery of this.#held) {
      delivery.inProgress().catch((error: unknown) => {
        // Settled meanwhile, or the processor has stopped.
        if (!this.#held.has(delivery)) return;
        if ((error as { code?: unknown }).code === "ERR_LEASE_LOST") this.delete(delivery);
        this.#onError(error, delivery.event);
      });
    }
  }
}
