/** Reads pages through short-lived consumers: on every server. */

import { JobEventError } from "../errors.ts";
import { createEphemeral, deleteConsumer, pullSubject } from "./ephemeral.ts";
import { deliveredMessage, parseAckSubject, type StreamMessage } from "./message.ts";
import {
  type MessagePage,
  PAGE_SIZE,
  pageBytes,
  type PageReader,
  type PageRequest,
} from "./pages.ts";
import type { ReadContext } from "./patience.ts";
import type { ReplyChannel } from "./replies.ts";

/** Long enough for a loop that works on each event, short enough where deleting failed. */
const INACTIVE_MS = 10_000;
/** A server answers at once, if it has the consumer; in some accounts it says nothing if not. */
const ANSWER_TIMEOUT_MS = 2000;

/** A consumer that was asked for everything before a position. */
interface OpenConsumer {
  readonly name: string;
  /** How often the connection had been lost when it was made. */
  readonly losses: number;
  /** The position that the next page must begin with. */
  next: number;
  /** The number of its last delivery. */
  delivered: number;
  pending: number;
  /** How many messages were asked for that have not come yet. */
  asked: number;
  /** Where they come. */
  channel?: ReplyChannel;
}

/**
 * Reads pages with one consumer for each pattern. Where pages are full the server always has a
 * request: it is asked for the next page while one is on its way.
 */
export class PullReader implements PageReader {
  readonly #context: ReadContext;
  readonly #consumers = new Map<string, OpenConsumer>();

  /**
   * Makes a reader.
   *
   * @param context What to read, and where the answers come.
   */
  constructor(context: ReadContext) {
    this.#context = context;
  }

  /** The next page. A page that follows on the one before uses the same consumer. */
  async read(request: PageRequest): Promise<MessagePage> {
    const consumer = await this.#consumer(request);
    if (consumer.pending === 0) {
      await this.#drop(request.pattern);
      return { messages: [], pending: 0 };
    }
    const messages = await this.#pull(consumer, request);
    if (messages.length === 0 && consumer.pending > 0) {
      await this.#drop(request.pattern);
      throw new JobEventError(
        "ERR_UNAVAILABLE",
        `Cannot read stream "${this.#context.stream.name}": its consumer does not answer`,
      );
    }
    return { messages, pending: consumer.pending };
  }

  /** Deletes the consumers. */
  async close(): Promise<void> {
    await Promise.all([...this.#consumers.keys()].map((pattern) => this.#drop(pattern)));
  }

  async #consumer({ pattern, from }: PageRequest): Promise<OpenConsumer> {
    const open = this.#consumers.get(pattern);
    // It is kept in memory: a server that was started anew does not know it.
    const { losses } = this.#context.link;
    if (open?.next === from && open.losses === losses) return open;
    await this.#drop(pattern);
    const info = await createEphemeral(this.#context.stream, {
      patterns: [pattern],
      start: { sequence: from },
      inactiveMs: INACTIVE_MS,
    });
    const pending = info.num_pending ?? 0;
    const consumer = { name: info.name, losses, next: from, delivered: 0, pending, asked: 0 };
    this.#consumers.set(pattern, consumer);
    return consumer;
  }

  async #drop(pattern: string): Promise<void> {
    const consumer = this.#consumers.get(pattern);
    if (consumer === undefined) return;
    this.#consumers.delete(pattern);
    consumer.channel?.close();
    await deleteConsumer(this.#context, consumer.name);
  }

  /** What comes, in order; less than was asked for when something goes wrong in between. */
  async #pull(consumer: OpenConsumer, request: PageRequest): Promise<StreamMessage[]> {
    const size = Math.min(request.size, consumer.pending);
    // Who asks for a smaller page may have found enough then.
    const isFull = request.size >= PAGE_SIZE;
    const messages: StreamMessage[] = [];
    while (messages.length < size) {
      const channel = this.#ask(consumer, isFull ? PAGE_SIZE : size - messages.length);
      const reply = channel.take() ?? await channel.next(ANSWER_TIMEOUT_MS, request.signal);
      if (typeof reply === "string") break;
      const delivery = parseAckSubject(reply.reply);
      if (delivery === undefined) {
        const { code, description = "" } = reply.headers ?? {};
        if (code === 409 && /batch completed/i.test(description)) continue;
        // Nothing, or nothing more: what the server counted was deleted meanwhile.
        if (code === 404 || code === 408) consumer.pending = 0;
        break;
      }
      if (delivery.consumerSequence !== consumer.delivered + 1) break;
      consumer.asked--;
      consumer.delivered++;
      consumer.pending = delivery.pending;
      consumer.next = delivery.streamSequence + 1;
      messages.push(deliveredMessage(reply, delivery.streamSequence));
      if (delivery.pending === 0) return messages;
    }
    // It is not known what is still on its way: the next page needs a new consumer.
    if (messages.length < size) consumer.next = -1;
    return messages;
  }

  /** Asks for a page where no more than one is on its way. Gives where it comes. */
  #ask(consumer: OpenConsumer, size: number): ReplyChannel {
    const { channel, asked, pending, name } = consumer;
    const batch = Math.min(size, pending - asked);
    if (channel !== undefined && (asked > size || batch <= 0)) return channel;
    const { stream, inbox } = this.#context;
    const body = { batch, max_bytes: pageBytes(stream), no_wait: true };
    const subject = pullSubject(stream, name);
    consumer.asked += batch;
    if (channel === undefined) return consumer.channel = inbox.request(subject, body, name);
    inbox.requestMore(channel, subject, body);
    return channel;
  }
}
