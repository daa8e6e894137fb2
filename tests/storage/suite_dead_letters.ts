/** The dead letters of the suite. */

import assert from "node:assert/strict";
import { describe, it } from "node:test";
import type { JobEventDeadLetter, JobEventStorage } from "../../src/storage/storage.ts";
import { eventually, take, within } from "../helpers.ts";
import { event } from "./events.ts";
import type { StorageUnderTest } from "./suite.ts";

/** Takes the next `count` events of a group, and makes each a dead letter. */
async function bury(storage: JobEventStorage, consumerName: string, count: number): Promise<void> {
  await using deliveries = storage.consumeEvents({ consumerName });
  const read = async (): Promise<void> => {
    let left = count;
    for await (const delivery of deliveries) {
      await delivery.deadLetter(`no ${delivery.event.jobId}`);
      if (--left === 0) break;
    }
  };
  await within(read());
}

const jobs = (letters: readonly JobEventDeadLetter[]): (string | undefined)[] =>
  letters.map((letter) => letter.event?.jobId);

/** Declares the tests. */
export function deadLetterSuite(name: string, under: StorageUnderTest): void {
  describe(`${name}: deadLetters.list()`, () => {
    it("gives the event, its group and why, the first one first", async () => {
      await using storage = await under.open();
      const begun = Date.now();
      const [stored] = await storage.storeEvents([event("a", { tags: { k: "v" } }), event("b")]);
      await bury(storage, "Münze & Söhne", 2);
      const [first, second] = await storage.deadLetters.list();
      assert.deepEqual(first?.event, stored);
      assert.equal(first?.natsSequence, stored!.natsSequence);
      assert.equal(first?.consumerName, "Münze & Söhne");
      assert.equal(first?.reason, "no a");
      assert.equal(first?.deliveryCount, 1);
      assert.equal(typeof first?.id, "string");
      assert(first!.payload.length > 0);
      assert(first!.deadAt.getTime() >= begun - 1 && first!.deadAt.getTime() <= Date.now() + 1);
      assert.equal(second?.event?.jobId, "b");
    });

    it("takes a group, a job, ids and a limit, which must all match", async () => {
      await using storage = await under.open();
      await storage.storeEvents(["a", "b", "a"].map((job) => event(job)));
      await bury(storage, "one", 3);
      await bury(storage, "two", 2);
      const { deadLetters } = storage;
      const all = await deadLetters.list();
      assert.equal(all.length, 5);
      assert.deepEqual(jobs(await deadLetters.list({ consumerName: "one" })), ["a", "b", "a"]);
      assert.deepEqual(jobs(await deadLetters.list({ jobId: "a" })), ["a", "a", "a"]);
      assert.equal((await deadLetters.list({ jobId: "a", consumerName: "two" })).length, 1);
      assert.deepEqual(await deadLetters.list({ limit: 2 }), all.slice(0, 2));
      assert.deepEqual(await deadLetters.list({ limit: 0 }), []);
      const [{ id }, last] = [all[1]!, all[4]!];
      assert.deepEqual(await deadLetters.list({ ids: [id, last.id, id] }), [all[1], last]);
      assert.deepEqual(await deadLetters.list({ ids: [id], jobId: "a" }), []);
      assert.deepEqual(await deadLetters.list({ ids: [] }), []);
      assert.deepEqual(await deadLetters.list({ ids: ["", "no", `${id}.5`, "-1", "1e3"] }), []);
      assert.deepEqual(await deadLetters.list({ consumerName: "none" }), []);
      await assert.rejects(deadLetters.list({ limit: -1 }), RangeError);
      await assert.rejects(deadLetters.list({ consumerName: "" }), RangeError);
    });

    it("has what was never settled, and tells the member that found it", async () => {
      await using storage = await under.open();
      await storage.storeEvent(event("silent"));
      const options = { consumerName: "silent", ackWaitMs: 300, maxDeliver: 2 };
      const told: JobEventDeadLetter[] = [];
      await using deliveries = storage.consumeEvents({
        ...options,
        onDeadLetter: (letter) => told.push(letter),
      });
      const reading = take(deliveries, 3);
      await eventually(() => told.length > 0);
      await storage.storeEvent(event("next"));
      assert.deepEqual((await reading).map(({ deliveryCount }) => deliveryCount), [1, 2, 1]);
      assert.deepEqual(await storage.deadLetters.list(), told);
      assert.equal(told[0]?.reason, "Not acknowledged in 2 deliveries");
      assert.equal(told[0]?.deliveryCount, 2);
    });
  });
  replaySuite(name, under);
  purgeSuite(name, under);
}

function replaySuite(name: string, under: StorageUnderTest): void {
  describe(`${name}: deadLetters.replay()`, () => {
    it("gives the events to their group again, as first deliveries", async () => {
      await using storage = await under.open();
      await storage.storeEvents(["a", "b", "c"].map((job) => event(job)));
      await bury(storage, "group", 2);
      await bury(storage, "other", 1);
      assert.equal(await storage.deadLetters.replay({ consumerName: "group" }), 2);
      assert.equal((await storage.deadLetters.list()).length, 1);
      await using deliveries = storage.consumeEvents({ consumerName: "group" });
      const again = await take(deliveries, 3);
      const seen = again.map((delivery) => `${delivery.event.jobId} ${delivery.deliveryCount}`);
      assert.deepEqual(seen.toSorted(), ["a 1", "b 1", "c 1"]);
      await using rest = storage.consumeEvents({ consumerName: "other" });
      assert.deepEqual((await take(rest, 2)).map((delivery) => delivery.event.jobId), ["b", "c"]);
    });

    it("reaches a member that waits, and can become a dead letter again", async () => {
      await using storage = await under.open();
      await storage.storeEvent(event("a"));
      await using deliveries = storage.consumeEvents({ consumerName: "group", maxDeliver: 1 });
      const iterator = deliveries[Symbol.asyncIterator]();
      await (await within(iterator.next())).value!.nak();
      const [first] = await storage.deadLetters.list();
      const waiting = iterator.next();
      assert.equal(await storage.deadLetters.replay({ ids: [first!.id] }), 1);
      assert.equal(await storage.deadLetters.replay({ ids: [first!.id] }), 0);
      const { value: again } = await within(waiting);
      assert.equal(again?.deliveryCount, 1);
      await again!.deadLetter("still not");
      const [second, ...more] = await storage.deadLetters.list();
      assert.equal(second?.reason, "still not");
      assert.notEqual(second?.id, first!.id);
      assert.deepEqual(more, []);
    });

    it("also works when the event itself has expired", async () => {
      await using storage = await under.open();
      await storage.storeEvents([event("a"), event("b")]);
      await bury(storage, "group", 1);
      await storage.cleanupExpiredEvents({ olderThan: new Date(Date.now() + 60_000) });
      assert.equal(await storage.countEvents(), 0);
      assert.deepEqual(jobs(await storage.deadLetters.list()), ["a"]);
      assert.equal(await storage.deadLetters.replay(), 1);
      const [again] = await take(storage.consumeEvents({ consumerName: "group" }), 1);
      assert.equal(again?.event.jobId, "a");
      await again!.deadLetter("gone");
      assert.deepEqual(jobs(await storage.deadLetters.list()), ["a"]);
    });

    it("does not bring back a job that was deleted", async () => {
      await using storage = await under.open();
      await storage.storeEvents(["gone", "stays"].map((job) => event(job)));
      await bury(storage, "group", 2);
      assert.equal(await storage.deadLetters.replay({ jobId: "gone" }), 1);
      await storage.deleteEvents("gone");
      assert.equal(await storage.deadLetters.replay(), 1);
      const [only] = await take(storage.consumeEvents({ consumerName: "group" }), 1);
      assert.equal(only?.event.jobId, "stays");
    });
  });
}

function purgeSuite(name: string, under: StorageUnderTest): void {
  describe(`${name}: deadLetters.purge()`, () => {
    it("removes what it is told to, for good", async () => {
      await using storage = await under.open();
      await storage.storeEvents(["a", "b", "c"].map((job) => event(job)));
      await bury(storage, "one", 3);
      await bury(storage, "two", 3);
      const { deadLetters } = storage;
      assert.equal(await deadLetters.purge({ jobId: "a", consumerName: "one" }), 1);
      assert.equal(await deadLetters.purge({ ids: [] }), 0);
      const [b] = await deadLetters.list();
      assert.equal(await deadLetters.purge({ ids: [b!.id] }), 1);
      assert.deepEqual(jobs(await deadLetters.list()), ["c", "a", "b", "c"]);
      assert.equal(await deadLetters.purge({ consumerName: "two" }), 3);
      assert.equal(await deadLetters.purge(), 1);
      assert.equal(await deadLetters.purge(), 0);
      assert.equal(await deadLetters.replay(), 0);
      assert.equal(await storage.countEvents(), 3);
    });

    it("does not let an id come twice", async () => {
      await using storage = await under.open();
      await storage.storeEvents(["a", "b"].map((job) => event(job)));
      await bury(storage, "group", 1);
      const [first] = await storage.deadLetters.list();
      await storage.deadLetters.purge();
      await bury(storage, "group", 1);
      const [second] = await storage.deadLetters.list();
      assert.notEqual(second?.id, first?.id);
    });

    it("fails after close(), as the others do", async () => {
      const storage = await under.open();
      const { deadLetters } = storage;
      await storage.close();
      for (const call of [deadLetters.list(), deadLetters.replay(), deadLetters.purge()]) {
        await assert.rejects(call, { code: "ERR_CLOSED" });
      }
    });
  });
}
