/** Tokens: what of a task is in a stream while the task is in its queue. */

import { deleteMessage } from "../../nats/delete.ts";
import { leaderSequence } from "../../nats/history.ts";
import { isTransient, patiently, type ReadContext } from "../../nats/patience.ts";
import { ACK, bodyOf, PROGRESS } from "../../nats/settle.ts";
import type { TaskRecord } from "../record.ts";
import { type QueueNames, type Token, tokenOf, type TokenPlace } from "./names.ts";
import type { Requests, Write } from "./requests.ts";

const encoder = new TextEncoder();
const NOTHING = new Uint8Array(0);
/** Nobody is told of more than this at once; it is asked again then. */
const LONGEST_NAK_MS = 6 * 3_600_000;

/** Sends tokens, and says what became of those that were delivered. */
export class Tokens {
  readonly #context: ReadContext;
  readonly #names: QueueNames;
  readonly #requests: Requests;
  /** What was said, and not heard by the server yet. */
  readonly #settling = new Set<Promise<unknown>>();
  /** Those of them that gave something back. */
  readonly #returning = new Set<Promise<unknown>>();

  /** @param context The stream of the tokens. */
  constructor(context: ReadContext, names: QueueNames, requests: Requests) {
    this.#context = context;
    this.#names = names;
    this.#requests = requests;
  }

  /** The token of a record that is put into its queue now. */
  of(record: TaskRecord): Token {
    if (record.runAt <= Date.now()) return tokenOf(record, "ready");
    return tokenOf(record, this.#context.stream.capabilities.schedules ? "at" : "later");
  }

  /**
   * Puts a token into the stream, where it is not there yet.
   *
   * @param runAt When its time comes, in milliseconds since the Unix epoch.
   * @returns Its position; `undefined` when it is there already.
   */
  async put(token: Token, runAt: number): Promise<number | undefined> {
    const write = this.#write(token, runAt);
    const { name } = this.#context.stream;
    try {
      return await this.#requests.store(name, write);
    } catch (error) {
      if (!isTransient(error)) throw error;
      return await patiently(this.#context, () => this.#requests.store(name, write));
    }
  }

  /**
   * Puts a message that nobody takes at the beginning of the stream, where it is not there yet. A
   * consumer whose next message is the first of the stream looks at the subjects of all its tokens
   * for each of them: with 400,000 that took most of the server's time.
   */
  async pin(): Promise<void> {
    const write = { subject: this.#names.pin(), payload: NOTHING, expected: 0 };
    const { name } = this.#context.stream;
    await patiently(this.#context, () => this.#requests.store(name, write));
  }

  /** Takes the token of a record out of the stream, wherever it is. */
  async remove(record: TaskRecord): Promise<void> {
    const { stream } = this.#context;
    // While this looks, a token may get from where it waits to where it is ready, not back.
    const places: readonly TokenPlace[] = record.runAt <= Date.now()
      ? ["ready", "at", "later", "ready"]
      : ["at", "later", "ready"];
    for (const place of places) {
      const subject = this.#names.token(tokenOf(record, place));
      const find = (): Promise<number | undefined> => leaderSequence(stream, subject, 1);
      const sequence = await patiently(this.#context, find);
      if (sequence !== undefined) return await this.removeAt(sequence);
    }
  }

  /** Takes the token at a position out of the stream. */
  async removeAt(sequence: number): Promise<void> {
    await deleteMessage(this.#context, sequence, false);
  }

  /** A token that was delivered is done with. */
  ack(ackSubject: string): void {
    this.#settle(ackSubject, ACK);
  }

  /** The time for a token that was delivered begins anew. */
  progress(ackSubject: string): void {
    this.#settle(ackSubject, PROGRESS);
  }

  /** A token that was delivered is to be delivered again after a delay. */
  giveBack(ackSubject: string, delayMs: number = 0): void {
    const body = bodyOf({ nakMs: Math.min(Math.ceil(delayMs), LONGEST_NAK_MS) });
    const returning = this.#settle(ackSubject, body);
    this.#returning.add(returning);
    void returning.then(() => this.#returning.delete(returning));
  }

  /** Waits until what was given back is there again. */
  async returned(): Promise<void> {
    while (this.#returning.size > 0) await Promise.all(this.#returning);
  }

  /** Waits until the server has heard all that was said before. */
  async settled(): Promise<void> {
    while (this.#settling.size > 0) await Promise.all(this.#settling);
  }

  #write(token: Token, runAt: number): Write {
    const { place } = token;
    const subject = this.#names.token(token);
    if (place === "ready") return { subject, payload: NOTHING, expected: 0 };
    if (place === "later") return { subject, payload: encoder.encode(String(runAt)), expected: 0 };
    const target = this.#names.token({ ...token, place: "ready" });
    const headers = `Nats-Schedule: @at ${new Date(runAt).toISOString()}\r\n` +
      `Nats-Schedule-Target: ${target}\r\n`;
    return { subject, payload: NOTHING, expected: 0, headers };
  }

  /** Where it is lost with the connection, the token comes again, and is judged again. */
  #settle(ackSubject: string, body: Uint8Array): Promise<unknown> {
    const settling = this.#requests.request(ackSubject, body).catch(() => {})
      .finally(() => this.#settling.delete(settling));
    this.#settling.add(settling);
    return settling;
  }
}
