/** A member of a group over an embedded storage: claim one event, hand it out, settle it. */

import { JobEventError } from "../errors.ts";
import type { StoredJobEvent } from "../gen/types.ts";
import { ChangeSignal } from "./changes.ts";
import { publicLetter } from "./dead_letters.ts";
import { isEvent } from "./decoder.ts";
import type { Claim, DeadLetter, EventEngine, EventLog, Lease, StoredRow } from "./engine.ts";
import { type CompiledStart, startAfter } from "./follow.ts";
import { type Lifetime, PulledSequence } from "./pull.ts";
import type {
  JobEventDeadLetter,
  JobEventDeliveries,
  JobEventDelivery,
  JobEventFilter,
} from "./storage.ts";

/** What a member of a group is started with; everything is checked. */
export interface MemberOptions {
  /** The group, as its key. */
  readonly group: string;
  /** What the group is about. */
  readonly filter: JobEventFilter;
  /** Where a new group begins. */
  readonly start: CompiledStart;
  /** Whether a group that is there begins there too. */
  readonly reset: boolean;
  /** How long a delivery may stay unsettled, in milliseconds. */
  readonly ackWaitMs: number;
  /** After so many deliveries an event becomes a dead letter. */
  readonly maxDeliver: number;
  /** How many deliveries the member holds at the most. */
  readonly maxPending: number;
  /** Told of what became a dead letter undelivered. */
  readonly onDeadLetter: ((letter: JobEventDeadLetter) => void) | undefined;
}

/** Takes part in a group. */
export class GroupMember {
  readonly #log: EventLog;
  readonly #engine: EventEngine;
  readonly #options: MemberOptions;
  readonly #lifetime: Lifetime;
  readonly #id: string = crypto.randomUUID();
  /** When each unsettled delivery is no longer this member's, by the fence of its claim. */
  readonly #held = new Map<string, number>();
  readonly #room = new ChangeSignal();
  #claims = 0;

  constructor(log: EventLog, options: MemberOptions, lifetime: Lifetime) {
    this.#log = log;
    this.#engine = log.engine;
    this.#options = options;
    this.#lifetime = lifetime;
  }

  /** Joins and gives what the member gets. */
  deliveries(): JobEventDeliveries {
    const { group, filter, start, reset } = this.#options;
    const ready = this.#engine.write(() => {
      if (this.#lifetime.ended) return;
      this.#engine.groups.join(group, filter, startAfter(this.#engine, start), reset);
      if (reset) this.#engine.changes.notify();
    });
    return new PulledSequence(this.#lifetime, ready, () => this.#next());
  }

  /** Gives back what is unsettled. */
  leave(): void {
    if (this.#held.size === 0) return;
    this.#held.clear();
    this.#engine.write(() => this.#engine.groups.release(this.#id)).then(
      () => this.#engine.changes.notify(),
      // A storage that cannot be written to: the leases end by themselves.
      () => {},
    );
  }

  async #next(): Promise<JobEventDelivery | undefined> {
    const { maxPending } = this.#options;
    const { signal } = this.#lifetime;
    while (!this.#lifetime.ended) {
      const now = Date.now();
      const roomVersion = this.#room.version;
      if (this.#held.size >= maxPending && !this.#dropExpired(now)) {
        const nextExpiry = Math.min(...this.#held.values());
        await this.#room.wait(roomVersion, signal, nextExpiry - now);
        continue;
      }
      const { version } = this.#engine.changes;
      const fence = `${this.#id}:${++this.#claims}`;
      const claim = await this.#engine.write(() => this.#claim(fence));
      if ("buried" in claim) {
        this.#tellOfBuried(claim.buried);
      } else if ("row" in claim) {
        const delivery = await this.#deliver(claim.row, claim.deliveryCount, fence);
        if (delivery !== undefined) return delivery;
      } else {
        const waitMs = claim.nextAt === undefined ? undefined : claim.nextAt - Date.now();
        await this.#engine.changes.wait(version, signal, waitMs);
      }
    }
    return undefined;
  }

  #claim(fence: string): Claim {
    if (this.#lifetime.ended) return { nextAt: undefined };
    const { group, ackWaitMs: leaseMs, maxDeliver } = this.#options;
    const now = Date.now();
    const expired = this.#log.span(0).after;
    const request = { group, member: this.#id, fence, now, leaseMs, maxDeliver, expired };
    const claim = this.#engine.groups.claim(request);
    // In the same step, so that a member that ends gives this one back, too.
    if ("row" in claim) this.#held.set(fence, now + leaseMs);
    return claim;
  }

  async #deliver(
    row: StoredRow,
    deliveryCount: number,
    fence: string,
  ): Promise<JobEventDelivery | undefined> {
    const { group, ackWaitMs } = this.#options;
    const { sequence } = row;
    const lease = { group, sequence, fence };
    const event = this.#log.decoder.decode(row);
    if (!isEvent(event)) {
      // Nobody who runs this version can deal with it, and it must not be in the others' way.
      this.#held.delete(fence);
      const buried = await this.#engine.write(() =>
        this.#engine.groups.bury(lease, event.message, Date.now())
      );
      if (buried !== undefined) this.#tellOfBuried(buried);
      return undefined;
    }
    return new Delivery(event, deliveryCount, lease, {
      engine: this.#engine,
      options: this.#options,
      memberId: () => this.#lifetime.ended ? undefined : this.#id,
      assertOpen: this.#log.assertOpen,
      extend: () => {
        if (this.#held.has(fence)) this.#held.set(fence, Date.now() + ackWaitMs);
      },
      drop: () => {
        this.#held.delete(fence);
        this.#room.notify();
      },
    });
  }

  #tellOfBuried(letter: DeadLetter): void {
    this.#options.onDeadLetter?.(publicLetter(letter));
  }

  /** Forgets the deliveries whose time is over: they are the group's again. */
  #dropExpired(now: number): boolean {
    const before = this.#held.size;
    for (const [fence, dueAt] of this.#held) {
      if (dueAt <= now) this.#held.delete(fence);
    }
    return this.#held.size < before;
  }
}

interface DeliveryContext {
  readonly engine: EventEngine;
  readonly options: MemberOptions;
  readonly memberId: () => string | undefined;
  readonly assertOpen: (action: string) => void;
  readonly extend: () => void;
  readonly drop: () => void;
}

class Delivery implements JobEventDelivery {
  readonly event: StoredJobEvent;
  readonly deliveryCount: number;
  readonly #lease: Lease;
  readonly #context: DeliveryContext;
  #settled = false;

  constructor(
    event: StoredJobEvent,
    deliveryCount: number,
    lease: Lease,
    context: DeliveryContext,
  ) {
    this.event = event;
    this.deliveryCount = deliveryCount;
    this.#lease = lease;
    this.#context = context;
  }

  async ack(): Promise<void> {
    await this.#settle("acknowledge", (engine) => engine.groups.settle(this.#lease));
  }

  async nak(options: { readonly delayMs?: number } = {}): Promise<void> {
    const { delayMs = 0 } = options;
    if (!(delayMs >= 0 && delayMs < Infinity)) {
      throw new RangeError(`delayMs must be a number of at least 0, got ${String(delayMs)}`);
    }
    const { options: { maxDeliver } } = this.#context;
    await this.#settle("give back", ({ groups, changes }) => {
      const now = Date.now();
      // The last delivery has failed: there is nothing to wait for.
      if (this.deliveryCount >= maxDeliver) {
        return groups.bury(this.#lease, exhausted(this.deliveryCount), now) !== undefined;
      }
      const held = groups.defer(this.#lease, now + delayMs);
      changes.notify();
      return held;
    });
  }

  async release(): Promise<void> {
    await this.#settle("release", ({ groups, changes }) => {
      const held = groups.undo(this.#lease);
      changes.notify();
      return held;
    });
  }

  async inProgress(): Promise<void> {
    if (this.#settled) return;
    const { engine, options, memberId, extend } = this.#context;
    this.#context.assertOpen("extend delivery");
    const held = await engine.write(() =>
      engine.groups.defer(this.#lease, Date.now() + options.ackWaitMs, memberId())
    );
    if (!held) this.#lose("extend");
    extend();
  }

  async deadLetter(reason: string): Promise<void> {
    await this.#settle(
      "bury",
      ({ groups }) => groups.bury(this.#lease, String(reason), Date.now()) !== undefined,
    );
  }

  async #settle(action: string, change: (engine: EventEngine) => boolean): Promise<void> {
    if (this.#settled) return;
    const { engine, assertOpen } = this.#context;
    assertOpen(`${action} delivery`);
    this.#settled = true;
    let held: boolean;
    try {
      held = await engine.write(() => change(engine));
    } catch (error) {
      this.#settled = false;
      throw error;
    }
    if (!held) this.#lose(action);
    this.#context.drop();
  }

  #lose(action: string): never {
    this.#settled = true;
    this.#context.drop();
    const { sequence, group } = this.#lease;
    throw new JobEventError(
      "ERR_LEASE_LOST",
      `Cannot ${action} event ${sequence} of group ${group}: it was delivered again after its ` +
        `ackWaitMs of ${this.#context.options.ackWaitMs} ms, was deleted, or the group was reset`,
    );
  }
}

/** The reason of a dead letter that nobody settled. */
export function exhausted(deliveryCount: number): string {
  return `Not acknowledged in ${deliveryCount} ${deliveryCount === 1 ? "delivery" : "deliveries"}`;
}
