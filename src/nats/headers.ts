/** Headers of messages that are sent. */

import type { NatsHeadersLike } from "./connection.ts";

/** Headers with one value each, in the form that a connection of any copy of nats-core takes. */
export class MessageHeaders implements NatsHeadersLike {
  readonly code = 0;
  readonly description = "";
  readonly #values = new Map<string, string>();

  /** The value of a header, or "". */
  get(name: string): string {
    return this.#values.get(name) ?? "";
  }

  /** Whether a header is there. */
  has(name: string): boolean {
    return this.#values.has(name);
  }

  /**
   * Sets a header.
   *
   * @throws {TypeError} The value would end the header.
   */
  set(name: string, value: string): void {
    if (/[\r\n]/.test(value)) throw new TypeError(`Cannot set header ${name}: it has a line break`);
    this.#values.set(name, value);
  }

  /** What the client calls when it sends the message. */
  encode(): Uint8Array {
    const lines = [...this.#values].map(([name, value]) => `${name}: ${value}\r\n`);
    return new TextEncoder().encode(`NATS/1.0\r\n${lines.join("")}\r\n`);
  }
}
