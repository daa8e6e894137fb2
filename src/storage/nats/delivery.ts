/** One event that a member of a group got, until it is settled. */

import { JobEventError } from "../../errors.ts";
import type { StoredJobEvent } from "../../gen/types.ts";
import type { GroupDelivery, Settlement } from "../../nats/consumer.ts";
import { exhausted } from "../group.ts";
import type { JobEventDelivery } from "../storage.ts";

/** What a delivery asks of the member that got it. */
export interface DeliveryOwner {
  /** The name of the group. */
  readonly consumerName: string;
  /** How long a claim holds, in milliseconds. */
  readonly ackWaitMs: number;
  /** After so many deliveries an event becomes a dead letter. */
  readonly maxDeliver: number;
  /** Throws when the storage is closed. */
  assertOpen(action: string): void;
  /** Tells the server, trying until then. */
  settle(delivery: GroupDelivery, settlement: Settlement, untilMs: number): Promise<void>;
  /** Stores a dead letter, and acknowledges. */
  bury(delivery: GroupDelivery, reason: string, deliveryCount: number): Promise<void>;
  /** The event is dealt with, or no longer this member's. */
  drop(delivery: NatsDelivery): void;
}

/** A delivery over a consumer of JetStream. */
export class NatsDelivery implements JobEventDelivery {
  readonly event: StoredJobEvent;
  readonly deliveryCount: number;
  /** What the server delivered. */
  readonly source: GroupDelivery;
  readonly #owner: DeliveryOwner;
  #dueAt: number;
  #isLost = false;
  #isSettled = false;

  /**
   * Makes a delivery whose time begins now.
   *
   * @param event The decoded message.
   * @param source What the server delivered.
   * @param owner The member.
   */
  constructor(event: StoredJobEvent, source: GroupDelivery, owner: DeliveryOwner) {
    this.event = event;
    this.deliveryCount = source.info.deliveryCount;
    this.source = source;
    this.#owner = owner;
    this.#dueAt = Date.now() + owner.ackWaitMs;
  }

  /** When the server may deliver the event again, in milliseconds since the Unix epoch. */
  get dueAt(): number {
    return this.#dueAt;
  }

  /** The event was delivered again: every later call fails. */
  lose(): void {
    this.#isLost = true;
    this.#owner.drop(this);
  }

  /** The event is dealt with. Late is better than never: only a new delivery makes it fail. */
  async ack(): Promise<void> {
    await this.#settle("acknowledge", () => this.#tell("ack"));
  }

  /** The event is to be delivered again. */
  async nak(options: { readonly delayMs?: number } = {}): Promise<void> {
    const { delayMs = 0 } = options;
    if (!(delayMs >= 0 && delayMs < Infinity)) {
      throw new RangeError(`delayMs must be a number of at least 0, got ${String(delayMs)}`);
    }
    await this.#settle("give back", async () => {
      this.#assertInTime("give back");
      if (this.deliveryCount < this.#owner.maxDeliver) await this.#tell({ nakMs: delayMs });
      // The last delivery has failed: there is nothing to wait for.
      else await this.#owner.bury(this.source, exhausted(this.deliveryCount), this.deliveryCount);
    });
  }

  /** The time begins anew. */
  async inProgress(): Promise<void> {
    if (this.#isSettled) return;
    this.#assertHeld("extend");
    this.#owner.assertOpen("extend delivery");
    await this.#tell("progress");
    this.#dueAt = Date.now() + this.#owner.ackWaitMs;
  }

  /** The event becomes a dead letter. */
  async deadLetter(reason: string): Promise<void> {
    await this.#settle("bury", async () => {
      this.#assertInTime("bury");
      await this.#owner.bury(this.source, String(reason), this.deliveryCount);
    });
  }

  async #settle(action: string, change: () => Promise<void>): Promise<void> {
    if (this.#isSettled) return;
    this.#assertHeld(action);
    this.#owner.assertOpen(`${action} delivery`);
    this.#isSettled = true;
    try {
      await change();
    } catch (error) {
      // It can be tried again.
      this.#isSettled = false;
      throw error;
    }
    this.#owner.drop(this);
  }

  async #tell(settlement: Settlement): Promise<void> {
    await this.#owner.settle(this.source, settlement, this.#dueAt);
  }

  #assertHeld(action: string): void {
    if (this.#isLost) throw this.#leaseLost(action);
  }

  /** Whoever has the event by now must not lose it to somebody who comes too late. */
  #assertInTime(action: string): void {
    if (Date.now() < this.#dueAt) return;
    this.lose();
    throw this.#leaseLost(action);
  }

  #leaseLost(action: string): JobEventError {
    const { consumerName, ackWaitMs } = this.#owner;
    return new JobEventError(
      "ERR_LEASE_LOST",
      `Cannot ${action} event ${this.event.natsSequence} of group ${consumerName}: its ` +
        `ackWaitMs of ${ackWaitMs} ms ended`,
    );
  }
}

const MIN_PRUNE_SIZE = 1000;

/**
 * The latest delivery of each event to each group, as far as one storage saw it: the server takes
 * an acknowledgement from whoever had the event before.
 */
export class ClaimBook {
  // Whoever drops a delivery unsettled must not keep its event in memory.
  readonly #latest = new Map<string, WeakRef<NatsDelivery>>();
  #pruneAt = MIN_PRUNE_SIZE;

  /** Writes down a delivery; an earlier one of the same event is lost. */
  claim(group: string, delivery: NatsDelivery): void {
    const key = keyOf(group, delivery);
    this.#latest.get(key)?.deref()?.lose();
    this.#latest.set(key, new WeakRef(delivery));
    if (this.#latest.size >= this.#pruneAt) this.#prune();
  }

  /** The event was settled. */
  settle(group: string, delivery: NatsDelivery): void {
    const key = keyOf(group, delivery);
    if (this.#latest.get(key)?.deref() === delivery) this.#latest.delete(key);
  }

  #prune(): void {
    for (const [key, reference] of this.#latest) {
      if (reference.deref() === undefined) this.#latest.delete(key);
    }
    this.#pruneAt = Math.max(MIN_PRUNE_SIZE, this.#latest.size * 2);
  }
}

function keyOf(group: string, { event }: NatsDelivery): string {
  return `${event.natsSequence} ${group}`;
}
