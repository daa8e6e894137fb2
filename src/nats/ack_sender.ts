/** Acknowledges deliveries without waiting for an answer to each. */

import { type ConnectionLink, pause } from "./link.ts";
import { ACK } from "./settle.ts";

/** So many acknowledgements may be unconfirmed before {@linkcode AckSender.send} waits. */
const MAX_UNCONFIRMED = 1024;
/** How long acknowledgements are collected until one round trip confirms them all. */
const COLLECT_MS = 10;
const LONGEST_WAIT_MS = 60_000;

/**
 * Sends acknowledgements, and sends those again that were lost with the connection. One round trip
 * of the connection now and then says that the server has all that were sent before.
 */
export class AckSender {
  readonly #link: ConnectionLink;
  #unconfirmed: string[] = [];
  #confirming: Promise<void> | undefined;

  /** @param link The connection. */
  constructor(link: ConnectionLink) {
    this.#link = link;
  }

  /** Acknowledges a delivery. Waits only while too many are unconfirmed. */
  async send(ackSubject: string): Promise<void> {
    this.#link.connection.publish(ackSubject, ACK);
    this.#unconfirmed.push(ackSubject);
    this.#confirming ??= this.#confirm().finally(() => this.#confirming = undefined);
    while (this.#unconfirmed.length >= MAX_UNCONFIRMED) await this.#confirming;
  }

  /** Waits until the server has every acknowledgement, or the connection is down. */
  async drained(): Promise<void> {
    while (this.#unconfirmed.length > 0 && this.#link.isUp) await this.#confirming;
  }

  async #confirm(): Promise<void> {
    const { connection } = this.#link;
    while (this.#unconfirmed.length > 0 && !connection.isClosed()) {
      await pause(COLLECT_MS);
      const { losses } = this.#link;
      const count = this.#unconfirmed.length;
      const isSeen = await this.#link.unlessLost(connection.flush()).then(() => true, () => false);
      if (isSeen && this.#link.losses === losses) {
        this.#unconfirmed.splice(0, count);
        continue;
      }
      await this.#link.whenUp(LONGEST_WAIT_MS);
      if (!this.#link.isUp) continue;
      for (const subject of this.#unconfirmed) connection.publish(subject, ACK);
    }
    this.#unconfirmed = [];
  }
}
