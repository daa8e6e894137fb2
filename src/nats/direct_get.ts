/** Reads pages without a consumer, by Direct Get in batches: from server 2.11 on. */

import { JobEventError } from "../errors.ts";
import type { NatsMessageLike } from "./connection.ts";
import { directMessage, headerNumber, lastHeader, type StreamMessage } from "./message.ts";
import { type MessagePage, pageBytes, type PageReader, type PageRequest } from "./pages.ts";
import type { ReplyChannel, ReplyInbox } from "./replies.ts";
import type { EventStream } from "./stream.ts";
import { takesOnly } from "./stream_config.ts";

const ANSWER_TIMEOUT_MS = 5000;

/** Reads pages by Direct Get. It keeps nothing on the server. */
export class DirectReader implements PageReader {
  readonly #stream: EventStream;
  readonly #inbox: ReplyInbox;

  /**
   * Makes a reader.
   *
   * @param stream Its capabilities have `directGetBatch`.
   * @param inbox Where the answers come.
   */
  constructor(stream: EventStream, inbox: ReplyInbox) {
    this.#stream = stream;
    this.#inbox = inbox;
  }

  /** The next page. */
  async read(request: PageRequest): Promise<MessagePage> {
    const { apiPrefix, name, config } = this.#stream;
    const isEverything = takesOnly(config.subjects, request.pattern);
    const channel = this.#inbox.request(`${apiPrefix}.DIRECT.GET.${name}`, {
      batch: request.size,
      seq: Math.max(request.from, 1),
      // The server counts what matches, for every page: among all subjects, unless it is all.
      ...(isEverything ? {} : { next_by_subj: request.pattern }),
      max_bytes: pageBytes(this.#stream),
    });
    try {
      return await this.#collect(channel, request.signal);
    } finally {
      channel.close();
    }
  }

  /** Does nothing: there is nothing to leave behind. */
  close(): Promise<void> {
    return Promise.resolve();
  }

  async #collect(channel: ReplyChannel, signal: AbortSignal | undefined): Promise<MessagePage> {
    const messages: StreamMessage[] = [];
    let pending = 0;
    for (;;) {
      const reply = channel.take() ?? await channel.next(ANSWER_TIMEOUT_MS, signal);
      if (typeof reply === "string") {
        // What came is whole up to its last message, and the next page goes on behind it.
        if (messages.length > 0) return { messages, pending: Math.max(pending, 1) };
        throw this.#failure(reply === "timeout" ? "no answer in time" : `the read was ${reply}`);
      }
      const status = reply.headers?.code ?? 0;
      if (status === 204) return { messages, pending: pendingOf(reply) ?? pending };
      if (status === 404) return { messages, pending: 0 };
      if (status !== 0) throw this.#failure(`${status} ${reply.headers?.description ?? ""}`.trim());
      const message = directMessage(reply);
      if (message === undefined) throw this.#failure("an answer is not of the known form");
      const before = lastHeader(reply.headers!, "Nats-Last-Sequence");
      if (before !== String(messages.at(-1)?.sequence ?? 0)) {
        // One in between did not come: the next page begins with it.
        if (messages.length > 0) return { messages, pending: 1 };
        throw this.#failure("the first answer did not come");
      }
      messages.push(message);
      pending = pendingOf(reply) ?? pending;
    }
  }

  #failure(reason: string): JobEventError {
    return new JobEventError(
      "ERR_UNAVAILABLE",
      `Cannot read stream "${this.#stream.name}": ${reason}`,
    );
  }
}

function pendingOf({ headers }: NatsMessageLike): number | undefined {
  return headers === undefined ? undefined : headerNumber(headers, "Nats-Num-Pending");
}
