/** Requests that are answered by several messages. */

import type { NatsMessageLike, NatsSubscriptionLike } from "./connection.ts";
import { connectionError } from "./foreign_errors.ts";
import { makeInbox } from "./inbox.ts";
import type { ConnectionLink } from "./link.ts";
import { parseAckSubject } from "./message.ts";

/** Why no message came. */
export type Silence = "timeout" | "lost" | "ended";

const encoder = new TextEncoder();

/**
 * One subscription for the answers to any number of requests, each of which has a subject of its
 * own underneath it. It outlives reconnects.
 */
export class ReplyInbox {
  readonly #link: ConnectionLink;
  readonly #onLate: ((message: NatsMessageLike) => void) | undefined;
  readonly #channels = new Map<string, ReplyChannel>();
  /** A consumer's deliveries come under the subject they were stored under, so its name tells. */
  readonly #byConsumer = new Map<string, ReplyChannel>();
  #base: string;
  #subscription: NatsSubscriptionLike | undefined;
  #count = 0;

  /**
   * Makes an inbox, which subscribes with its first request.
   *
   * @param link The connection.
   * @param onLate Gets the messages that came after their channel was closed.
   */
  constructor(link: ConnectionLink, onLate?: (message: NatsMessageLike) => void) {
    this.#link = link;
    this.#onLate = onLate;
    this.#base = "";
  }

  /**
   * Sends a request.
   *
   * @param subject Where to.
   * @param body What, as JSON.
   * @param consumer The consumer whose deliveries are answers: one request at a time.
   * @throws {JobEventError} The connection does not take it.
   */
  request(subject: string, body: object, consumer?: string): ReplyChannel {
    try {
      this.#subscribe();
      const token = String(++this.#count);
      const channel = new ReplyChannel(this.#link, `${this.#base}.${token}`, (rest) => {
        this.#channels.delete(token);
        if (consumer !== undefined && this.#byConsumer.get(consumer) === channel) {
          this.#byConsumer.delete(consumer);
        }
        for (const message of rest) this.#onLate?.(message);
      });
      this.#channels.set(token, channel);
      if (consumer !== undefined) this.#byConsumer.set(consumer, channel);
      this.#publish(channel, subject, body);
      return channel;
    } catch (error) {
      throw connectionError(`Cannot ask for ${subject}`, error);
    }
  }

  /**
   * Sends another request, whose answers come behind those that the channel still waits for.
   *
   * @throws {JobEventError} The connection does not take it.
   */
  requestMore(channel: ReplyChannel, subject: string, body: object): void {
    try {
      this.#publish(channel, subject, body);
    } catch (error) {
      throw connectionError(`Cannot ask for ${subject}`, error);
    }
  }

  /** Gives the subscription back. What is on its way still gets to `onLate`. */
  close(): void {
    for (const channel of [...this.#channels.values()]) channel.close();
    const subscription = this.#subscription as
      | NatsSubscriptionLike & { drain?(): Promise<void> }
      | undefined;
    this.#subscription = undefined;
    if (subscription === undefined || this.#link.connection.isClosed()) return;
    // Draining ends the server's interest, too, but keeps the messages that are on their way.
    if (subscription.drain === undefined) subscription.unsubscribe();
    else subscription.drain().catch(() => {});
  }

  #publish({ subject: reply }: ReplyChannel, subject: string, body: object): void {
    this.#link.connection.publish(subject, encoder.encode(JSON.stringify(body)), { reply });
  }

  #subscribe(): void {
    if (this.#subscription !== undefined) return;
    this.#base = makeInbox(this.#link.connection);
    this.#subscription = this.#link.connection.subscribe(`${this.#base}.*`, {
      callback: (error, message) => {
        if (error === null || error === undefined) return this.#receive(message);
        // The server refused the subscription: no answer will ever come.
        for (const channel of [...this.#channels.values()]) channel.fail(error);
        this.#subscription = undefined;
      },
    });
  }

  #receive(message: NatsMessageLike): void {
    const channel = this.#onlyConsumers(message.reply) ?? this.#anyones(message);
    if (channel !== undefined) channel.push(message);
    else this.#onLate?.(message);
  }

  /** Mostly there is one consumer, and its name is enough to know its deliveries by. */
  #onlyConsumers(reply = ""): ReplyChannel | undefined {
    if (this.#byConsumer.size !== 1 || !reply.startsWith("$JS.ACK.")) return undefined;
    for (const [name, channel] of this.#byConsumer) {
      if (reply.includes(`.${name}.`)) return channel;
    }
    return undefined;
  }

  #anyones({ reply, subject }: NatsMessageLike): ReplyChannel | undefined {
    const consumer = parseAckSubject(reply)?.consumer;
    return consumer === undefined
      ? this.#channels.get(subject.slice(this.#base.length + 1))
      : this.#byConsumer.get(consumer);
  }
}

/** The answers to a request. The request itself bounds how many there can be. */
export class ReplyChannel {
  /** Where the answers go to. */
  readonly subject: string;
  readonly #link: ConnectionLink;
  readonly #onClose: (rest: readonly NatsMessageLike[]) => void;
  readonly #messages: NatsMessageLike[] = [];
  readonly #stopWatching: () => void;
  #head = 0;
  #wake: (() => void) | undefined;
  #error: Error | undefined;
  #isLost = false;
  #isClosed = false;

  /**
   * Opens the channel.
   *
   * @param link Tells when the answers are lost.
   * @param subject Where the answers go to.
   * @param onClose Called when no more answers are wanted, with those that were not taken.
   */
  constructor(
    link: ConnectionLink,
    subject: string,
    onClose: (rest: readonly NatsMessageLike[]) => void,
  ) {
    this.#link = link;
    this.subject = subject;
    this.#onClose = onClose;
    this.#stopWatching = link.onLost(() => {
      this.#isLost = true;
      this.#wake?.();
    });
  }

  /** Adds an answer. */
  push(message: NatsMessageLike): void {
    this.#messages.push(message);
    this.#wake?.();
  }

  /** Says that no answer will come. */
  fail(error: Error): void {
    this.#error = error;
    this.#wake?.();
  }

  /**
   * The next answer, or why there is none.
   *
   * @param timeoutMs How long to wait for it.
   * @param signal Ends the wait.
   * @throws {JobEventError} The server refused the subscription for answers.
   */
  async next(timeoutMs: number, signal?: AbortSignal): Promise<NatsMessageLike | Silence> {
    if (this.#head === this.#messages.length) await this.#wait(timeoutMs, signal);
    const message = this.take();
    if (message !== undefined) return message;
    if (this.#error !== undefined) throw connectionError("Cannot get an answer", this.#error);
    if (signal?.aborted || this.#isClosed) return "ended";
    return this.#isLost || !this.#link.isUp ? "lost" : "timeout";
  }

  /** The next answer, if it is here: whoever reads many does not wait a turn for each. */
  take(): NatsMessageLike | undefined {
    if (this.#head === this.#messages.length) return undefined;
    const message = this.#messages[this.#head++]!;
    if (this.#head === this.#messages.length) this.#head = this.#messages.length = 0;
    return message;
  }

  /** No more answers are wanted. Idempotent. */
  close(): void {
    if (this.#isClosed) return;
    this.#isClosed = true;
    this.#stopWatching();
    this.#onClose(this.#messages.slice(this.#head));
    this.#head = this.#messages.length = 0;
    this.#wake?.();
  }

  #wait(timeoutMs: number, signal: AbortSignal | undefined): Promise<void> {
    const isOver = this.#isLost || this.#isClosed || this.#error !== undefined ||
      signal?.aborted === true;
    if (isOver) return Promise.resolve();
    return new Promise((resolve) => {
      const timer = setTimeout(() => done(), timeoutMs);
      const done = (): void => {
        clearTimeout(timer);
        signal?.removeEventListener("abort", done);
        this.#wake = undefined;
        resolve();
      };
      signal?.addEventListener("abort", done);
      this.#wake = done;
    });
  }
}
