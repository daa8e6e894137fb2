/** Where acknowledgements come: one subscription for all messages of a publisher. */

import { JobEventError } from "../errors.ts";
import type { NatsConnectionLike, NatsMessageLike, NatsSubscriptionLike } from "./connection.ts";
import { connectionError } from "./foreign_errors.ts";
import { makeInbox } from "./inbox.ts";

const RADIX = 36;

/** Called for every answer with the token of the message that it answers; NaN for a foreign one. */
export type AckCallback = (token: number, message: NatsMessageLike) => void;

/** The reply subjects of one publisher: `{prefix}.{random}.{token}`. */
export class AckInbox {
  /** What the reply subjects begin with, up to the token. */
  readonly base: string;
  readonly #connection: NatsConnectionLike;
  readonly #onAck: AckCallback;
  #subscription: NatsSubscriptionLike | undefined;
  #refusal: JobEventError | undefined;
  #isListening = false;
  #starting: Promise<JobEventError | undefined> | undefined;

  /**
   * Names the inbox; {@linkcode listen} subscribes to it.
   *
   * @param connection Where the answers come from.
   * @param prefix What the subject begins with. @default the connection's `inboxPrefix`, else
   * `_INBOX`
   * @param onAck Called for every answer.
   * @throws {TypeError} The prefix has an empty token, a wildcard or white space.
   */
  constructor(connection: NatsConnectionLike, prefix: string | undefined, onAck: AckCallback) {
    this.base = `${makeInbox(connection, prefix)}.`;
    this.#connection = connection;
    this.#onAck = onAck;
  }

  /** Whether the server has accepted the subscription. */
  get isListening(): boolean {
    return this.#isListening;
  }

  /** The reply subject for a token. */
  replySubject(token: number): string {
    return this.base + token.toString(RADIX);
  }

  /**
   * Subscribes and waits until the server has accepted it. A message that is sent before could be
   * stored without this publisher ever hearing of it, if its user may not subscribe here.
   *
   * @returns Why it failed; `undefined` when it did not.
   */
  listen(): Promise<JobEventError | undefined> {
    this.#starting ??= this.#listen().finally(() => this.#starting = undefined);
    return this.#starting;
  }

  async #listen(): Promise<JobEventError | undefined> {
    this.#refusal = undefined;
    try {
      this.#subscription ??= this.#connection.subscribe(`${this.base}*`, {
        callback: (error, message) => this.#receive(error, message),
      });
      await this.#connection.flush();
    } catch (error) {
      return connectionError("Cannot wait for acknowledgements", error);
    }
    // A refusal comes before the answer to the flush.
    if (this.#refusal === undefined) this.#isListening = this.#subscription !== undefined;
    return this.#refusal;
  }

  /** Ends the subscription. */
  close(): void {
    this.#isListening = false;
    try {
      this.#subscription?.unsubscribe();
    } catch {
      // The connection is closed, and its subscriptions with it.
    }
    this.#subscription = undefined;
  }

  #receive(error: Error | null, message: NatsMessageLike): void {
    if (error !== null) {
      // The client has ended the subscription; the next append tries again.
      this.#isListening = false;
      this.#subscription = undefined;
      const refused = connectionError(`Cannot wait for acknowledgements on ${this.base}*`, error);
      this.#refusal = refused.code !== "ERR_PERMISSION" ? refused : new JobEventError(
        refused.code,
        `${refused.message}. Connect with an inboxPrefix that this user may subscribe to`,
        { cause: error },
      );
      return;
    }
    this.#onAck(Number.parseInt(message.subject.slice(this.base.length), RADIX), message);
  }
}
