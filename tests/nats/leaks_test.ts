import assert from "node:assert/strict";
import { after, describe, it } from "node:test";
import { natsSkipReason } from "../../scripts/nats_server.ts";
import type { NatsJobEventStorage } from "../../src/storage/nats.ts";
import { eventually, take } from "../helpers.ts";
import { event } from "../storage/events.ts";
import { openSmall, TestServer, TIMEOUT_MS, VERSIONS } from "./accounts.ts";

const skip = natsSkipReason();
const timeout = TIMEOUT_MS;

interface Jsz {
  readonly consumers: number;
}

interface Connz {
  readonly num_connections: number;
  readonly connections: readonly { readonly subscriptions: number }[];
}

/** Reads in every way, the end of the loop included. */
async function readOnce(storage: NatsJobEventStorage, round: number): Promise<void> {
  const jobId = `job-${round % 10}`;
  switch (round % 5) {
    case 0:
      return void assert.equal((await storage.getEvents(jobId)).length, 10);
    case 1:
      return void assert.equal((await storage.getEventsByType("failed", { limit: 3 })).length, 3);
    case 2:
      return void assert.equal((await take(storage.readEvents({ queueName: "q" }), 2)).length, 2);
    case 3:
      return void assert.equal((await storage.listEvents({ order: "newest", limit: 1 })).length, 1);
    default:
      return void assert.equal(await storage.countEvents({ jobId, tags: { no: "such" } }), 0);
  }
}

for (const version of VERSIONS) {
  describe(`leaks on NATS ${version}`, { skip, timeout }, () => {
    const server = new TestServer(version);
    after(() => server.stop());

    it("1,000 reads and 100 abandoned streams leave nothing behind", { timeout }, async () => {
      const process = await server.get();
      const consumers = async (): Promise<number> =>
        ((await process.monitor("/jsz?consumers=true")) as Jsz).consumers;
      const connections = async (): Promise<Connz> => await process.monitor("/connz") as Connz;
      const connection = await server.connect();
      const storage = await openSmall(connection);
      await storage.storeEvents(
        Array.from(
          { length: 100 },
          (_, at) =>
            event(`job-${at % 10}`, { queueName: "q", eventType: at % 2 ? "failed" : "started" }),
        ),
      );
      await readOnce(storage, 0);
      const { connections: [before] } = await connections();

      for (let round = 0; round < 1000; round += 20) {
        await Promise.all(Array.from({ length: 20 }, (_, at) => readOnce(storage, round + at)));
      }
      for (let round = 0; round < 100; round++) {
        const controller = new AbortController();
        const stream = storage.streamEvents({ from: "all", signal: controller.signal });
        if (round % 4 === 0) await take(stream, 3);
        else if (round % 4 === 1) await stream.ready.then(() => controller.abort());
        else if (round % 4 === 2) await stream[Symbol.asyncDispose]();
        else controller.abort();
      }
      const what = "a server without consumers";
      await eventually(async () => await consumers() === 0, { what });
      const { num_connections: count, connections: [now] } = await connections();
      assert.equal(count, 1);
      assert(
        now!.subscriptions <= before!.subscriptions + 1,
        `${now!.subscriptions} subscriptions`,
      );

      await storage.close();
      await eventually(async () => {
        const { connections: [last] } = await connections();
        // What is left is the client library's own inbox for requests.
        return last!.subscriptions <= 1;
      }, { what: "a connection without subscriptions of the storage" });
      assert.equal(connection.isClosed(), false);
    });
  });
}
