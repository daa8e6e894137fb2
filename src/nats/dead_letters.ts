/** The stream of what groups gave up on. */

import { headers as makeHeaders } from "@nats-io/nats-core";
import { JobEventError } from "../errors.ts";
import { ApiErrorCode, hasApiErrorCode } from "./api_error.ts";
import type { NatsHeadersLike } from "./connection.ts";
import { deleteMatching } from "./delete.ts";
import { connectionError, isNoResponders } from "./foreign_errors.ts";
import { readHistory } from "./history.ts";
import type { StreamMessage } from "./message.ts";
import { AckReader } from "./publish_ack.ts";
import { isTransient, type ReadContext } from "./patience.ts";
import { pause } from "./link.ts";
import type { EventStream, StreamInfo } from "./stream.ts";

/** A message that a group gave up on. */
export interface DeadMessage {
  /** The message as it was delivered. */
  readonly message: StreamMessage;
  /** The token of the group. */
  readonly group: string;
  /** Why. */
  readonly reason: string;
  /** How often it was delivered. */
  readonly deliveryCount: number;
  /** When the group gave up on it, in milliseconds since the Unix epoch. */
  readonly deadAt: number;
}

/** A stored dead letter. */
export interface StoredDeadMessage extends DeadMessage {
  /** Its position in the stream of dead letters. */
  readonly position: number;
}

/** Which dead letters are meant. */
export interface DeadLetterSelection {
  /** The token of a group. @default all */
  readonly group?: string | undefined;
  /** The token of a job. @default all */
  readonly job?: string | undefined;
}

/** The headers of a dead letter. */
const HEADER = {
  consumer: "Naq-Consumer",
  reason: "Naq-Reason",
  subject: "Naq-Subject",
  sequence: "Naq-Sequence",
  deliveryCount: "Naq-Delivery-Count",
  deadAt: "Naq-Dead-At",
  eventId: "Naq-Event-Id",
  omitted: "Naq-Payload-Omitted",
} as const;

const MAX_LETTERS = 1_000_000;
const MAX_REASON_LENGTH = 1000;
/** More than all headers take: two subjects, an id and a reason of three bytes a character. */
const HEADER_ROOM_BYTES = 6 * 1024;
const STORE_TIMEOUT_MS = 5000;
const PATIENCE_MS = 10_000;
const PAUSE_MS = 50;
// What would end a header, or a line of text somewhere.
// deno-lint-ignore no-control-regex
const UNFIT = /[\u0000-\u001f\u007f]+/g;

/** Keeps dead letters, each once for its group and its position, in a stream beside the events. */
export class DeadLetterStore {
  readonly #context: ReadContext;
  readonly #events: EventStream;

  /**
   * Makes a store; its stream is made with the first dead letter.
   *
   * @param context That of the stream of events.
   */
  constructor(context: ReadContext) {
    this.#events = context.stream;
    const name = `${context.stream.name}_DEAD`;
    const stream: EventStream = {
      ...context.stream,
      name,
      info: () => context.stream.request<StreamInfo>(`STREAM.INFO.${name}`),
    };
    this.#context = { ...context, stream };
  }

  /** The name of the stream. */
  get streamName(): string {
    return this.#context.stream.name;
  }

  /**
   * Stores a dead letter, and waits until it is stored.
   *
   * @throws {JobEventError} It is not stored.
   */
  async put(letter: DeadMessage): Promise<void> {
    const deadline = Date.now() + PATIENCE_MS;
    for (;;) {
      await this.#context.link.whenUp(Math.max(deadline - Date.now(), 0));
      try {
        return await this.#publish(letter);
      } catch (error) {
        if (isNoResponders(error)) await this.#create();
        else if (!isTransient(error)) throw error;
        if (Date.now() >= deadline) throw error;
      }
      await pause(PAUSE_MS);
    }
  }

  /** Reads dead letters, the first one first. */
  async *read(selection: DeadLetterSelection = {}): AsyncGenerator<StoredDeadMessage, void> {
    const options = {
      patterns: [this.#pattern(selection)],
      afterSequence: 0,
      order: "oldest",
      wanted: Infinity,
    } as const;
    try {
      for await (const batch of readHistory(this.#context, options)) {
        for (const message of batch) {
          const letter = toLetter(message);
          if (letter === undefined) continue;
          yield message.headers?.has(HEADER.omitted) ? await this.#complete(letter) : letter;
        }
      }
    } catch (error) {
      if (!isMissingStream(error)) throw error;
    }
  }

  /** Takes the payload that was too large from the event itself, if it is still there. */
  async #complete(letter: StoredDeadMessage): Promise<StoredDeadMessage> {
    const { subject, sequence } = letter.message;
    const context = { ...this.#context, stream: this.#events };
    const options = {
      patterns: [subject],
      afterSequence: sequence - 1,
      order: "oldest",
      wanted: 1,
    } as const;
    for await (const [first] of readHistory(context, options)) {
      return first?.sequence === sequence ? { ...letter, message: first } : letter;
    }
    return letter;
  }

  /** Deletes one dead letter. */
  async remove(position: number): Promise<void> {
    const { stream } = this.#context;
    await stream.request(`STREAM.MSG.DELETE.${stream.name}`, { seq: position, no_erase: true });
  }

  /**
   * Deletes dead letters.
   *
   * @param erasing Whether their bytes are overwritten.
   * @returns How many there were.
   */
  async purge(selection: DeadLetterSelection = {}, erasing: boolean = false): Promise<number> {
    const pattern = this.#pattern(selection);
    try {
      return await deleteMatching(this.#context, pattern, erasing);
    } catch (error) {
      if (isMissingStream(error)) return 0;
      throw error;
    }
  }

  #pattern({ group = "*", job = "*" }: DeadLetterSelection): string {
    return `${this.streamName}.${group}.${job}.*`;
  }

  async #publish(letter: DeadMessage): Promise<void> {
    const { message, group, deliveryCount } = letter;
    const { connection, prefix } = { ...this.#events, prefix: this.#events.subjects.prefix };
    const job = message.subject.slice(prefix.length + 1).split(".")[0]!;
    const subject = `${this.streamName}.${group}.${job}.${message.sequence}`;
    const headers = makeHeaders() as NatsHeadersLike;
    // The subject alone keeps it from being there twice; this keeps it from being written twice.
    headers.set("Nats-Msg-Id", `${group}:${message.sequence}:${deliveryCount}`);
    headers.set("Nats-Expected-Stream", this.streamName);
    fillHeaders(headers, letter);
    const limit = (connection.info?.max_payload ?? Infinity) - HEADER_ROOM_BYTES;
    const isTooLarge = message.data.length > limit;
    if (isTooLarge) headers.set(HEADER.omitted, "1");
    const payload = isTooLarge ? new Uint8Array() : message.data;
    const options = { timeout: STORE_TIMEOUT_MS, headers };
    const reply = await this.#context.link.unlessLost(
      connection.request(subject, payload, options),
    ).catch((error) => {
      throw connectionError("Cannot store dead letter", error);
    });
    const outcome = new AckReader(this.streamName).read(reply, subject);
    if (outcome === undefined) throw new JobEventError("ERR_UNAVAILABLE", NO_ANSWER);
    if ("error" in outcome) throw outcome.error;
  }

  async #create(): Promise<void> {
    const { stream } = this.#context;
    const { storage = "file", num_replicas = 1 } = this.#events.config;
    try {
      await stream.request(`STREAM.CREATE.${stream.name}`, {
        name: stream.name,
        description: `Dead letters of ${this.#events.name}`,
        subjects: [`${stream.name}.>`],
        retention: "limits",
        discard: "old",
        storage,
        num_replicas,
        max_msgs: MAX_LETTERS,
        max_msgs_per_subject: 1,
        allow_direct: true,
      });
    } catch (error) {
      if (!hasApiErrorCode(error, ApiErrorCode.StreamNameInUse)) throw error;
    }
  }
}

const NO_ANSWER = "Cannot store dead letter: the answer is not one of JetStream's";

function fillHeaders(headers: NatsHeadersLike, letter: DeadMessage): void {
  const { message, group, reason, deliveryCount, deadAt } = letter;
  headers.set(HEADER.consumer, group);
  const text = reason.toWellFormed().replace(UNFIT, " ").trim();
  headers.set(HEADER.reason, text.slice(0, MAX_REASON_LENGTH).toWellFormed());
  headers.set(HEADER.subject, message.subject);
  headers.set(HEADER.sequence, String(message.sequence));
  headers.set(HEADER.deliveryCount, String(deliveryCount));
  headers.set(HEADER.deadAt, String(deadAt));
  if (message.messageId !== undefined) headers.set(HEADER.eventId, message.messageId);
}

function toLetter(stored: StreamMessage): StoredDeadMessage | undefined {
  const { headers } = stored;
  const subject = headers?.get(HEADER.subject) ?? "";
  if (headers === undefined || subject === "") return undefined;
  const messageId = headers.get(HEADER.eventId);
  const sequence = Number(headers.get(HEADER.sequence));
  return {
    message: {
      sequence,
      subject,
      data: stored.data,
      ...(messageId === "" ? {} : { messageId }),
    },
    group: headers.get(HEADER.consumer),
    reason: headers.get(HEADER.reason),
    deliveryCount: Number(headers.get(HEADER.deliveryCount)),
    deadAt: Number(headers.get(HEADER.deadAt)),
    position: stored.sequence,
  };
}

function isMissingStream(error: unknown): boolean {
  return hasApiErrorCode(error, ApiErrorCode.StreamNotFound);
}
