/** Streams beside that of the events, for what groups keep: made when they are needed. */

import { hasApiErrorCode } from "./api_error.ts";
import * as ApiErrorCode from "./api_error_code.ts";
import { isNoResponders } from "./foreign_errors.ts";
import { keep, type KeptForm, type KeptMessage } from "./kept.ts";
import { pause } from "./link.ts";
import { isTransient, type ReadContext } from "./patience.ts";
import { storeMessage } from "./store_message.ts";
import type { EventStream, StreamInfo } from "./stream.ts";

/** How a side stream differs from the others. */
export interface SideStreamOptions {
  /** What its name has behind that of the stream of events. */
  readonly suffix: "_DEAD" | "_REPLAY";
  /** What operators see, before the name of the stream of events. */
  readonly description: string;
  /** Which messages stay: all, or those that no consumer has acknowledged. */
  readonly retention: "limits" | "workqueue";
}

const MAX_MESSAGES = 1_000_000;
const PATIENCE_MS = 10_000;
const PAUSE_MS = 50;

/** One stream, which keeps a message of a group once, under `{name}.{group}.{job}.{sequence}`. */
export class SideStream {
  /** For reads of it. */
  readonly context: ReadContext;
  /** The stream of events. */
  readonly events: ReadContext;
  readonly #options: SideStreamOptions;

  /**
   * Names the stream; it is made with the first message.
   *
   * @param events That of the stream of events.
   * @param options What it is for.
   */
  constructor(events: ReadContext, options: SideStreamOptions) {
    const name = `${events.stream.name}${options.suffix}`;
    const stream: EventStream = {
      ...events.stream,
      name,
      info: (query) =>
        events.stream.request<StreamInfo>(
          `STREAM.INFO.${name}`,
          query && { subjects_filter: query.subjectsFilter },
        ),
    };
    this.context = { ...events, stream };
    this.events = events;
    this.#options = options;
  }

  /** Its name. */
  get name(): string {
    return this.context.stream.name;
  }

  /** The pattern of what a group keeps of a job, both as tokens. */
  pattern(group: string = "*", job: string = "*"): string {
    return `${this.name}.${group}.${job}.*`;
  }

  /**
   * Stores a message in place of one that is there of the same event, and waits until it is stored.
   *
   * @returns Its position.
   * @throws {JobEventError} It is not stored.
   */
  async put(kept: KeptMessage): Promise<number> {
    const form = this.#form(kept);
    form.headers.set("Nats-Msg-Id", crypto.randomUUID());
    form.headers.set("Nats-Expected-Stream", this.name);
    const deadline = Date.now() + PATIENCE_MS;
    for (;;) {
      await this.context.link.whenUp(Math.max(deadline - Date.now(), 0));
      try {
        const { tail, payload, headers } = form;
        const subject = `${this.name}.${tail}`;
        return await storeMessage(this.context, { subject, payload, headers });
      } catch (error) {
        const isMissing = isNoResponders(error);
        if (!isMissing && !isTransient(error)) throw error;
        if (Date.now() >= deadline) throw error;
        if (isMissing && await this.create()) continue;
      }
      await pause(PAUSE_MS);
    }
  }

  /** Stores a message without waiting. */
  send(kept: KeptMessage): void {
    const { tail, payload, headers } = this.#form(kept);
    this.context.link.connection.publish(`${this.name}.${tail}`, payload, { headers });
  }

  /** Makes the stream, if it is not there. Gives whether it was made. */
  async create(): Promise<boolean> {
    const { stream } = this.context;
    const { storage = "file", num_replicas = 1 } = this.events.stream.config;
    const { description, retention } = this.#options;
    try {
      await stream.request(`STREAM.CREATE.${stream.name}`, {
        name: stream.name,
        description: `${description} ${this.events.stream.name}`,
        subjects: [`${stream.name}.>`],
        retention,
        discard: "old",
        storage,
        num_replicas,
        max_msgs: MAX_MESSAGES,
        max_msgs_per_subject: 1,
        allow_direct: true,
      });
      return true;
    } catch (error) {
      if (hasApiErrorCode(error, ApiErrorCode.StreamNameInUse)) return false;
      // What a server before 2.10 may say while somebody else is making the same stream.
      if (!hasApiErrorCode(error, ApiErrorCode.SubjectOverlap)) throw error;
      const isThere = await stream.info().then(() => true, () => false);
      if (!isThere) throw error;
      return false;
    }
  }

  #form(kept: KeptMessage): KeptForm {
    const { stream: { connection, subjects } } = this.events;
    return keep(kept, subjects.prefix, connection.info?.max_payload ?? Infinity);
  }
}

/** Whether a stream is not there. */
export function isMissingStream(error: unknown): boolean {
  return hasApiErrorCode(error, ApiErrorCode.StreamNotFound);
}
