/** A member of a group: gets one event after the other, and holds what is not settled. */

import { isJobEventError } from "../../errors.ts";
import type { StoredJobEvent } from "../../gen/types.ts";
import { type GroupDelivery, GroupReader, settle, type Settlement } from "../../nats/consumer.ts";
import type { DeadLetterStore } from "../../nats/dead_letters.ts";
import { ensureGroup, type GroupOptions } from "../../nats/group_setup.ts";
import { isTransient, patiently, type ReadContext } from "../../nats/patience.ts";
import { ChangeSignal } from "../changes.ts";
import type { CompiledFilter } from "../filter.ts";
import { exhausted } from "../group.ts";
import type { Lifetime } from "../pull.ts";
import { type EventDecoder, isEvent } from "./decoder.ts";
import { type ClaimBook, type DeliveryOwner, NatsDelivery } from "./delivery.ts";

/** What the members of a storage share. */
export interface MemberContext {
  readonly reads: ReadContext;
  readonly decoder: EventDecoder;
  readonly deadLetters: DeadLetterStore;
  readonly claims: ClaimBook;
  /** Throws when the storage is closed. */
  readonly assertOpen: (action: string) => void;
}

/** What a member is started with; everything is checked. */
export interface MemberOptions extends GroupOptions {
  /** The name of the group as the caller gave it. */
  readonly consumerName: string;
  /** What the subjects do not tell. */
  readonly filter: CompiledFilter;
  /** After so many deliveries an event becomes a dead letter. */
  readonly maxDeliver: number;
  /** How many deliveries the member holds at the most. */
  readonly maxPending: number;
}

/** How long the end of a member may take, in milliseconds. */
const LEAVE_MS = 2000;

/** Takes part in a group. */
export class NatsGroupMember implements DeliveryOwner {
  readonly consumerName: string;
  readonly ackWaitMs: number;
  readonly maxDeliver: number;
  readonly assertOpen: (action: string) => void;
  readonly #context: MemberContext;
  readonly #options: MemberOptions;
  readonly #reader: GroupReader;
  readonly #held = new Set<NatsDelivery>();
  readonly #room = new ChangeSignal();

  /**
   * Makes a member; {@linkcode join} begins.
   *
   * @param context What it shares with others.
   * @param options The group.
   */
  constructor(context: MemberContext, options: MemberOptions) {
    this.#context = context;
    this.#options = options;
    this.#reader = new GroupReader(context.reads, options.name);
    this.assertOpen = context.assertOpen;
    this.consumerName = options.consumerName;
    this.ackWaitMs = options.ackWaitMs;
    this.maxDeliver = options.maxDeliver;
  }

  /** Makes the group where it is not there yet. */
  async join(signal: AbortSignal): Promise<void> {
    const { reads } = this.#context;
    await patiently(reads, () => ensureGroup(reads.stream, this.#options), signal);
  }

  /** The next event, or `undefined` when the life is over. */
  async next(lifetime: Lifetime): Promise<NatsDelivery | undefined> {
    const { signal } = lifetime;
    while (!lifetime.ended) {
      const { version } = this.#room;
      if (this.#held.size >= this.#options.maxPending && !this.#dropExpired()) {
        const nextExpiry = Math.min(...[...this.#held].map(({ dueAt }) => dueAt));
        await this.#room.wait(version, signal, nextExpiry - Date.now());
        continue;
      }
      const source = await this.#reader.next(signal);
      if (source === undefined) break;
      const event = await this.#sift(source);
      if (event === undefined) continue;
      const delivery = new NatsDelivery(event, source, this);
      this.#context.claims.claim(this.#options.name, delivery);
      this.#held.add(delivery);
      return delivery;
    }
    return undefined;
  }

  /** Asks for nothing more, and gives back what is unsettled. */
  async leave(): Promise<void> {
    const { link } = this.#context.reads;
    // First, so that what is given back goes to somebody else.
    this.#reader.close();
    for (const { source } of this.#held) this.#reader.giveBack(source.ackSubject);
    this.#held.clear();
    if (!link.isUp) return;
    let timer: ReturnType<typeof setTimeout> | undefined;
    const late = new Promise<void>((resolve) => timer = setTimeout(resolve, LEAVE_MS));
    await Promise.race([link.connection.flush().catch(() => {}), late]);
    clearTimeout(timer);
  }

  /** Tells the server what became of a delivery. */
  async settle(source: GroupDelivery, settlement: Settlement, untilMs: number): Promise<void> {
    await settle(this.#context.reads, source, settlement, untilMs);
  }

  /** Stores a dead letter, and only then acknowledges. */
  async bury(source: GroupDelivery, reason: string, deliveryCount: number): Promise<void> {
    const { name, ackWaitMs } = this.#options;
    const { message } = source;
    const letter = { message, group: name, reason, deliveryCount, deadAt: Date.now() };
    await this.#context.deadLetters.put(letter);
    await this.settle(source, "ack", Date.now() + ackWaitMs);
  }

  /** A delivery is settled or lost. */
  drop(delivery: NatsDelivery): void {
    this.#context.claims.settle(this.#options.name, delivery);
    if (this.#held.delete(delivery)) this.#room.notify();
  }

  /** The event of a delivery, if it is for the caller; else it is dealt with here. */
  async #sift(source: GroupDelivery): Promise<StoredJobEvent | undefined> {
    const { message, info: { deliveryCount } } = source;
    const { maxDeliver, filter } = this.#options;
    if (deliveryCount > maxDeliver) {
      const count = deliveryCount - 1;
      await this.#tryToBury(source, exhausted(count), count);
      return undefined;
    }
    const event = this.#context.decoder.decode(message);
    if (!isEvent(event)) {
      await this.#tryToBury(source, event.message, deliveryCount);
      return undefined;
    }
    if (filter.matches(event)) return event;
    this.#reader.pass(source.ackSubject);
    return undefined;
  }

  async #tryToBury(source: GroupDelivery, reason: string, deliveryCount: number): Promise<void> {
    try {
      await this.bury(source, reason, deliveryCount);
    } catch (error) {
      // It comes again when its time is over, or has come already.
      const isLost = isJobEventError(error) && error.code === "ERR_LEASE_LOST";
      if (!isLost && !isTransient(error)) throw error;
    }
  }

  /** Forgets the deliveries whose time is over: they are the group's again. */
  #dropExpired(): boolean {
    const now = Date.now();
    const before = this.#held.size;
    for (const delivery of this.#held) {
      if (delivery.dueAt <= now) this.#held.delete(delivery);
    }
    return this.#held.size < before;
  }
}
