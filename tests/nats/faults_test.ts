import assert from "node:assert/strict";
import { after, describe, it } from "node:test";
import { natsSkipReason } from "../../scripts/nats_server.ts";
import type { NatsConnectionLike } from "../../src/nats/connection.ts";
import type { JobEventDelivery } from "../../src/storage/storage.ts";
import { within } from "../helpers.ts";
import { event } from "../storage/events.ts";
import { openSmall, TestServer, TIMEOUT_MS, VERSIONS } from "./accounts.ts";

const skip = natsSkipReason();
const timeout = TIMEOUT_MS;

const numbers = (from: number, through: number): number[] =>
  Array.from({ length: through - from + 1 }, (_, at) => from + at);

/** `false`: the killed server has forgotten that it delivered the event, and does so again. */
async function acknowledge(delivery: JobEventDelivery): Promise<boolean> {
  try {
    await delivery.ack();
    return true;
  } catch (error) {
    assert.equal((error as { code?: string }).code, "ERR_LEASE_LOST");
    return false;
  }
}

async function deleteStream(connection: NatsConnectionLike): Promise<void> {
  await connection.request("$JS.API.STREAM.DELETE.NAQ_JOB_EVENTS", undefined, { timeout: 5000 });
}

for (const version of VERSIONS) {
  describe(`a killed server, NATS ${version}`, { skip, timeout }, () => {
    const server = new TestServer(version);
    after(() => server.stop());

    const restart = async (): Promise<void> => {
      const process = await server.get();
      await process.kill();
      await process.restart();
    };

    for (const order of ["oldest", "newest"] as const) {
      it(`during a read, ${order} first, costs no event`, { timeout }, async () => {
        await using storage = await server.open();
        const count = 1500;
        await storage.storeEvents(
          Array.from(
            { length: count },
            (_, at) => event("a", { eventType: at % 3 === 0 ? "failed" : "started" }),
          ),
        );
        const sequences: number[] = [];
        const eventType = ["failed", "started"] as const;
        for await (const { natsSequence } of storage.readEvents({ order, eventType })) {
          if (sequences.push(natsSequence) === 100) await restart();
        }
        const wanted = numbers(1, count);
        assert.deepEqual(sequences, order === "oldest" ? wanted : wanted.reverse());
      });
    }

    it("during reads that wait for an answer costs none either", { timeout }, async () => {
      await using storage = await server.open();
      await storage.storeEvents(Array.from({ length: 20 }, () => event("a")));
      const process = await server.get();
      await process.pause();
      const reading = storage.getEvents("a");
      const counting = storage.countEvents({ jobId: "a" });
      await process.kill();
      await process.restart();
      assert.equal((await within(reading, 15_000)).length, 20);
      assert.equal(await within(counting, 15_000), 20);
    });

    it("during a group costs no event, and the group goes on", { timeout }, async () => {
      await using storage = await server.open();
      const count = 300;
      await storage.storeEvents(Array.from({ length: count }, () => event("a")));
      const acknowledged = new Set<number>();
      let restarting: Promise<void> | undefined;
      const deliveries = storage.consumeEvents({ consumerName: "group", ackWaitMs: 2000 });
      const work = async (): Promise<void> => {
        for await (const delivery of deliveries) {
          if (acknowledged.size === 100) restarting ??= restart();
          const isDone = await acknowledge(delivery);
          await restarting;
          if (isDone) acknowledged.add(delivery.event.natsSequence);
          if (acknowledged.size === count) break;
        }
      };
      await within(work(), 30_000);
      assert.deepEqual([...acknowledged].toSorted((a, b) => a - b), numbers(1, count));
      await storage.storeEvent(event("later"));
      // A killed server may have forgotten the last acknowledgements.
      const again: number[] = [];
      for await (const delivery of storage.consumeEvents({ consumerName: "group" })) {
        await delivery.ack();
        if (delivery.event.jobId === "later") break;
        again.push(delivery.event.natsSequence);
      }
      assert.equal(new Set(again).size, again.length, `again: ${again}`);
    });

    it("that stays away is an error in time, never a wait without end", { timeout }, async () => {
      await using storage = await openSmall(await server.connect(), { patienceMs: 300 });
      await storage.storeEvent(event("a"));
      const process = await server.get();
      await process.kill();
      try {
        const away = (error: { code?: string }): boolean =>
          error.code === "ERR_UNAVAILABLE" || error.code === "ERR_TIMEOUT";
        await assert.rejects(within(storage.getEvents("a"), 8000), away);
        await assert.rejects(within(storage.countEvents(), 8000), away);
        const health = await within(storage.healthCheck({ timeoutMs: 200 }), 1000);
        assert.equal(health.status, "disconnected");
      } finally {
        await process.restart();
      }
      assert.equal((await storage.getEvents("a")).length, 1);
    });
  });

  describe(`a deleted stream, NATS ${version}`, { skip, timeout }, () => {
    const server = new TestServer(version);
    after(() => server.stop());
    const notFound = { name: "JobEventError", code: "ERR_NOT_FOUND" };

    it("is an error of reads, live streams and groups", { timeout }, async () => {
      const connection = await server.connect();
      await using storage = await openSmall(connection);
      await storage.storeEvents(Array.from({ length: 700 }, () => event("a")));
      const reader = storage.readEvents()[Symbol.asyncIterator]();
      await reader.next();
      const live = storage.streamEvents({ from: { sequence: 700 } })[Symbol.asyncIterator]();
      await live.next();
      const idle = storage.streamEvents()[Symbol.asyncIterator]();
      const group = storage.consumeEvents({ consumerName: "group" })[Symbol.asyncIterator]();
      const { value: delivery } = await group.next();
      const pending: Promise<unknown>[] = [
        live.next(),
        idle.next(),
        (async () => {
          while (!(await group.next()).done);
        })(),
      ];
      const failing = pending.map((each) => assert.rejects(within(each, 10_000), notFound));
      await deleteStream(connection);
      const readAll = async (): Promise<void> => {
        while (!(await reader.next()).done);
      };
      await assert.rejects(within(readAll(), 10_000), notFound);
      await Promise.all(failing);
      await assert.rejects(within(storage.getEvents("a")), notFound);
      await assert.rejects(within(storage.countEvents({ jobId: "a" })), notFound);
      await assert.rejects(within(storage.deleteEvents("a")), notFound);
      await assert.rejects(within(storage.streamEvents().ready), notFound);
      await assert.rejects(within(storage.consumeEvents({ consumerName: "b" }).ready), notFound);
      assert.equal((await storage.healthCheck()).status, "error");
      await assert.rejects(within(delivery!.inProgress()), { code: "ERR_LEASE_LOST" });
    });

    it("that was made again is not taken for the old one", { timeout }, async () => {
      const connection = await server.connect();
      await using storage = await openSmall(connection);
      await storage.storeEvents([event("a"), event("b")]);
      const live = storage.streamEvents({ from: "all" })[Symbol.asyncIterator]();
      assert.equal((await live.next()).value?.natsSequence, 1);
      await deleteStream(connection);
      await using again = await openSmall(connection);
      await again.storeEvents([event("x"), event("y"), event("z")]);
      const rest = async (): Promise<void> => {
        while (!(await live.next()).done);
      };
      await assert.rejects(within(rest(), 10_000), notFound);
      assert.equal((await storage.getEvents("z")).length, 1);
    });
  });
}
