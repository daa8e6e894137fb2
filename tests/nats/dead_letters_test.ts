import assert from "node:assert/strict";
import { after, describe, it } from "node:test";
import { natsSkipReason } from "../../scripts/nats_server.ts";
import type { NatsConnectionLike } from "../../src/nats/connection.ts";
import type { NatsJobEventStorage } from "../../src/storage/nats.ts";
import { eventually, take, within } from "../helpers.ts";
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

/** How many messages a stream has. */
async function messages(connection: NatsConnectionLike, stream: string): Promise<number> {
  const { data } = await connection.request(`$JS.API.STREAM.INFO.${stream}`, undefined, {
    timeout: 2000,
  });
  return JSON.parse(new TextDecoder().decode(data)).state.messages;
}

/** The same connection, over which the first delivery of each event takes its time. */
function lateAtFirst(connection: NatsConnectionLike, delayMs: number): NatsConnectionLike {
  const own: Partial<NatsConnectionLike> = {
    subscribe: (subject, options) =>
      connection.subscribe(subject, {
        callback: (error, message) => {
          const isFirst = /^\$JS\.ACK\.NAQ_JOB_EVENTS\.[^.]+\.1\./.test(message?.reply ?? "");
          setTimeout(() => options?.callback?.(error, message), isFirst ? delayMs : 0);
        },
      }),
  };
  return Object.assign(Object.create(connection), own);
}

for (const version of VERSIONS) {
  describe(`dead letters on NATS ${version}`, { skip, timeout }, () => {
    const server = new TestServer(version);
    after(() => server.stop());

    it("are in a stream of their own, named by positions", { timeout }, async () => {
      const connection = await server.connect();
      await using storage = await openSmall(connection, { streamName: "EVENTS" });
      assert.deepEqual(await storage.deadLetters.list(), []);
      assert.equal(await storage.deadLetters.replay(), 0);
      assert.equal(await storage.deadLetters.purge(), 0);
      await storage.storeEvents([event("a.1"), event("b")]);
      await bury(storage, "one", 2);
      await bury(storage, "two two", 1);
      const letters = await storage.deadLetters.list();
      const shown = letters.map(({ id, consumerName }) => [id, consumerName]);
      assert.deepEqual(shown, [["1", "one"], ["2", "one"], ["3", "two two"]]);
      assert.equal(await messages(connection, "EVENTS_DEAD"), 3);
      assert.equal(await storage.deadLetters.purge({ ids: ["2"] }), 1);
      assert.equal(await messages(connection, "EVENTS_DEAD"), 2);
    });

    it("are given again to a member in another process, and then gone", async () => {
      const connection = await server.connect();
      await using storage = await openSmall(connection);
      await using other = await openSmall(await server.connect(server.lastAccount));
      const [original] = await storage.storeEvents([event("a", { message: "hello" })]);
      await bury(storage, "group", 1);
      const member = held(other, "group")[Symbol.asyncIterator]();
      const waiting = member.next();
      assert.equal(await storage.deadLetters.replay(), 1);
      const { value: again } = await within(waiting);
      assert.deepEqual(again!.event, original);
      assert.equal(again!.deliveryCount, 1);
      assert.equal(await messages(connection, "NAQ_JOB_EVENTS_REPLAY"), 1);
      await again!.nak();
      const { value: second } = await within(member.next());
      assert.equal(second!.deliveryCount, 2);
      await second!.ack();
      const isGone = async () => await messages(connection, "NAQ_JOB_EVENTS_REPLAY") === 0;
      await eventually(isGone);
      await member.return!();
    });

    it("are deleted with their job, also while they are given again", async () => {
      const connection = await server.connect();
      await using storage = await openSmall(connection);
      await storage.storeEvents(["gone", "stays", "gone"].map((job) => event(job)));
      await bury(storage, "group", 3);
      const [first] = await storage.deadLetters.list();
      assert.equal(await storage.deadLetters.replay({ ids: [first!.id] }), 1);
      assert.equal(await storage.deadLetters.replay({ jobId: "stays" }), 1);
      await storage.deleteEvents("gone");
      assert.deepEqual(await storage.deadLetters.list(), []);
      assert.equal(await messages(connection, "NAQ_JOB_EVENTS_REPLAY"), 1);
      const [only] = await take(held(storage, "group"), 1);
      assert.equal(only!.event.jobId, "stays");
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
      const [letter] = await storage.deadLetters.list();
      assert.equal(letter!.event, undefined);
      assert.equal(new TextDecoder().decode(letter!.payload), "junk");
      assert.match(letter!.reason, /Cannot read event 1/);
      assert.equal(storage.decodeErrors, 1);
    });

    it("hold events of the largest size, and reasons of any kind", async () => {
      await using storage = await server.open();
      const size = 1024 * 1024 - 200;
      const stored = await storage.storeEvent(event("large", { message: "x".repeat(size) }));
      const [delivery] = await take(held(storage, "group"), 1);
      await delivery!.deadLetter(`line\r\nline ${"é".repeat(5000)}\ud800`);
      const [letter] = await storage.deadLetters.list();
      assert.match(letter!.reason, /^line line é+/);
      assert.equal(letter!.event?.message?.length, size);
      assert.equal(letter!.natsSequence, stored.natsSequence);
      assert.equal(await storage.deadLetters.replay(), 1);
      const [again] = await take(held(storage, "group"), 1);
      assert.equal(again!.event.message?.length, size);
    });

    it("are made of an event whose first delivery was on its way for long", async () => {
      await using storage = await openSmall(lateAtFirst(await server.connect(), 150));
      await storage.storeEvent(event("silent"));
      const options = { consumerName: "group", ackWaitMs: 300, maxDeliver: 2 };
      const told = Promise.withResolvers<string>();
      await using deliveries = storage.consumeEvents({
        ...options,
        onDeadLetter: ({ reason }) => told.resolve(reason),
      });
      const iterator = deliveries[Symbol.asyncIterator]();
      assert.equal((await within(iterator.next())).value!.deliveryCount, 1);
      // The server counts the time from when it sent it, so it is not over here by then.
      assert.equal((await within(iterator.next())).value!.deliveryCount, 2);
      const rest = iterator.next();
      assert.equal(await within(told.promise), "Not acknowledged in 2 deliveries");
      await deliveries[Symbol.asyncDispose]();
      await rest;
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
      const letters = await storage.deadLetters.list();
      assert.deepEqual(letters.map(({ reason }) => reason), ["server gone"]);
    });
  });
}
