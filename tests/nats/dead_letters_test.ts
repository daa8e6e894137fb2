import assert from "node:assert/strict";
import { after, describe, it } from "node:test";
import { natsSkipReason } from "../../scripts/nats_server.ts";
import type { NatsJobEventStorage } from "../../src/storage/nats.ts";
import { take, within } from "../helpers.ts";
import { event } from "../storage/events.ts";
import { openSmall, TestServer, TIMEOUT_MS, VERSIONS } from "./accounts.ts";

const skip = natsSkipReason();
const timeout = TIMEOUT_MS;

/** Makes dead letters of the next events of a group. */
async function bury(
  storage: NatsJobEventStorage,
  consumerName: string,
  count: number,
): Promise<void> {
  for (const delivery of await take(held(storage, consumerName), count)) {
    await delivery.deadLetter(`no ${delivery.event.jobId}`);
  }
}

const held = (storage: NatsJobEventStorage, consumerName: string) =>
  storage.consumeEvents({ consumerName });

for (const version of VERSIONS) {
  describe(`dead letters on NATS ${version}`, { skip, timeout }, () => {
    const server = new TestServer(version);
    after(() => server.stop());

    it("are in a stream of their own, to be listed and deleted", { timeout }, async () => {
      const connection = await server.connect();
      await using storage = await openSmall(connection, { streamName: "EVENTS" });
      assert.deepEqual(await storage.listDeadLetters(), []);
      assert.equal(await storage.replayDeadLetters(), 0);
      assert.equal(await storage.deleteDeadLetters(), 0);
      const [a, b] = await storage.storeEvents([event("a.1"), event("b")]);
      await bury(storage, "one", 2);
      await bury(storage, "two two", 1);
      const letters = await storage.listDeadLetters();
      const shown = letters.map((letter) => [letter.consumerName, letter.reason, letter.sequence]);
      assert.deepEqual(shown, [["one", "no a.1", 1], ["one", "no b", 2], ["two two", "no a.1", 1]]);
      assert.deepEqual(letters.map(({ event }) => event), [a, b, a]);
      assert(
        letters.every(({ deliveryCount, deadAt }) =>
          deliveryCount === 1 && Math.abs(Date.now() - deadAt) < 60_000
        ),
      );
      assert.equal((await storage.listDeadLetters({ limit: 2 })).length, 2);
      assert.equal((await storage.listDeadLetters({ limit: 0 })).length, 0);
      assert.equal((await storage.listDeadLetters({ jobId: "a.1" })).length, 2);
      assert.equal(await storage.deleteDeadLetters({ consumerName: "two two" }), 1);
      assert.equal((await storage.listDeadLetters()).length, 2);
      const info = await connection.request("$JS.API.STREAM.INFO.EVENTS_DEAD", undefined, {
        timeout: 2000,
      });
      assert.match(new TextDecoder().decode(info.data), /"messages":2,/);
      await assert.rejects(storage.listDeadLetters({ limit: -1 }), RangeError);
    });

    it("are stored again by a replay, once, for every group", async () => {
      await using storage = await server.open();
      const [original] = await storage.storeEvents([event("a", { message: "hello" })]);
      await bury(storage, "group", 1);
      assert.equal(await storage.replayDeadLetters({ consumerName: "other" }), 0);
      assert.equal(await storage.replayDeadLetters({ consumerName: "group" }), 1);
      assert.equal(await storage.replayDeadLetters(), 0);
      const [delivery] = await take(held(storage, "group"), 1);
      assert.equal(delivery!.event.message, "hello");
      assert(delivery!.event.natsSequence > original!.natsSequence);
      assert.notEqual(delivery!.event.eventId, original!.eventId);
      assert.equal(await storage.countEvents(), 2);
    });

    it("go to a handler alone, and stay when it fails", async () => {
      await using storage = await server.open();
      await storage.storeEvents([event("a"), event("b"), event("c")]);
      await bury(storage, "group", 3);
      const seen: string[] = [];
      const handler = ({ event }: { readonly event?: { readonly jobId: string } }): void => {
        if (event!.jobId === "b") throw new Error("still broken");
        seen.push(event!.jobId);
      };
      await assert.rejects(storage.replayDeadLetters({ handler }), /still broken/);
      assert.deepEqual(seen, ["a"]);
      const left = await storage.listDeadLetters();
      assert.deepEqual(left.map(({ event }) => event?.jobId), ["b", "c"]);
      assert.equal(await storage.replayDeadLetters({ jobId: "c", handler }), 1);
      assert.equal(await storage.countEvents(), 3);
    });

    it("keep what is no event, and the group goes on", async () => {
      const connection = await server.connect();
      await using storage = await openSmall(connection);
      const subject = `${storage.subjects.prefix}.job.started`;
      connection.publish(subject, new TextEncoder().encode("junk"));
      await connection.flush();
      await storage.storeEvent(event("fine"));
      const [delivery] = await take(held(storage, "group"), 1);
      assert.equal(delivery!.event.jobId, "fine");
      const [letter] = await storage.listDeadLetters();
      assert.equal(letter!.event, undefined);
      assert.equal(new TextDecoder().decode(letter!.payload), "junk");
      assert.match(letter!.reason, /Cannot read message 1/);
      assert.equal(storage.decodeErrors, 1);
    });

    it("hold events of the largest size, and reasons of any kind", async () => {
      await using storage = await server.open();
      const size = 1024 * 1024 - 200;
      const stored = await storage.storeEvent(event("large", { message: "x".repeat(size) }));
      const [delivery] = await take(held(storage, "group"), 1);
      await delivery!.deadLetter(`line\r\nline ${"é".repeat(5000)}\ud800`);
      const [letter] = await storage.listDeadLetters();
      assert.match(letter!.reason, /^line line é+/);
      assert.equal(letter!.event?.message?.length, size);
      assert.equal(letter!.sequence, stored.natsSequence);
    });

    it("are not lost when the server dies while one is made", { timeout }, async () => {
      await using storage = await server.open();
      await storage.storeEvent(event("a"));
      const process = await server.get();
      await using deliveries = storage.consumeEvents({ consumerName: "group", ackWaitMs: 10_000 });
      const iterator = deliveries[Symbol.asyncIterator]();
      const { value: delivery } = await within(iterator.next());
      await process.kill();
      const burying = delivery!.deadLetter("server gone");
      await process.restart();
      try {
        await within(burying, 10_000);
      } catch (error) {
        // The killed server has forgotten that it delivered the event, and does so again.
        assert.equal((error as { code?: string }).code, "ERR_LEASE_LOST");
        await (await within(iterator.next())).value!.deadLetter("server gone");
      }
      const letters = await storage.listDeadLetters();
      assert.deepEqual(letters.map(({ reason }) => reason), ["server gone"]);
    });
  });
}
