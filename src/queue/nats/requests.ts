/** Requests to the server, many at the same time, each with one answer. */

import { JobEventError } from "../../errors.ts";
import { AckInbox } from "../../nats/ack_inbox.ts";
import { hasApiErrorCode } from "../../nats/api_error.ts";
import * as ApiErrorCode from "../../nats/api_error_code.ts";
import type { NatsHeadersLike, NatsMessageLike } from "../../nats/connection.ts";
import { connectionError } from "../../nats/foreign_errors.ts";
import type { ConnectionLink } from "../../nats/link.ts";
import { MsgIdHeaders } from "../../nats/msg_id_headers.ts";
import { AckReader } from "../../nats/publish_ack.ts";
import { queueClosed } from "../arguments.ts";

interface Waiting {
  readonly resolve: (message: NatsMessageLike) => void;
  readonly reject: (error: JobEventError) => void;
  readonly deadline: number;
}

/** What is stored. */
export interface Write {
  readonly subject: string;
  readonly payload: Uint8Array;
  /** The position of the last message of the subject: 0 for none. */
  readonly expected: number;
  /** The server may forget it after so many seconds, where it can. @default never */
  readonly ttlSeconds?: number | undefined;
  /** More headers, each a line with its end. @default none */
  readonly headers?: string;
  /** How much longer a later message of the subject may have to be, in bytes. @default 0 */
  readonly roomBytes?: number;
}

const SWEEP_MS = 250;
/** The room takes no more than this part of what the server allows. */
const MAX_ROOM = 1 / 8;
const encoder = new TextEncoder();
const CREATES = headersOf("Nats-Expected-Last-Subject-Sequence: 0\r\n");

function headersOf(lines: string): MsgIdHeaders {
  return new MsgIdHeaders("", encoder.encode(`NATS/1.0\r\n${lines}\r\n`));
}

/**
 * One inbox for all answers. A request costs a subject and an entry in a map; what nats-core does
 * for each, a timer among it, takes several times as long.
 */
export class Requests {
  readonly #link: ConnectionLink;
  readonly #timeoutMs: number;
  readonly #inbox: AckInbox;
  /** In the order of their deadlines. */
  readonly #waiting = new Map<number, Waiting>();
  readonly #readers = new Map<string, AckReader>();
  readonly #stopWatching: () => void;
  #timer: ReturnType<typeof setTimeout> | undefined;
  #lastToken = 0;
  #isClosed = false;

  /** @param timeoutMs The time for each request, in milliseconds. */
  constructor(link: ConnectionLink, timeoutMs: number) {
    this.#link = link;
    this.#timeoutMs = timeoutMs;
    this.#inbox = new AckInbox(link.connection, undefined, (token, message) => {
      const waiting = this.#waiting.get(token);
      this.#waiting.delete(token);
      waiting?.resolve(message);
    });
    this.#stopWatching = link.onLost(() =>
      this.#failAll(unavailable("the server", "the connection was lost"))
    );
  }

  /** Subscribes to the answers. */
  async start(): Promise<void> {
    const error = await this.#inbox.listen();
    if (error !== undefined) throw error;
  }

  /**
   * Sends a request.
   *
   * @throws {JobEventError} `ERR_UNAVAILABLE`: the connection is down or was lost, nobody knows
   * what became of the request. `ERR_TIMEOUT`: there was no answer.
   */
  request(
    subject: string,
    payload?: Uint8Array,
    headers?: NatsHeadersLike,
  ): Promise<NatsMessageLike> {
    return new Promise((resolve, reject) => {
      if (this.#isClosed) return reject(queueClosed());
      if (!this.#link.isUp) return reject(this.#away(subject));
      const token = ++this.#lastToken;
      const reply = this.#inbox.replySubject(token);
      try {
        this.#link.connection.publish(subject, payload, headers ? { reply, headers } : { reply });
      } catch (error) {
        return reject(connectionError(`Cannot ask for ${subject}`, error));
      }
      const deadline = performance.now() + this.#timeoutMs;
      this.#waiting.set(token, { resolve, reject, deadline });
      this.#timer ??= setTimeout(() => this.#sweep(), SWEEP_MS);
    });
  }

  /**
   * Stores a message if the last one of its subject is the expected one.
   *
   * @param stream The stream that is to store it.
   * @returns Its position; `undefined` when another message is the last one.
   * @throws {JobEventError} It is not stored, or nobody knows.
   */
  async store(stream: string, write: Write): Promise<number | undefined> {
    const { subject, payload, expected, ttlSeconds, headers = "", roomBytes = 0 } = write;
    const isPlain = expected === 0 && ttlSeconds === undefined && headers === "";
    const ttl = ttlSeconds === undefined ? "" : `Nats-TTL: ${ttlSeconds}\r\n`;
    const all = isPlain
      ? CREATES
      : headersOf(`Nats-Expected-Last-Subject-Sequence: ${expected}\r\n${ttl}${headers}`);
    const size = payload.length + all.bytes.length;
    const maxPayload = this.#link.connection.info?.max_payload ?? Infinity;
    const limit = maxPayload - Math.min(roomBytes, Math.floor(maxPayload * MAX_ROOM));
    // Beyond max_payload the server would close the connection.
    if (size > limit) throw tooLarge(subject, size, limit, maxPayload);
    const message = await this.request(subject, payload, all);
    const outcome = this.#reader(stream).read(message, subject);
    if (outcome === undefined) throw unavailable(subject, "the answer is not one of JetStream's");
    if (!("error" in outcome)) return outcome.sequence;
    if (isConflict(outcome.error)) return undefined;
    throw outcome.error;
  }

  /** Ends it: what waits fails. */
  close(): void {
    this.#stopWatching();
    this.#inbox.close();
    this.#isClosed = true;
    this.#failAll(queueClosed());
  }

  #away(subject: string): JobEventError {
    if (!this.#link.connection.isClosed()) return unavailable(subject, "the connection is down");
    return new JobEventError("ERR_CLOSED", `Cannot ask ${subject}: the connection is closed`);
  }

  #reader(stream: string): AckReader {
    let reader = this.#readers.get(stream);
    if (reader === undefined) this.#readers.set(stream, reader = new AckReader(stream));
    return reader;
  }

  #sweep(): void {
    this.#timer = undefined;
    const now = performance.now();
    for (const [token, { deadline, reject }] of this.#waiting) {
      if (deadline > now) break;
      this.#waiting.delete(token);
      const reason = `Cannot get an answer of the server within ${this.#timeoutMs} ms`;
      reject(new JobEventError("ERR_TIMEOUT", reason));
    }
    if (this.#waiting.size > 0) this.#timer = setTimeout(() => this.#sweep(), SWEEP_MS);
  }

  #failAll(error: JobEventError): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    const waiting = [...this.#waiting.values()];
    this.#waiting.clear();
    for (const { reject } of waiting) reject(error);
  }
}

function unavailable(subject: string, reason: string): JobEventError {
  return new JobEventError("ERR_UNAVAILABLE", `Cannot ask ${subject}: ${reason}`);
}

function tooLarge(
  subject: string,
  size: number,
  limit: number,
  maxPayload: number,
): JobEventError {
  const room = limit === maxPayload ? "" : `, less ${maxPayload - limit} for what is added later`;
  return new JobEventError(
    "ERR_EVENT_TOO_LARGE",
    `Cannot store ${subject}: it takes ${size} bytes, more than the ${limit} of the server's ` +
      `max_payload${room}`,
  );
}

function isConflict(error: JobEventError): boolean {
  return hasApiErrorCode(error, ApiErrorCode.WrongLastSequence) ||
    hasApiErrorCode(error, ApiErrorCode.WrongLastSequenceConstant);
}
