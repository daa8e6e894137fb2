/** Servers with users of every kind, and what a test does with a connection. */

import { nkeys } from "@nats-io/nats-core";
import assert from "node:assert/strict";
import { type NatsServer, startNatsServer } from "../../scripts/nats_server.ts";
import type { NatsConnectionLike, NatsMessageLike } from "../../src/nats/connection.ts";
import { eventually, within } from "../helpers.ts";

const decoder = new TextDecoder();
const encoder = new TextEncoder();

/** A first start may install the server, and Bun allows 5 seconds where nothing is said. */
export const TIMEOUT_MS = 120_000;

/** Starts a server, and stops it when the test has ended. */
export async function withServer(
  options: Parameters<typeof startNatsServer>[0],
  body: (server: NatsServer) => Promise<void>,
): Promise<void> {
  const server = await startNatsServer(options);
  try {
    await body(server);
  } finally {
    await server.stop();
  }
}

/** Uses a connection and closes it. */
export async function using<Connection extends NatsConnectionLike>(
  opening: Promise<Connection>,
  body: (connection: Connection) => Promise<void> | void,
): Promise<void> {
  const connection = await opening;
  try {
    await body(connection);
  } finally {
    await connection.close();
  }
}

/** Publishes, subscribes and requests over a connection, and looks at what comes. */
export async function exercise(connection: NatsConnectionLike, prefix = "test"): Promise<void> {
  const received: string[] = [];
  const replies: string[] = [];
  const note = connection.subscribe(`${prefix}.note`, {
    callback: (error, message) => {
      received.push(error === null ? decoder.decode(message.data) : error.name);
    },
  });
  const echo = connection.subscribe(`${prefix}.echo`, {
    callback: (_error, { data, reply }: NatsMessageLike) => {
      replies.push(reply ?? "");
      connection.publish(reply!, data);
    },
  });
  connection.publish(`${prefix}.note`, encoder.encode("one"));
  await connection.flush();
  await eventually(() => received.length === 1, { what: "the message that was published" });
  assert.deepEqual(received, ["one"]);

  const answer = await connection.request(`${prefix}.echo`, encoder.encode("two"), {
    timeout: 5000,
  });
  assert.equal(decoder.decode(answer.data), "two");
  assert.equal(replies.length, 1);
  assert.ok(await connection.rtt() >= 0);
  assert.match(connection.info?.version ?? "", /^\d+\./);
  note.unsubscribe();
  echo.unsubscribe();
}

/** Waits until a connection works again after a break. */
export async function worksAgain(connection: NatsConnectionLike): Promise<void> {
  await eventually(() => within(connection.rtt(), 500).then(() => true, () => false), {
    timeoutMs: 20_000,
    what: "a connection that works again",
  });
  await exercise(connection, `again${Math.floor(Math.random() * 1e9)}`);
}

/** How many clients a server has. */
export async function clients(server: NatsServer): Promise<number> {
  const { num_connections: count } = await server.monitor("/connz") as { num_connections: number };
  return count;
}

/** A user known by its key. */
export interface KeyUser {
  /** The public key. */
  readonly id: string;
  /** The secret one. */
  readonly seed: string;
}

export function makeUser(): KeyUser {
  const pair = nkeys.createUser();
  return { id: pair.getPublicKey(), seed: decoder.decode(pair.getSeed()) };
}
