/** Keeps the claims on deliveries, for as long as a processor has them. */

import type { StoredJobEvent } from "../gen/types.ts";
import type { JobEventDelivery } from "../storage/storage.ts";
import { type CancelTimer, startTimer } from "../timer.ts";

/**
 * Deliveries that are handled or wait for their turn. Also those that wait: behind slow handlers
 * the wait can be longer than `ackWaitMs`, and another member would get them meanwhile.
 */
export class HeldDeliveries {
  readonly #intervalMs: number;
  readonly #onError: (error: unknown, event: StoredJobEvent) => void;
  /** Each with whether a handler has begun. */
  readonly #held = new Map<JobEventDelivery, boolean>();
  #cancelTimer: CancelTimer | undefined;

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
    this.#held.set(delivery, false);
    if (this.#cancelTimer === undefined) this.#arm();
  }

  /** A handler begins. `false`: the claim was lost, and somebody else has the event. */
  begin(delivery: JobEventDelivery): boolean {
    if (!this.#held.has(delivery)) return false;
    this.#held.set(delivery, true);
    return true;
  }

  /** Whether a claim is kept: `false` when it was lost. */
  has(delivery: JobEventDelivery): boolean {
    return this.#held.has(delivery);
  }

  /** Keeps a claim no longer. */
  delete(delivery: JobEventDelivery): void {
    // The timer goes on: the next delivery is a moment away, mostly.
    this.#held.delete(delivery);
  }

  /** Keeps those no longer that no handler has begun, and gives them. */
  takeWaiting(): JobEventDelivery[] {
    const waiting = [...this.#held].filter(([, hasBegun]) => !hasBegun);
    for (const [delivery] of waiting) this.#held.delete(delivery);
    return waiting.map(([delivery]) => delivery);
  }

  /** Keeps no claim any longer, and stops the timer. */
  clear(): void {
    this.#cancelTimer?.();
    this.#cancelTimer = undefined;
    this.#held.clear();
  }

  #arm(): void {
    this.#cancelTimer = startTimer(() => {
      this.#arm();
      this.#extend();
    }, this.#intervalMs);
  }

  #extend(): void {
    for (const delivery of this.#held.keys()) {
      delivery.inProgress().catch((error: unknown) => {
        // Settled meanwhile, or the processor has stopped.
        if (!this.#held.has(delivery)) return;
        if ((error as { code?: unknown }).code === "ERR_LEASE_LOST") this.delete(delivery);
        this.#onError(error, delivery.event);
      });
    }
  }
}
