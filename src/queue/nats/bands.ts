/** Which bands there are: each has a durable consumer, which is the group of all who claim. */

import type { NatsSubscriptionLike } from "../../nats/connection.ts";
import {
  type ConsumerConfig,
  type ConsumerInfo,
  consumerInfo,
  createConsumer,
  NANOS_PER_MS,
} from "../../nats/ephemeral.ts";
import { patiently, type ReadContext } from "../../nats/patience.ts";
import { type CancelTimer, startTimer, unrefTimer } from "../../timer.ts";
import { Band, type BandContext } from "./band.ts";
import {
  type BandName,
  consumerName,
  parseConsumerName,
  type QueueNames,
  type Token,
} from "./names.ts";
import type { Tokens } from "./tokens.ts";

/** The bands of one queue. */
export interface QueueBands {
  /** Those with tokens to claim, the highest priority first. */
  readonly ready: readonly Band[];
  /** Where tokens wait for somebody to move them. */
  readonly later: Band | undefined;
  /** Where tokens wait for the server to move them; nobody takes them from there. */
  readonly at: Band | undefined;
}

const NO_BANDS: QueueBands = { ready: [], later: undefined, at: undefined };
/** A token comes again a moment after its lease, so that who gets it need not wait. */
const ACK_SLACK_MS = 50;
/** Each task that is claimed waits for its acknowledgement. */
const UNLIMITED = -1;
const MAX_WAITING = 8192;
/** Notices may be lost with a connection; they are looked for again after this. */
const RELOAD_MS = 30_000;

const encoder = new TextEncoder();
const decoder = new TextDecoder();

/** All bands of all queues. */
export class Bands {
  readonly #context: BandContext;
  /** In nanoseconds. */
  readonly #ackWait: number;
  readonly #queues = new Map<string, QueueBands>();
  readonly #making = new Map<string, Promise<void>>();
  readonly #listeners = new Set<(queue: string) => void>();
  #subscription: NatsSubscriptionLike | undefined;
  #cancelReload: CancelTimer | undefined;
  #losses = 0;
  #isClosed = false;

  /** @param leaseMs How long a claim holds, in milliseconds. */
  constructor(tokens: ReadContext, names: QueueNames, sender: Tokens, leaseMs: number) {
    const restore = (name: BandName): void => void this.#make(name).catch(() => {});
    this.#context = { tokens, names, sender, restore };
    this.#ackWait = (leaseMs + ACK_SLACK_MS) * NANOS_PER_MS;
  }

  /** Finds what is there, and hears of what comes. */
  async start(): Promise<void> {
    const { tokens: { link }, names } = this.#context;
    this.#subscription = link.connection.subscribe(names.notices, {
      callback: (error, { data }) => {
        const name = error === null ? parseConsumerName(decoder.decode(data)) : undefined;
        if (name !== undefined) this.#add(name);
      },
    });
    await link.connection.flush();
    await this.#load();
  }

  /** The bands of a queue. */
  of(queue: string): QueueBands {
    return this.#queues.get(queue) ?? NO_BANDS;
  }

  /** The queues that have bands. */
  names(): string[] {
    return [...this.#queues.keys()];
  }

  /** Calls back when a queue gets a band. The returned function ends that. */
  onAdded(listener: (queue: string) => void): () => void {
    this.#listeners.add(listener);
    // Notices matter only while somebody waits for tokens.
    this.#cancelReload ??= this.#reloadLater();
    return () => {
      this.#listeners.delete(listener);
      if (this.#listeners.size > 0) return;
      this.#cancelReload?.();
      this.#cancelReload = undefined;
    };
  }

  /** Makes the bands that a token passes through. `undefined`: they are there. */
  ensure({ place, queue, priority }: Token): Promise<void> | undefined {
    const ready = this.#ensure({ queue, band: priority });
    const waiting = place === "ready" ? undefined : this.#ensure({ queue, band: place });
    if (waiting === undefined || ready === undefined) return ready ?? waiting;
    return Promise.all([ready, waiting]).then(() => {});
  }

  #ensure(name: BandName): Promise<void> | undefined {
    if (this.#find(name) !== undefined) return undefined;
    const key = consumerName(name);
    let making = this.#making.get(key);
    if (making === undefined) {
      making = patiently(this.#context.tokens, () => this.#make(name))
        .finally(() => this.#making.delete(key));
      this.#making.set(key, making);
    }
    return making;
  }

  /** What the server says of a band's consumer. */
  async info(band: Band): Promise<{ readonly waiting: number; readonly delivered: number }> {
    const { tokens } = this.#context;
    const name = consumerName(band.name);
    const info = await patiently(tokens, () => consumerInfo(tokens.stream, name));
    return { waiting: info?.num_pending ?? 0, delivered: info?.num_ack_pending ?? 0 };
  }

  /** Looks for bands that nobody told of, where that may have been. */
  async refresh(): Promise<void> {
    if (this.#losses !== this.#context.tokens.link.losses) await this.#load();
  }

  /** Ends it. */
  close(): void {
    this.#isClosed = true;
    this.#cancelReload?.();
    this.#subscription?.unsubscribe();
    for (const { ready, later } of this.#queues.values()) {
      for (const band of ready) band.close();
      later?.close();
    }
  }

  #find({ queue, band }: BandName): Band | undefined {
    const bands = this.of(queue);
    if (typeof band === "string") return bands[band];
    return bands.ready.find(({ name }) => name.band === band);
  }

  async #load(): Promise<void> {
    const { tokens } = this.#context;
    const { stream, link } = tokens;
    const { losses } = link;
    for (let offset = 0;;) {
      const page = await patiently(
        tokens,
        () =>
          stream.request<{ readonly total?: number; readonly consumers?: readonly ConsumerInfo[] }>(
            `CONSUMER.LIST.${stream.name}`,
            { offset },
          ),
      );
      const found = page.consumers ?? [];
      for (const info of found) {
        const name = parseConsumerName(info.name);
        if (name === undefined) continue;
        if (!this.#isFit(info)) await patiently(tokens, () => this.#make(name));
        this.#add(name);
      }
      offset += found.length;
      if (found.length === 0 || offset >= (page.total ?? 0)) break;
    }
    this.#losses = losses;
  }

  /** What keeps a program running is its connection, not this. */
  #reloadLater(): CancelTimer {
    return startTimer(() => this.#reload(), RELOAD_MS, unrefTimer);
  }

  #reload(): void {
    const done = (): void => {
      this.#cancelReload = undefined;
      const isOver = this.#isClosed || this.#context.tokens.link.connection.isClosed();
      if (isOver || this.#listeners.size === 0) return;
      this.#cancelReload = this.#reloadLater();
    };
    this.#load().then(done, done);
  }

  async #make(name: BandName): Promise<void> {
    const { tokens: { stream, link }, names } = this.#context;
    const key = consumerName(name);
    const existing = await consumerInfo(stream, key);
    if (!this.#isFit(existing)) await this.#create(key, existing, name);
    link.connection.publish(names.notices, encoder.encode(key));
    this.#add(name);
  }

  /** A program with a longer lease must not make those with a shorter one wait. */
  #isFit(info: ConsumerInfo | undefined): boolean {
    return info !== undefined && (info.config.ack_wait ?? Infinity) <= this.#ackWait;
  }

  async #create(key: string, existing: ConsumerInfo | undefined, name: BandName): Promise<void> {
    const { tokens: { stream }, names } = this.#context;
    const config: ConsumerConfig & { readonly max_waiting: number } = {
      max_waiting: MAX_WAITING,
      ...existing?.config,
      name: key,
      durable_name: key,
      description: "Task tokens",
      deliver_policy: "all",
      ack_policy: "explicit",
      ack_wait: this.#ackWait,
      max_deliver: UNLIMITED,
      max_ack_pending: UNLIMITED,
      filter_subject: names.band(name),
    };
    await createConsumer(stream, key, config);
  }

  #add(name: BandName): void {
    if (this.#isClosed || this.#find(name) !== undefined) return;
    const { queue } = name;
    const bands = this.of(queue);
    const band = new Band(this.#context, name);
    const ready = typeof name.band === "string"
      ? bands.ready
      : [...bands.ready, band].sort((left, right) =>
        Number(right.name.band) - Number(left.name.band)
      );
    this.#queues.set(queue, {
      ready,
      later: name.band === "later" ? band : bands.later,
      at: name.band === "at" ? band : bands.at,
    });
    for (const listener of [...this.#listeners]) listener(queue);
  }
}
