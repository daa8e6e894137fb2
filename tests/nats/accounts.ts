/** Servers for the tests of storages: each test has an account, and so all streams, to itself. */

import { connect } from "@nats-io/transport-node";
import assert from "node:assert/strict";
import {
  type NatsServer,
  type NatsServerVersion,
  startNatsServer,
} from "../../scripts/nats_server.ts";
import type { NatsConnectionLike } from "../../src/nats/connection.ts";
import { NatsJobEventStorage, type NatsJobEventStorageOptions } from "../../src/storage/nats.ts";

/** A first start may install the server, and Bun allows 5 seconds where nothing is said. */
export const TIMEOUT_MS = 120_000;

const ACCOUNTS = 80;

/** Both versions that everything must work with. */
export const VERSIONS: readonly NatsServerVersion[] = ["current", "floor"];

/** One server that is started with its first account. */
export class TestServer {
  readonly #version: NatsServerVersion;
  readonly #connections: NatsConnectionLike[] = [];
  #server: Promise<NatsServer> | undefined;
  #used = 0;

  constructor(version: NatsServerVersion) {
    this.#version = version;
  }

  /** The server. */
  get(): Promise<NatsServer> {
    this.#server ??= startNatsServer({
      version: this.#version,
      accounts: Array.from(
        { length: ACCOUNTS },
        (_, index) => `A${index} { jetstream: enabled, users: [{ user: u${index}, password: p }] }`,
      ).join("\n"),
    });
    return this.#server;
  }

  /** Opens a connection to an account of its own, or to one that was there before. */
  async connect(account: number = this.#used++): Promise<NatsConnectionLike> {
    assert(account < ACCOUNTS, "There are not so many accounts");
    const { url } = await this.get();
    const connection = await connect({
      servers: url,
      user: `u${account}`,
      pass: "p",
      maxReconnectAttempts: -1,
      reconnectTimeWait: 50,
    }) as NatsConnectionLike;
    this.#connections.push(connection);
    return connection;
  }

  /** The account that was opened last, for a second connection to it. */
  get lastAccount(): number {
    return this.#used - 1;
  }

  /** Opens a storage on a new, empty account. */
  async open(options: NatsJobEventStorageOptions = {}): Promise<NatsJobEventStorage> {
    return await openSmall(await this.connect(), options);
  }

  /** Closes the connections and ends the server. */
  async stop(): Promise<void> {
    await Promise.all(this.#connections.map((connection) => connection.close()));
    await (await this.#server)?.stop();
  }
}

/** Opens a storage that sets little room aside. */
export async function openSmall(
  connection: NatsConnectionLike,
  options: NatsJobEventStorageOptions = {},
): Promise<NatsJobEventStorage> {
  const stream = { maxBytes: 64 * 1024 * 1024, ...options.stream };
  return await NatsJobEventStorage.open(connection, { ...options, stream });
}
