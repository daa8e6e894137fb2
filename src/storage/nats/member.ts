/** A member of a group: gets one event after the other, and holds what is not settled. */

import { isJobEventError } from "../../errors.ts";
import type { AckSender } from "../../nats/ack_sender.ts";
import type { DeadLetterStore, StoredLetter } from "../../nats/dead_letters.ts";
import type { GroupDelivery } from "../../nats/group_delivery.ts";
import { GroupReader } from "../../nats/group_reader.ts";
import { ensureGroup, ensureReplays, type GroupOptions } from "../../nats/group_setup.ts";
import { completed, fitReason, type KeptMessage, readKept } from "../../nats/kept.ts";
import { isTransient, patiently, type ReadContext } from "../../nats/patience.ts";
import { settle, type Settlement } from "../../nats/settle.ts";
import { ChangeSignal } from "../changes.ts";
import type { CompiledFilter } from "../filter.ts";
import { exhausted } from "../group.ts";
import type { Lifetime } from "../pull.ts";
import type { JobEventDeadLetter } from "../storage.ts";
import type { ClaimBook } from "./claims.ts";
import { publicLetter } from "./dead_letters.ts";
import { type EventDecoder, isEvent } from "../decoder.ts";
import { type DeliveryOwner, NatsDelivery, type Received } from "./delivery.ts";

/** What the members of a storage share. */
export interface MemberContext {
  readonly reads: ReadContext;
  readonly decoder: EventDecoder;
  readonly deadLetters: DeadLetterStore;
  readonly claims: ClaimBook;
  readonly acks: AckSender;
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
  /** Told of what became a dead letter undelivered. */
  readonly onDeadLetter: ((letter: JobEventDeadLetter) => void) | undefined;
}

/** How long the end of a member may take, in milliseconds. */
const LEAVE_MS = 2000;
/** While there is always another event, what is given again is asked for so often. */
const REPLAYS_MS = 100;

/**
 * Takes part in a group.
 *
 * It reads ahead, and the server counts a delivery that nobody was handed. No event may become a
 * dead letter because of such deliveries. So the last delivery that an event may have is made
 * through the stream of what is given again, from which one message is taken at a time.
 */
export class NatsGroupMember implements DeliveryOwner {
  readonly consumerName: string;
  readonly ackWaitMs: number;
  readonly maxDeliver: number;
  readonly assertOpen: (action: string) => void;
  readonly #context: MemberContext;
  readonly #options: MemberOptions;
  readonly #events: GroupReader;
  readonly #replays: GroupReader;
  readonly #held = new Set<NatsDelivery>();
  readonly #changes = new ChangeSignal();
  readonly #stopWatching: () => void;
  #isAsked = false;
  #hasLeft = false;
  #replaysAskedAt = 0;
  /** What was taken and waited for its bytes. */
  #whole: Received | undefined;

  /**
   * Makes a member; {@linkcode join} begins.
   *
   * @param context What it shares with others.
   * @param options The group.
   */
  constructor(context: MemberContext, options: MemberOptions) {
    const { reads, deadLetters, claims } = context;
    const { name, ackWaitMs } = options;
    this.#context = context;
    this.#options = options;
    this.assertOpen = context.assertOpen;
    this.consumerName = options.consumerName;
    this.ackWaitMs = ackWaitMs;
    this.maxDeliver = options.maxDeliver;
    const shared = {
      ackWaitMs,
      isAsked: () => this.#isAsked,
      onRequest: () => void context.acks.flush(),
      onArrival: () => this.#changes.notify(),
    };
    this.#events = new GroupReader(reads, name, {
      ...shared,
      room: () => this.#roomAhead(),
      onMessage: (delivery) => !this.#moveLast(delivery),
      onUnseen: (delivery) => this.#returnEvent(delivery),
      onConsumer: (created) => claims.renew(name, created),
    });
    this.#replays = new GroupReader(deadLetters.replays.context, name, {
      ...shared,
      room: () => this.#held.size < options.maxPending ? 1 : 0,
      onMessage: () => true,
      onUnseen: (delivery) => this.#returnReplay(delivery),
      onConsumer: () => {},
    });
    this.#stopWatching = claims.watch(name, () => {
      this.#events.restart();
      this.#changes.notify();
    });
  }

  /** Makes the group where it is not there yet. */
  async join(signal: AbortSignal): Promise<void> {
    const { reads, deadLetters: { replays }, claims } = this.#context;
    const { name } = this.#options;
    await patiently(reads, () => ensureReplays(replays, this.#options), signal);
    // Last, so that a reset is not repeated when the other fails.
    const ensure = (): Promise<string> => ensureGroup(reads.stream, this.#options);
    claims.renew(name, await patiently(reads, ensure, signal));
  }

  /** The next event, or `undefined` when the life is over. */
  async next(lifetime: Lifetime): Promise<NatsDelivery | undefined> {
    const { signal } = lifetime;
    this.#isAsked = true;
    try {
      while (!signal.aborted) {
        const { version } = this.#changes;
        this.#events.assertReading();
        this.#replays.assertReading();
        if (this.#held.size >= this.#options.maxPending && !this.#dropExpired()) {
          const nextExpiry = Math.min(...[...this.#held].map(({ dueAt }) => dueAt));
          await this.#changes.wait(version, signal, nextExpiry - Date.now());
          continue;
        }
        const received = this.#take();
        const sifted = received && this.#sift(received);
        this.#ask(received === undefined);
        if (sifted instanceof NatsDelivery) return sifted;
        if (received === undefined) await this.#changes.wait(version, signal);
        else await sifted;
      }
      return undefined;
    } finally {
      this.#isAsked = false;
    }
  }

  /** Asks for nothing more, and gives back what is unsettled. */
  async leave(): Promise<void> {
    const { reads: { link }, acks } = this.#context;
    this.#hasLeft = true;
    this.#stopWatching();
    const left = Promise.all([this.#leaveEvents(), this.#leaveReplays()])
      .then(() => acks.drained())
      .then(() => link.connection.flush())
      .catch(() => {});
    if (!link.isUp) return;
    let timer: ReturnType<typeof setTimeout> | undefined;
    const late = new Promise<void>((resolve) => timer = setTimeout(resolve, LEAVE_MS));
    await Promise.race([left, late]);
    clearTimeout(timer);
  }

  async #leaveEvents(): Promise<void> {
    const held = [...this.#held];
    for (const delivery of held) this.#loosen(delivery);
    // First, so that what is given back goes to somebody else.
    const unseen = await this.#events.close();
    for (const { received: { source } } of held) this.#events.giveBack(source);
    for (const delivery of unseen) this.#returnEvent(delivery);
  }

  async #leaveReplays(): Promise<void> {
    const unseen = await this.#replays.close();
    if (this.#whole !== undefined) unseen.push(this.#whole.source);
    for (const delivery of unseen) this.#returnReplay(delivery);
  }

  /** Tells the server that an event is dealt with. */
  async acknowledge(received: Received, dueAt: number): Promise<void> {
    const { reads: { link }, acks, claims } = this.#context;
    const { source } = received;
    const isLate = Date.now() >= dueAt;
    if (link.isUp && !isLate) {
      await acks.send(source.ackSubject);
      // The event was given back: whoever asks next must not get it.
      if (this.#hasLeft) acks.flush();
    } else await this.settle(received, "ack", dueAt);
    claims.forgetUnseen(this.#options.name, received.message.sequence);
    if (isLate) this.#discard(received);
  }

  /** Drops the next delivery of what is settled now: it may have come already. */
  #discard({ source, isReplay }: Received): void {
    (isReplay ? this.#replays : this.#events).discard(source.info.streamSequence);
  }

  /** Tells the server what became of a delivery. */
  async settle({ source }: Received, settlement: Settlement, untilMs: number): Promise<void> {
    await settle(source, settlement, untilMs);
  }

  /** Gives an event back; other processes count the delivery nevertheless, but for the last one. */
  async release(received: Received, untilMs: number): Promise<void> {
    const { claims, deadLetters: { replays } } = this.#context;
    const { source, message, deliveryCount, isReplay } = received;
    if (!isReplay && source.info.deliveryCount < this.maxDeliver) {
      claims.addUnseen(this.#options.name, message.sequence);
      return await this.settle(received, { nakMs: 0 }, untilMs);
    }
    // It takes the place of the copy that is delivered.
    await replays.put(this.#keep(received, deliveryCount - 1, "Last delivery"));
    if (!isReplay) await this.settle(received, "ack", untilMs);
  }

  /** Stores a dead letter, and only then acknowledges. */
  async bury(received: Received, reason: string): Promise<StoredLetter> {
    const { name, ackWaitMs } = this.#options;
    this.#events.keep(received.source);
    const letter = this.#keep(received, received.deliveryCount, reason);
    const stored = await this.#context.deadLetters.put(letter);
    await this.settle(received, "ack", Date.now() + ackWaitMs);
    this.#context.claims.forgetUnseen(name, received.message.sequence);
    this.#discard(received);
    return stored;
  }

  /** A delivery is settled or lost. */
  drop(delivery: NatsDelivery): void {
    this.#context.claims.settle(this.#options.name, delivery);
    if (!this.#held.delete(delivery)) return;
    this.#changes.notify();
  }

  #ask(waits: boolean): void {
    this.#events.ask(waits);
    const now = performance.now();
    if (!waits && now - this.#replaysAskedAt < REPLAYS_MS) return;
    this.#replaysAskedAt = now;
    this.#replays.ask(waits);
  }

  #roomAhead(): number {
    const { maxDeliver, maxPending } = this.#options;
    // The first delivery is the last one: nobody gets it without handing it out.
    if (maxDeliver === 1) return 0;
    return maxPending - this.#held.size - this.#replays.waiting;
  }

  #take(): Received | undefined {
    const whole = this.#whole;
    this.#whole = undefined;
    if (whole !== undefined) return whole;
    const replay = this.#replays.take();
    if (replay !== undefined) return this.#unpack(replay);
    const source = this.#events.take();
    if (source === undefined) return undefined;
    return this.#received(source);
  }

  #received(source: GroupDelivery): Received {
    const { message, info: { deliveryCount: count } } = source;
    const unseen = this.#context.claims.unseen(this.#options.name, message.sequence);
    return { source, message, deliveryCount: count - unseen, isReplay: false };
  }

  #unpack(source: GroupDelivery): Received | undefined {
    const kept = readKept(source.message);
    if (kept !== undefined) {
      const deliveryCount = kept.deliveryCount + source.info.deliveryCount;
      return { source, message: kept.message, deliveryCount, isReplay: true };
    }
    this.#replays.pass(source);
    return undefined;
  }

  /** The delivery of what is for the caller; else it is dealt with here. */
  #sift(received: Received): NatsDelivery | Promise<void> | undefined {
    const { maxDeliver, filter, name } = this.#options;
    const { source, message, deliveryCount, isReplay } = received;
    if (deliveryCount > maxDeliver) {
      const deliveries = deliveryCount - 1;
      const last = { ...received, deliveryCount: deliveries };
      return this.#attempt(() => this.#buryUndelivered(last, exhausted(deliveries)));
    }
    if (isReplay && message.isOmitted) return this.#attempt(() => this.#complete(received));
    const event = this.#context.decoder.decode(message);
    if (!isEvent(event)) {
      return this.#attempt(() => this.#buryUndelivered(received, event.message));
    }
    const delivery = new NatsDelivery(event, received, this);
    const isWanted = isReplay || filter.matches(event);
    if (isWanted && this.#context.claims.claim(name, delivery)) {
      this.#held.add(delivery);
      return delivery;
    }
    this.#events.pass(source);
    return undefined;
  }

  async #attempt(action: () => Promise<void>): Promise<void> {
    try {
      await action();
    } catch (error) {
      // It comes again when its time is over, or has come already.
      const isLost = isJobEventError(error) && error.code === "ERR_LEASE_LOST";
      if (!isLost && !isTransient(error)) throw error;
    }
  }

  async #buryUndelivered(received: Received, reason: string): Promise<void> {
    const letter = await this.bury(received, reason);
    this.#options.onDeadLetter?.(publicLetter(letter));
  }

  /**
   * Moves what may be at its last delivery to where deliveries are made one at a time. The server's
   * count decides: other processes know no other.
   */
  #moveLast(source: GroupDelivery): boolean {
    const received = this.#received(source);
    const { deliveryCount } = received;
    const isLast = source.info.deliveryCount >= this.maxDeliver && deliveryCount <= this.maxDeliver;
    if (!isLast || this.maxDeliver === 1) return false;
    const last = this.#keep(received, deliveryCount - 1, "Last delivery");
    const move = async (): Promise<void> => {
      await this.#context.deadLetters.replays.put(last);
      await this.settle(received, "ack", source.dueAt);
      this.#discard(received);
    };
    // Where it fails the event comes again when its time is over.
    move().catch(() => {});
    return true;
  }

  async #complete(received: Received): Promise<void> {
    const { isOmitted: _, ...message } = await completed(this.#context.reads, received.message);
    this.#whole = { ...received, message };
  }

  #keep({ message }: Received, deliveryCount: number, reason: string): KeptMessage {
    const { name: group } = this.#options;
    return { message, group, deliveryCount, reason: fitReason(reason), keptAt: Date.now() };
  }

  #returnEvent(source: GroupDelivery): void {
    const { claims, deadLetters: { replays } } = this.#context;
    const received = this.#received(source);
    if (source.info.deliveryCount < this.maxDeliver) {
      claims.addUnseen(this.#options.name, source.message.sequence);
      this.#events.giveBack(source);
    } else {
      replays.send(this.#keep(received, received.deliveryCount - 1, "Last delivery"));
      this.#events.pass(source);
    }
  }

  /** Puts a message in its own place, without the count of this delivery. */
  #returnReplay({ message, info }: GroupDelivery): void {
    const kept = readKept(message);
    if (kept === undefined) return;
    const deliveryCount = kept.deliveryCount + info.deliveryCount - 1;
    this.#context.deadLetters.replays.send({ ...kept, deliveryCount });
  }

  /** Forgets the deliveries whose time is over: they are the group's again. */
  #dropExpired(): boolean {
    const now = Date.now();
    const before = this.#held.size;
    for (const delivery of this.#held) {
      if (delivery.dueAt <= now) this.#loosen(delivery);
    }
    return this.#held.size < before;
  }

  /** Holds a delivery no longer that is not settled: its caller may have dropped it. */
  #loosen(delivery: NatsDelivery): void {
    this.#held.delete(delivery);
    this.#context.claims.loosen(this.#options.name, delivery);
  }
}
