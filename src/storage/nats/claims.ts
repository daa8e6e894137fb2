/** Who has which event, as far as one storage sees it. */

import type { NatsDelivery } from "./delivery.ts";

const MIN_PRUNE_SIZE = 1000;
const MAX_UNSEEN = 10_000;

/**
 * The latest delivery of each event to each group, as far as one storage saw it: the server takes
 * an acknowledgement from whoever had the event before.
 */
export class ClaimBook {
  /** By group and position. */
  readonly #latest = new Map<string, Claims>();
  /** How many of the deliveries that the server counts nobody saw. */
  readonly #unseen = new Map<string, number>();
  /** When the consumer of each group was made. */
  readonly #created = new Map<string, string>();
  readonly #watchers = new Map<string, Set<() => void>>();

  /**
   * Writes down a delivery; an earlier one of the same event is lost.
   *
   * @returns `false` when the event is under way in another form, once as itself and once as what
   * is given again: once is enough. Not so where the count goes on: then the time of the earlier
   * delivery is over, and if it is not over here, its message was on its way for long.
   */
  claim(group: string, delivery: NatsDelivery): boolean {
    const claims = this.#latest.get(group) ?? new Claims();
    this.#latest.set(group, claims);
    const earlier = claims.get(delivery.event.natsSequence);
    const isOther = earlier?.received.isReplay !== delivery.received.isReplay;
    const isNext = delivery.deliveryCount > (earlier?.deliveryCount ?? 0);
    if (earlier?.isLive && isOther && !isNext) return false;
    earlier?.lose();
    claims.set(delivery.event.natsSequence, delivery);
    return true;
  }

  /** The event was settled. */
  settle(group: string, delivery: NatsDelivery): void {
    const { natsSequence } = delivery.event;
    const claims = this.#latest.get(group);
    if (claims?.get(natsSequence) === delivery) claims.delete(natsSequence);
  }

  /** The member does not hold the delivery any more; its caller may still settle it. */
  loosen(group: string, delivery: NatsDelivery): void {
    const { natsSequence } = delivery.event;
    const claims = this.#latest.get(group);
    if (claims?.get(natsSequence) === delivery) claims.loosen(natsSequence, delivery);
  }

  /** How many deliveries of an event came to nobody's eyes. */
  unseen(group: string, sequence: number): number {
    return this.#unseen.size === 0 ? 0 : this.#unseen.get(keyOf(group, sequence)) ?? 0;
  }

  /** A delivery was given back that nobody saw. */
  addUnseen(group: string, sequence: number): void {
    const key = keyOf(group, sequence);
    this.#unseen.set(key, (this.#unseen.get(key) ?? 0) + 1);
    if (this.#unseen.size <= MAX_UNSEEN) return;
    const [oldest] = this.#unseen.keys();
    this.#unseen.delete(oldest!);
  }

  /** An event will not be delivered again. */
  forgetUnseen(group: string, sequence: number): void {
    if (this.#unseen.size > 0) this.#unseen.delete(keyOf(group, sequence));
  }

  /** Calls back when a group has another consumer. The returned function ends that. */
  watch(group: string, callback: () => void): () => void {
    const watchers = this.#watchers.get(group) ?? new Set();
    this.#watchers.set(group, watchers.add(callback));
    return () => {
      watchers.delete(callback);
      if (watchers.size === 0) this.#watchers.delete(group);
    };
  }

  /** A group has this consumer: if there was another one before, what that delivered is void. */
  renew(group: string, created: string): void {
    const before = this.#created.get(group);
    this.#created.set(group, created);
    if (before === undefined || before === created) return;
    for (const key of [...this.#unseen.keys()]) {
      if (isOf(group, key)) this.#unseen.delete(key);
    }
    for (const delivery of this.#latest.get(group)?.all() ?? []) delivery.lose();
    for (const callback of this.#watchers.get(group) ?? []) callback();
  }
}

/**
 * The latest deliveries of a group. Whoever drops a delivery unsettled must not keep its event in
 * memory: when its member holds it no longer, it is not held here either.
 */
class Claims {
  readonly #bySequence = new Map<number, NatsDelivery | WeakRef<NatsDelivery>>();
  #pruneAt = MIN_PRUNE_SIZE;

  get(sequence: number): NatsDelivery | undefined {
    return deref(this.#bySequence.get(sequence));
  }

  set(sequence: number, delivery: NatsDelivery): void {
    this.#bySequence.set(sequence, delivery);
    if (this.#bySequence.size >= this.#pruneAt) this.#prune();
  }

  loosen(sequence: number, delivery: NatsDelivery): void {
    this.#bySequence.set(sequence, new WeakRef(delivery));
  }

  delete(sequence: number): void {
    this.#bySequence.delete(sequence);
  }

  all(): NatsDelivery[] {
    return [...this.#bySequence.values()].flatMap((reference) => deref(reference) ?? []);
  }

  #prune(): void {
    for (const [sequence, reference] of this.#bySequence) {
      if (deref(reference) === undefined) this.#bySequence.delete(sequence);
    }
    this.#pruneAt = Math.max(MIN_PRUNE_SIZE, this.#bySequence.size * 2);
  }
}

function deref(
  reference: NatsDelivery | WeakRef<NatsDelivery> | undefined,
): NatsDelivery | undefined {
  return reference instanceof WeakRef ? reference.deref() : reference;
}

function keyOf(group: string, sequence: number): string {
  return `${sequence} ${group}`;
}

function isOf(group: string, key: string): boolean {
  return key.slice(key.indexOf(" ") + 1) === group;
}
