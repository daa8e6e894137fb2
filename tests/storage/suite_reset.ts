/** Setting back a group: cases of the suite. */

import assert from "node:assert/strict";
import { describe, it } from "node:test";
import type {
  ConsumeOptions,
  JobEventDelivery,
  JobEventStorage,
} from "../../src/storage/storage.ts";
import { eventually, take, within } from "../helpers.ts";
import { event } from "./events.ts";
import type { StorageUnderTest } from "./suite.ts";

/** A storage with the events of jobs a to e, all acknowledged by the group. */
async function dealtWith(under: StorageUnderTest): Promise<JobEventStorage> {
  const storage = await under.open();
  await storage.storeEvents(["a", "b", "c", "d", "e"].map((job) => event(job)));
  await taken(storage, {}, 5);
  return storage;
}

/** Joins the group, takes events and acknowledges them; gives their jobs and counts. */
async function taken(
  storage: JobEventStorage,
  options: Partial<ConsumeOptions>,
  count: number,
): Promise<string[]> {
  await using deliveries = storage.consumeEvents({ consumerName: "group", ...options });
  const seen: string[] = [];
  const read = async (): Promise<void> => {
    for await (const delivery of deliveries) {
      seen.push(`${delivery.event.jobId}${delivery.deliveryCount}`);
      await delivery.ack();
      if (seen.length === count) break;
    }
  };
  await within(read());
  return seen;
}

/** Declares the tests. */
export function resetSuite(name: string, under: StorageUnderTest): void {
  describe(`${name}: consumeEvents({ reset })`, () => {
    it("delivers again from a position or a time, as first deliveries", async () => {
      await using storage = await dealtWith(under);
      const later = new Date(Date.now() + 5);
      await eventually(() => Date.now() > later.getTime() + 5);
      await storage.storeEvent(event("f"));
      await taken(storage, {}, 1);
      const from = { sequence: 4 };
      assert.deepEqual(await taken(storage, { reset: true, from }, 3), ["d1", "e1", "f1"]);
      assert.deepEqual(await taken(storage, { reset: true, from: { time: later } }, 1), ["f1"]);
      const all = await taken(storage, { reset: true, from: "all" }, 6);
      assert.deepEqual(all, ["a1", "b1", "c1", "d1", "e1", "f1"]);
      await storage.storeEvents([event("skipped"), event("skipped")]);
      const fresh = storage.consumeEvents({ consumerName: "group", reset: true, from: "new" });
      await within(fresh.ready);
      await fresh[Symbol.asyncDispose]();
      await storage.storeEvent(event("g"));
      assert.deepEqual(await taken(storage, {}, 1), ["g1"]);
    });

    it("without it, a group that is there goes on", async () => {
      await using storage = await dealtWith(under);
      await storage.storeEvent(event("f"));
      assert.deepEqual(await taken(storage, { from: "all", reset: false }, 1), ["f1"]);
    });

    it("makes what is unsettled void, also where it was delivered again", async () => {
      await using storage = await under.open();
      await storage.storeEvents(["a", "b"].map((job) => event(job)));
      await using old = storage.consumeEvents({ consumerName: "group", maxPending: 2 });
      const iterator = old[Symbol.asyncIterator]();
      const before: JobEventDelivery[] = [];
      for (let count = 0; count < 2; count++) before.push((await within(iterator.next())).value!);
      assert.deepEqual(await taken(storage, { reset: true }, 1), ["a1"]);
      const lost = { code: "ERR_LEASE_LOST" };
      await assert.rejects(before[0]!.ack(), lost);
      await using renewed = storage.consumeEvents({ consumerName: "group" });
      const [b] = await take(renewed, 1);
      assert.equal(b?.event.jobId, "b");
      await assert.rejects(before[1]!.nak(), lost);
    });

    it("reaches the members that are there", async () => {
      await using storage = await dealtWith(under);
      await using member = storage.consumeEvents({ consumerName: "group" });
      await member.ready;
      const reading = take(member, 5);
      const other = storage.consumeEvents({ consumerName: "group", reset: true });
      await within(other.ready);
      await other[Symbol.asyncDispose]();
      const jobs = (await reading).map((delivery) => delivery.event.jobId);
      assert.deepEqual(jobs, ["a", "b", "c", "d", "e"]);
    });

    it("leaves dead letters and other groups alone", async () => {
      await using storage = await under.open();
      await storage.storeEvents(["a", "b"].map((job) => event(job)));
      const [a] = await take(storage.consumeEvents({ consumerName: "group" }), 1);
      await a!.deadLetter("no");
      assert.deepEqual(await taken(storage, { consumerName: "other" }, 1), ["a1"]);
      assert.deepEqual(await taken(storage, { reset: true, from: { sequence: 2 } }, 1), ["b1"]);
      assert.equal((await storage.deadLetters.list()).length, 1);
      assert.deepEqual(await taken(storage, { consumerName: "other" }, 1), ["b1"]);
    });

    it("a replayed letter that the position comes to as well is delivered", async () => {
      await using storage = await under.open();
      await storage.storeEvents(["a", "b", "c"].map((job) => event(job)));
      const [a] = await take(storage.consumeEvents({ consumerName: "group" }), 1);
      await a!.deadLetter("no");
      const back = storage.consumeEvents({ consumerName: "group", reset: true });
      await within(back.ready);
      await back[Symbol.asyncDispose]();
      assert.equal(await storage.deadLetters.replay(), 1);
      await using member = storage.consumeEvents({ consumerName: "group" });
      const seen = await take(member, 3);
      const jobs = new Set(seen.map((delivery) => delivery.event.jobId));
      assert.deepEqual([...jobs].toSorted(), ["a", "b", "c"]);
    });
  });
}
