/** One event that a member of a group got, until it is settled. */

import { JobEventError } from "../../errors.ts";
import type { StoredJobEvent } from "../../gen/types.ts";
import type { GroupDelivery } from "../../nats/group_delivery.ts";
import type { StreamMessage } from "../../nats/message.ts";
import type { Settlement } from "../../nats/settle.ts";
import { exhausted } from "../group.ts";
import type { JobEventDelivery } from "../storage.ts";

/** What a member got. */
export interface Received {
  /** What the server delivered. */
  readonly source: GroupDelivery;
  /** The event's own message: where it is given again, the source is a copy of it. */
  readonly message: StreamMessage;
  /** How often the group was given the event, with this time. */
  readonly deliveryCount: number;
  /** Whether it comes from the stream of what is given again. */
  readonly isReplay: boolean;
}

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
  /** Tells the server that the event is dealt with. */
  acknowledge(received: Received, dueAt: number): Promise<void>;
  /** Tells the server, trying until then. */
  settle(received: Received, settlement: Settlement, untilMs: number): Promise<void>;
  /** Gives the event back as if it had not been delivered, trying until then. */
  release(received: Received, untilMs: number): Promise<void>;
  /** Stores a dead letter, and acknowledges. */
  bury(received: Received, reason: string): Promise<unknown>;
  /** The event is dealt with, or no longer this member's. */
  drop(delivery: NatsDelivery): void;
}

/** A delivery over a consumer of JetStream. */
export class NatsDelivery implements JobEventDelivery {
  readonly event: StoredJobEvent;
  readonly deliveryCount: number;
  /** What the member got. */
  readonly received: Received;
  readonly #owner: DeliveryOwner;
  #dueAt: number;
  #isLost = false;
  #isSettled = false;

  /**
   * Makes a delivery.
   *
   * @param event The decoded message.
   * @param received What the member got.
   * @param owner The member.
   */
  constructor(event: StoredJobEvent, received: Received, owner: DeliveryOwner) {
    this.event = event;
    this.deliveryCount = received.deliveryCount;
    this.received = received;
    this.#owner = owner;
    this.#dueAt = received.source.dueAt;
  }

  /** When the server may deliver the event again, in milliseconds since the Unix epoch. */
  get dueAt(): number {
    return this.#dueAt;
  }

  /** Whether nobody else can have been given the event. */
  get isLive(): boolean {
    return !this.#isLost && !this.#isSettled && Date.now() < this.#dueAt;
  }

  /** The event was delivered again: every later call fails. */
  lose(): void {
    this.#isLost = true;
    this.#owner.drop(this);
  }

  /** The event is dealt with. Late is better than never: only a new delivery makes it fail. */
  async ack(): Promise<void> {
    await this.#settle(
      "acknowledge",
      () => this.#owner.acknowledge(this.received, this.#dueAt),
    );
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
      else await this.#owner.bury(this.received, exhausted(this.deliveryCount));
    });
  }

  /** The event is to be delivered again, and this delivery does not count. */
  async release(): Promise<void> {
    await this.#settle("release", async () => {
      this.#assertInTime("release");
      await this.#owner.release(this.received, this.#dueAt);
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
      await this.#owner.bury(this.received, String(reason));
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
    await this.#owner.settle(this.received, settlement, this.#dueAt);
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
        `ackWaitMs of ${ackWaitMs} ms ended, or the group was reset`,
    );
  }
}
