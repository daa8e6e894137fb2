/** Acknowledges deliveries without waiting for an answer to each. */

import { type ConnectionLink, pause } from "./link.ts";
import { ACK } from "./settle.ts";

/** So many acknowledgements are written at once; fewer after a turn of the runtime. */
const BATCH = 100;
/** So many acknowledgements may be unconfirmed before {@linkcode AckSender.send} waits. */
const MAX_UNCONFIRMED = 4096;
/** How long acknowledgements are collected until one round trip confirms them all. */
const COLLECT_MS = 10;
const LONGEST_WAIT_MS = 60_000;

/**
 * Sends acknowledgements, and sends those again that were lost with the connection. One round trip
 * of the connection now and then says that the server has all that were sent before.
 */
export class AckSender {
  readonly #link: ConnectionLink;
  /** In the order in which they were or will be sent. */
  #unconfirmed: string[] = [];
  #sent = 0;
  #timer: ReturnType<typeof setTimeout> | undefined;
  #confirming: Promise<void> | undefined;

  /** @param link The connection. */
  constructor(link: ConnectionLink) {
    this.#link = link;
  }

  /** Acknowledges a delivery. Waits only while too many are unconfirmed. */
  async send(ackSubject: string): Promise<void> {
    const count = this.#unconfirmed.push(ackSubject);
    // Each write to the connection costs more than anything else here.
    if (count - this.#sent >= BATCH) this.flush();
    else this.#timer ??= setTimeout(() => this.flush());
    while (this.#unconfirmed.length >= MAX_UNCONFIRMED && this.flush()) await this.#confirming;
  }

  /** Sends what is collected. Gives `false` when the connection is closed for good. */
  flush(): boolean {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    const { connection } = this.#link;
    if (connection.isClosed()) return false;
    for (; this.#sent < this.#unconfirmed.length; this.#sent++) {
      connection.publish(this.#unconfirmed[this.#sent]!, ACK);
    }
    this.#confirming ??= this.#confirm().finally(() => this.#confirming = undefined);
    return true;
  }

  /** Waits until the server has every acknowledgement, or the connection is down. */
  async drained(): Promise<void> {
    while (this.#unconfirmed.length > 0 && this.#link.isUp && this.flush()) await this.#confirming;
  }

  async #confirm(): Promise<void> {
    const { connection } = this.#link;
    while (this.#sent > 0 && !connection.isClosed()) {
      await pause(COLLECT_MS);
      const { losses } = this.#link;
      const count = this.#sent;
      const isSeen = await this.#link.unlessLost(connection.flush()).then(() => true, () => false);
      if (isSeen && this.#link.losses === losses) {
        this.#unconfirmed.splice(0, count);
        this.#sent -= count;
        continue;
      }
      await this.#link.whenUp(LONGEST_WAIT_MS);
      if (!this.#link.isUp) continue;
      this.#sent = 0;
      this.flush();
    }
  }
}
