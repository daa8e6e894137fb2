/** One run of a processor, from `start()` to `stop()`. */

import type { JobEventError } from "../errors.ts";
import { Backoff } from "../logger/backoff.ts";
import { startTimer } from "../timer.ts";
import type { Lanes } from "./lanes.ts";

/** What a source gives, item by item. */
export interface Feed<Item> extends AsyncIterable<Item>, AsyncDisposable {
  /** Resolves when nothing that is stored from then on is missed. */
  readonly ready: Promise<void>;
}

/** What a run reads, and what it does with it. */
export interface Intake<Item> {
  /** Opens a feed: the first one, or one that goes on where the last one broke. */
  open(): Feed<Item>;
  /** The first feed is live. */
  opened(): Promise<void>;
  /** Takes an item. `false`: it came too late, and nothing more is to be read. */
  take(item: Item, lanes: Lanes): boolean;
  /** The run stops. Resolves when everything is taken that is still to be taken. */
  drain(): Promise<void>;
  /** Gives back what no handler has begun: the feed broke, or the run is over. */
  giveBack(): Promise<void>;
  /** Lets go of everything. */
  end(): void;
}

/** Reads a feed into lanes, and opens it anew when it breaks for a while. */
export class Run<Item> {
  /** Where the items are handled. */
  readonly lanes: Lanes;
  /** Resolves when the run is live; rejects when the source cannot be followed. */
  readonly live: Promise<void>;
  /** Resolves when nothing of the run is left. */
  readonly over: Promise<void>;
  readonly #intake: Intake<Item>;
  readonly #onError: (error: unknown) => void;
  readonly #stopped = Promise.withResolvers<void>();
  readonly #cut = Promise.withResolvers<void>();
  #feed: Feed<Item> | undefined;
  #isStopping = false;
  #isCut = false;
  #isDead = false;
  #settled: Promise<void> | undefined;

  /**
   * Begins a run.
   *
   * @param after The run begins when this has resolved.
   * @param onError Told when a feed breaks.
   */
  constructor(
    intake: Intake<Item>,
    lanes: Lanes,
    after: Promise<unknown>,
    onError: (error: unknown) => void,
  ) {
    this.#intake = intake;
    this.lanes = lanes;
    this.#onError = onError;
    this.live = after.then(() => this.#begin());
    this.over = this.live.then(() => this.#live(), () => this.#fail());
  }

  /** Whether it reads no more: where nobody stopped it, the source is gone. */
  get isDead(): boolean {
    return this.#isDead;
  }

  /** Takes what is still to be taken and waits for the handlers. Gives {@linkcode over}. */
  stop(): Promise<void> {
    this.#isStopping = true;
    this.#stopped.resolve();
    return this.over;
  }

  /** Waits for nothing any longer. */
  cut(): void {
    this.#isCut = true;
    this.#cut.resolve();
    this.lanes.abandon();
  }

  async #begin(): Promise<void> {
    if (this.#isCut) return;
    await this.#open();
    await Promise.race([this.#intake.opened(), this.#cut.promise]);
  }

  async #open(): Promise<Feed<Item>> {
    const feed = this.#feed = this.#intake.open();
    await Promise.race([feed.ready, this.#cut.promise]);
    return feed;
  }

  async #fail(): Promise<void> {
    this.#isDead = true;
    await this.#close();
  }

  async #live(): Promise<void> {
    const reading = this.#isCut ? Promise.resolve() : this.#read();
    await Promise.race([reading, this.#stopped.promise]);
    // What is read while it drains is the last that is taken.
    if (!this.#isDead) await Promise.race([reading, this.#intake.drain(), this.#cut.promise]);
    await this.#settle();
    await this.#close();
    await reading;
  }

  /** Reads until the run is stopped or its source is gone. */
  async #read(): Promise<void> {
    const backoff = new Backoff();
    while (!await this.#readFeed(backoff)) {
      await this.#pause(backoff.next());
      if (this.#isStopping) return;
    }
  }

  /** Reads the feed, or a new one, until it ends. Gives whether it was the last one. */
  async #readFeed(backoff: Backoff): Promise<boolean> {
    try {
      const feed = this.#feed ?? await this.#open();
      for await (const item of feed) {
        backoff.reset();
        if (!this.#intake.take(item, this.lanes)) {
          // To end the feed gives back what is being handled, so that comes first.
          await this.#settle();
          return true;
        }
        if (this.lanes.isFull) await this.lanes.room();
      }
      this.#isDead = true;
    } catch (error) {
      this.#onError(error);
      this.#isDead = !isTransient(error);
    }
    await Promise.all([this.#close(), this.#intake.giveBack()]);
    return this.#isDead;
  }

  /** Waits until everything is handled, or for nothing any longer, and gives back the rest. */
  #settle(): Promise<void> {
    return this.#settled ??= this.lanes.idle()
      .then(() => this.#intake.giveBack())
      .then(() => this.#intake.end());
  }

  async #close(): Promise<void> {
    const feed = this.#feed;
    this.#feed = undefined;
    try {
      await feed?.[Symbol.asyncDispose]();
    } catch {
      // A feed that cannot be freed is one whose source is gone: nothing is left to free.
    }
  }

  async #pause(delayMs: number): Promise<void> {
    let cancelTimer: () => void = () => {};
    const time = new Promise<void>((resolve) => cancelTimer = startTimer(resolve, delayMs));
    await Promise.race([time, this.#stopped.promise]);
    cancelTimer();
  }
}

/** Whether trying again may help. */
function isTransient(error: unknown): boolean {
  const { code } = (error ?? {}) as Partial<JobEventError>;
  return code === "ERR_UNAVAILABLE" || code === "ERR_TIMEOUT";
}
