/** A NATS client of a few lines, so that the server scripts are tested without a client library. */

import assert from "node:assert/strict";
import { connect, type Socket } from "node:net";
import { poll } from "../../scripts/nats/run.ts";

/** As much of the NATS text protocol as these tests need. */
export class TextClient {
  readonly #socket: Socket;
  #received = "";
  #closed = false;

  constructor(socket: Socket) {
    this.#socket = socket;
    socket.setEncoding("utf8").on("data", (text) => this.#received += text);
    socket.on("error", () => this.#closed = true).on("close", () => this.#closed = true);
  }

  static async open(port: number, login: Record<string, string> = {}): Promise<TextClient> {
    const client = new TextClient(connect({ port, host: "127.0.0.1" }));
    await client.match(/^INFO .*\r\n/);
    const options = { verbose: false, headers: true, no_responders: true, ...login };
    client.send(`CONNECT ${JSON.stringify(options)}\r\n`);
    return client;
  }

  send(text: string): void {
    this.#socket.write(text);
  }

  /** Takes the first match, and all before it, out of what was received. */
  async match(pattern: RegExp): Promise<string> {
    return await poll(`${pattern}`, () => {
      const found = pattern.exec(this.#received);
      if (found === null) {
        assert.equal(this.#closed, false, `closed after ${JSON.stringify(this.#received)}`);
        return undefined;
      }
      this.#received = this.#received.slice(found.index + found[0].length);
      return found[0];
    }, { timeoutMs: 5_000, intervalMs: 2 });
  }

  async ping(): Promise<void> {
    this.send("PING\r\n");
    await this.match(/PONG\r\n/);
  }

  async request(subject: string, body = ""): Promise<Record<string, unknown>> {
    const inbox = `_INBOX.${crypto.randomUUID()}`;
    const size = new TextEncoder().encode(body).length;
    this.send(`SUB ${inbox} 1\r\nUNSUB 1 1\r\nPUB ${subject} ${inbox} ${size}\r\n${body}\r\n`);
    const message = await this.match(/H?MSG .*\r\n(?:NATS.*\r\n(?:.*\r\n)*)?\{.*\}\r\n|503/);
    assert.notEqual(message, "503", `nobody answers ${subject}`);
    return JSON.parse(message.slice(message.indexOf("{"))) as Record<string, unknown>;
  }

  close(): void {
    this.#socket.destroy();
  }
}
