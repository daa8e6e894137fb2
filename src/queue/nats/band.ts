/** Gets the tokens of one consumer, as many as somebody waits for. */

import type { NatsMessageLike, NatsSubscriptionLike } from "../../nats/connection.ts";
import { makeInbox } from "../../nats/inbox.ts";
import type { Loss } from "../../nats/link.ts";
import type { ReadContext } from "../../nats/patience.ts";
import { type BandName, consumerName, type QueueNames, type Token } from "./names.ts";
import type { Tokens } from "./tokens.ts";

/** A token that was delivered. */
export interface Delivery {
  readonly token: Token;
  /** Where it is said what became of it. */
  readonly ackSubject: string;
  /** What the token carries. */
  readonly payload: Uint8Array;
}

/** Somebody who waits for a token. */
export interface TokenTaker {
  /** Gives a token; `false`: it is not wanted any more. */
  offer(delivery: Delivery): boolean;
}

/** What a band needs. */
export interface BandContext {
  readonly tokens: ReadContext;
  readonly names: QueueNames;
  readonly sender: Tokens;
  /** Makes the consumer of a band again that is not there any more. */
  readonly restore: (name: BandName) => void;
}

/** How long the server keeps a request: one that it forgets in silence is sent again later. */
const EXPIRES_MS = 5000;
const SILENCE_MS = 7000;
const FIRST_PAUSE_MS = 20;
const LONGEST_PAUSE_MS = 1000;
/** How long a single try may take, in milliseconds: the server is asked to answer at once. */
const POLL_ANSWER_MS = 2000;
/** Before 2.10 a request that is not to wait may be left without an answer. */
const OLD_POLL_MS = 5;
/** A consumer learns of a token a moment after whoever enqueued it. */
const PATIENT_POLL_MS = 20;

const encoder = new TextEncoder();
const NANOS = 1e6;
const WAIT = waiting(EXPIRES_MS);
const POLL = encoder.encode(JSON.stringify({ batch: 1, no_wait: true }));
const OLD_POLL = waiting(OLD_POLL_MS);
const PATIENT_POLL = waiting(PATIENT_POLL_MS);

function waiting(ms: number): Uint8Array {
  return encoder.encode(JSON.stringify({ batch: 1, expires: ms * NANOS }));
}

/**
 * One consumer. Each request asks for one token, so each has exactly one answer: a token, or a
 * status. Nothing is asked for that nobody waits for, and what comes too late goes back.
 */
export class Band {
  /** Which tokens. */
  readonly name: BandName;
  readonly #context: BandContext;
  readonly #subject: string;
  readonly #takers = new Set<TokenTaker>();
  readonly #stopWatching: () => void;
  #inbox = "";
  #subscription: NatsSubscriptionLike | undefined;
  /** Requests without an answer. */
  #open = 0;
  #lastSign = 0;
  #timer: ReturnType<typeof setTimeout> | undefined;
  #pauseMs = FIRST_PAUSE_MS;

  /** Nothing is asked for before somebody waits. */
  constructor(context: BandContext, name: BandName) {
    this.name = name;
    this.#context = context;
    const { stream, link } = context.tokens;
    this.#subject = `${stream.apiPrefix}.CONSUMER.MSG.NEXT.${stream.name}.${consumerName(name)}`;
    this.#stopWatching = link.onLost((loss) => this.#lose(loss));
  }

  /** Waits for a token, until {@linkcode leave}. */
  join(taker: TokenTaker): void {
    this.#takers.add(taker);
    this.#ask();
  }

  /** Waits no more. */
  leave(taker: TokenTaker): void {
    if (this.#takers.delete(taker) && this.#takers.size === 0) this.#retire();
  }

  /**
   * Takes a token if there is one now.
   *
   * @param isPatient Whether one counts that was stored just before. It takes longer where there is
   * none.
   */
  async poll(isPatient: boolean): Promise<Delivery | undefined> {
    const { sender, tokens: { stream, link } } = this.#context;
    // What was just given back is there again first.
    await sender.returned();
    const { connection } = link;
    const inbox = makeInbox(connection);
    const quick = stream.capabilities.metadata ? POLL : OLD_POLL;
    return await new Promise((resolve, reject) => {
      let subscription: NatsSubscriptionLike | undefined;
      let isOver = false;
      const end = (delivery?: Delivery): void => {
        if (isOver && delivery !== undefined) sender.giveBack(delivery.ackSubject);
        isOver = true;
        clearTimeout(timer);
        stopWatching();
        resolve(delivery);
      };
      // An answer that is still on its way goes back.
      const giveUp = (): void => {
        this.#drain(subscription);
        end();
      };
      const stopWatching = link.onLost(giveUp);
      const timer = setTimeout(giveUp, POLL_ANSWER_MS);
      try {
        subscription = connection.subscribe(inbox, {
          callback: (error, message) => {
            subscription?.unsubscribe();
            end(error === null ? this.#deliveryOf(message) : undefined);
          },
        });
        connection.publish(this.#subject, isPatient ? PATIENT_POLL : quick, { reply: inbox });
      } catch (error) {
        end();
        reject(error);
      }
    });
  }

  /** Ends it. What comes still goes back. */
  close(): void {
    this.#stopWatching();
    this.#takers.clear();
    clearTimeout(this.#timer);
    const subscription = this.#subscription;
    this.#forget();
    this.#drain(subscription);
  }

  /** There are as many requests as takers. */
  #ask(): void {
    const { connection, isUp } = this.#context.tokens.link;
    if (!isUp || this.#takers.size <= this.#open) return;
    if (this.#timer !== undefined && this.#pauseMs > FIRST_PAUSE_MS) return;
    try {
      if (this.#subscription === undefined) {
        const inbox = this.#inbox = makeInbox(connection);
        this.#subscription = connection.subscribe(inbox, {
          callback: (error, message) => {
            if (error === null) this.#receive(message, inbox);
            else if (this.#inbox === inbox) this.#forget();
          },
        });
      }
      while (this.#open < this.#takers.size) {
        connection.publish(this.#subject, WAIT, { reply: this.#inbox });
        this.#open++;
      }
    } catch {
      // It is being closed.
      return this.#forget();
    }
    this.#lastSign = performance.now();
    this.#timer ??= setTimeout(() => this.#look(), SILENCE_MS);
  }

  #receive(message: NatsMessageLike, inbox: string): void {
    const isCurrent = inbox === this.#inbox;
    if (isCurrent) {
      this.#open--;
      this.#lastSign = performance.now();
    }
    const delivery = this.#deliveryOf(message);
    if (delivery !== undefined) {
      this.#pauseMs = FIRST_PAUSE_MS;
      this.#hand(delivery);
    } else if (isCurrent && message.headers?.code !== 408) {
      return this.#askLater();
    }
    if (isCurrent) this.#ask();
  }

  #hand(delivery: Delivery): void {
    for (const taker of this.#takers) {
      this.#takers.delete(taker);
      if (taker.offer(delivery)) {
        if (this.#takers.size === 0) this.#retire();
        return;
      }
    }
    this.#context.sender.giveBack(delivery.ackSubject);
  }

  /** The server, or the consumer, is not ready, or not there any more. */
  #askLater(): void {
    this.#context.restore(this.name);
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => this.#look(), this.#pauseMs);
    this.#pauseMs = Math.min(this.#pauseMs * 2, LONGEST_PAUSE_MS);
  }

  #look(): void {
    this.#timer = undefined;
    if (this.#takers.size === 0) return;
    if (performance.now() - this.#lastSign >= SILENCE_MS) this.#retire();
    this.#ask();
    if (this.#open > 0) this.#timer ??= setTimeout(() => this.#look(), SILENCE_MS);
  }

  /** The server learns that nobody listens any more; what is on its way still gets here. */
  #retire(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    if (this.#open === 0) return;
    const subscription = this.#subscription;
    this.#forget();
    this.#drain(subscription);
  }

  #drain(subscription: NatsSubscriptionLike & { drain?(): Promise<void> } | undefined): void {
    if (subscription === undefined || this.#context.tokens.link.connection.isClosed()) return;
    if (subscription.drain === undefined) subscription.unsubscribe();
    else subscription.drain().catch(() => {});
  }

  #forget(): void {
    this.#subscription = undefined;
    this.#inbox = "";
    this.#open = 0;
  }

  /** The server has forgotten the requests, and the subscription comes back with the connection. */
  #lose(loss: Loss): void {
    const subscription = this.#subscription;
    this.#forget();
    if (loss === "closed") return clearTimeout(this.#timer);
    subscription?.unsubscribe();
    const { link, patienceMs } = this.#context.tokens;
    const again = (): void => {
      if (this.#takers.size === 0 || link.connection.isClosed()) return;
      if (link.isUp) this.#ask();
      else void link.whenUp(patienceMs).then(again);
    };
    void link.whenUp(patienceMs).then(again);
  }

  #deliveryOf(message: NatsMessageLike): Delivery | undefined {
    const { reply, subject, data } = message;
    if (reply === undefined || reply === "") return undefined;
    const token = this.#context.names.parseToken(subject);
    return token === undefined ? undefined : { token, ackSubject: reply, payload: data };
  }
}
