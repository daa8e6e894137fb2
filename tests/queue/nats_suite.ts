/** The suite on a server of one version. */

import { after, describe } from "node:test";
import { type NatsServerVersion, natsSkipReason } from "../../scripts/nats_server.ts";
import type { NatsConnectionLike } from "../../src/nats/connection.ts";
import { NatsTaskQueue } from "../../src/queue/nats.ts";
import type { TaskQueueOptions } from "../../src/queue/queue.ts";
import { TestServer, TIMEOUT_MS } from "../nats/accounts.ts";
import { queueSuite } from "./suite.ts";

/** Declares the tests. */
export async function natsQueueSuite(version: NatsServerVersion): Promise<void> {
  const skip = natsSkipReason();
  const server = new TestServer(version);
  // Here, because a first start may take longer than Bun lets a test of the suite take.
  if (skip === false) await server.get();
  describe(`NATS ${version}`, { skip, timeout: TIMEOUT_MS }, () => {
    after(() => server.stop());
    const accounts = new WeakMap<object, number>();
    const open = async (
      connection: NatsConnectionLike,
      options?: TaskQueueOptions,
    ): Promise<NatsTaskQueue> => {
      const queue = await NatsTaskQueue.open(connection, options);
      accounts.set(queue, server.lastAccount);
      return queue;
    };
    queueSuite(`NatsTaskQueue on ${version}`, {
      open: async (options) => open(await server.connect(), options),
      join: async (queue, options) => open(await server.connect(accounts.get(queue)), options),
    });
  });
}
