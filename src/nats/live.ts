/** Live reads: messages as they are stored, in order, each once, whatever happens meanwhile. */

import { JobEventError } from "../errors.ts";
import type { NatsMessageLike } from "./connection.ts";
import { createEphemeral, deleteConsumer, NANOS_PER_MS, pullSubject } from "./ephemeral.ts";
import { lastSequence } from "./last_sequence.ts";
import { pause } from "./link.ts";
import { deliveredMessage, headerNumber, parseAckSubject, type StreamMessage } from "./message.ts";
import { pageBytes } from "./pages.ts";
import { isTransient, patiently, type ReadContext } from "./patience.ts";
import type { ReplyChannel } from "./replies.ts";

/** Where a live read begins. */
export type LiveStart = "new" | { readonly sequence: number } | { readonly timeMs: number };

/** What is read live. */
export interface LiveOptions {
  /** Which subjects, disjoint. */
  readonly patterns: readonly string[];
  /** Where it begins. */
  readonly start: LiveStart;
  /** Ends the read. */
  readonly signal: AbortSignal;
}

/** The most messages that are held here. The server keeps the others until they are asked for. */
const BATCH = 128;
const EXPIRES_MS = 30_000;
const HEARTBEAT_MS = 2000;
/** Two heartbeats and a half: one may be late. */
const SILENCE_MS = 5000;
const INACTIVE_MS = 30_000;
const FIRST_PAUSE_MS = 20;
const LONGEST_PAUSE_MS = 2000;

interface LiveConsumer {
  readonly name: string;
  delivered: number;
}

/**
 * Reads live through a consumer of its own. The consumer is only a means: when it is gone, or may
 * have missed something, a new one goes on behind the last message that came.
 */
export class LiveReader {
  readonly #context: ReadContext;
  readonly #options: LiveOptions;
  /** The last position that is dealt with; `undefined` while only a time is known. */
  #last: number | undefined;
  #created = "";
  #consumer: LiveConsumer | undefined;
  #creating: Promise<void> = Promise.resolve();
  #channel: ReplyChannel | undefined;
  #remaining = 0;
  #pauseMs = FIRST_PAUSE_MS;

  /**
   * Makes a reader; {@linkcode open} begins the read.
   *
   * @param context What it shares with others.
   * @param options What is read.
   */
  constructor(context: ReadContext, options: LiveOptions) {
    this.#context = context;
    this.#options = options;
  }

  /**
   * Begins the read: nothing that is stored after this is missed.
   *
   * @throws {JobEventError} The stream cannot be read.
   */
  async open(): Promise<void> {
    const { start, signal } = this.#options;
    // Asked for first: what is stored from now on is behind it.
    const end = start === "new" ? lastSequence(this.#context, signal) : undefined;
    const info = patiently(this.#context, () => this.#context.stream.info(), signal);
    // Both fail for the same reason, and each is awaited.
    const [{ created }, last] = await Promise.all([info, end]);
    this.#created = created;
    // Written down as a position: however often the consumer is made again, it begins there.
    if (start === "new") this.#last = last;
    else if ("sequence" in start) this.#last = start.sequence - 1;
    const create = (): Promise<void> => this.#creating = this.#recreate();
    if (!signal.aborted) await patiently(this.#context, create, signal);
  }

  /**
   * The next message, or `undefined` when the signal has aborted.
   *
   * @throws {JobEventError} `ERR_NOT_FOUND`: the stream was deleted. `ERR_CLOSED`: the connection
   * was closed. Or the server refuses the read.
   */
  async next(): Promise<StreamMessage | undefined> {
    const { signal } = this.#options;
    while (!signal.aborted) {
      this.#assertConnected();
      if (this.#consumer === undefined) {
        await this.#recover();
        continue;
      }
      this.#channel ??= this.#pull(this.#consumer);
      const reply = await this.#channel.next(SILENCE_MS, signal);
      if (reply === "ended") break;
      if (typeof reply === "string") {
        this.#forget();
        continue;
      }
      const message = this.#accept(reply, this.#consumer);
      if (message !== undefined) return message;
    }
    return undefined;
  }

  /** Removes the consumer. The signal has aborted before. */
  async close(): Promise<void> {
    this.#endPull();
    await this.#creating.catch(() => {});
    const consumer = this.#consumer;
    this.#consumer = undefined;
    if (consumer !== undefined) await deleteConsumer(this.#context, consumer.name);
  }

  #pull({ name }: LiveConsumer): ReplyChannel {
    const { stream, inbox } = this.#context;
    this.#remaining = BATCH;
    const body = {
      batch: BATCH,
      max_bytes: pageBytes(stream),
      expires: EXPIRES_MS * NANOS_PER_MS,
      idle_heartbeat: HEARTBEAT_MS * NANOS_PER_MS,
    };
    return inbox.request(pullSubject(stream, name), body, name);
  }

  /** The message of a reply, if it has one that was not seen yet. */
  #accept(reply: NatsMessageLike, consumer: LiveConsumer): StreamMessage | undefined {
    const delivery = parseAckSubject(reply.reply);
    if (delivery === undefined) {
      this.#acceptStatus(reply, consumer);
      return undefined;
    }
    if (delivery.consumerSequence !== consumer.delivered + 1) {
      this.#forget();
      return undefined;
    }
    consumer.delivered++;
    this.#pauseMs = FIRST_PAUSE_MS;
    if (--this.#remaining === 0) this.#endPull();
    const sequence = delivery.streamSequence;
    // Told to begin ahead of the end of the stream, a server begins right behind it.
    if (this.#last !== undefined && sequence <= this.#last) return undefined;
    this.#last = sequence;
    return deliveredMessage(reply, sequence);
  }

  #acceptStatus({ headers }: NatsMessageLike, consumer: LiveConsumer): void {
    switch (headers?.code) {
      case 100: {
        const sent = headerNumber(headers, "Nats-Last-Consumer");
        if (sent !== undefined && sent > consumer.delivered) this.#forget();
        return;
      }
      case 404:
      case 408:
        return this.#endPull();
      case 409:
        // A batch that is full by its bytes is over like one that is full by its number.
        if (/batch completed|maxbytes/i.test(headers.description)) return this.#endPull();
    }
    this.#forget();
  }

  #endPull(): void {
    this.#channel?.close();
    this.#channel = undefined;
  }

  /** Gives the consumer up: there has to be a new one. */
  #forget(): void {
    this.#endPull();
    const consumer = this.#consumer;
    this.#consumer = undefined;
    if (consumer !== undefined) void deleteConsumer(this.#context, consumer.name);
  }

  async #recover(): Promise<void> {
    const { link } = this.#context;
    const { signal } = this.#options;
    await link.whenUp(LONGEST_PAUSE_MS, signal);
    if (signal.aborted) return;
    try {
      if (link.isUp) {
        await this.#assertSameStream();
        if (!signal.aborted) await (this.#creating = this.#recreate());
      }
    } catch (error) {
      if (!isTransient(error)) throw error;
    }
    // Also after a success: a consumer that is deleted again and again is no reason to spin.
    await pause(this.#pauseMs, signal);
    this.#pauseMs = Math.min(this.#pauseMs * 2, LONGEST_PAUSE_MS);
  }

  async #recreate(): Promise<void> {
    const { stream, link } = this.#context;
    const { patterns, start, signal } = this.#options;
    const begin = this.#last === undefined && typeof start === "object"
      ? start
      : { sequence: (this.#last ?? 0) + 1 };
    const options = { patterns, start: begin, inactiveMs: INACTIVE_MS };
    const info = await link.unlessLost(createEphemeral(stream, options));
    if (signal.aborted) await deleteConsumer(this.#context, info.name);
    else this.#consumer = { name: info.name, delivered: 0 };
  }

  async #assertSameStream(): Promise<void> {
    const { stream, link } = this.#context;
    const { created } = await link.unlessLost(stream.info());
    if (created === this.#created) return;
    throw new JobEventError(
      "ERR_NOT_FOUND",
      `Cannot go on reading stream "${stream.name}": it was deleted and made again, so positions ` +
        "mean something else now",
    );
  }

  #assertConnected(): void {
    if (!this.#context.link.connection.isClosed()) return;
    const { name } = this.#context.stream;
    throw new JobEventError(
      "ERR_CLOSED",
      `Cannot go on reading stream "${name}": the connection is closed`,
    );
  }
}
