/** How a claim on an event ends before its time: cases of storages that know of every claim. */

import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { take } from "../helpers.ts";
import { event } from "./events.ts";
import type { StorageUnderTest } from "./suite.ts";

/** Declares the tests. */
export function leaseSuite(name: string, under: StorageUnderTest): void {
  describe(`${name}: a delivery`, () => {
    it("that is released counts as none", async () => {
      await using storage = await under.open();
      await storage.storeEvents([event("a"), event("b")]);
      const options = { consumerName: "group", maxDeliver: 1 };
      for (let round = 0; round < 3; round++) {
        await using deliveries = storage.consumeEvents(options);
        const iterator = deliveries[Symbol.asyncIterator]();
        const { value: delivery } = await iterator.next();
        assert.deepEqual([delivery?.event.jobId, delivery?.deliveryCount], ["a", 1]);
        await delivery!.release();
        await delivery!.release();
        await delivery!.ack();
      }
      const [again] = await take(storage.consumeEvents(options), 1);
      assert.deepEqual([again?.event.jobId, again?.deliveryCount], ["a", 1]);
      await assert.rejects(async () => {
        // The end of its member gave it back, and another one has it.
        await using deliveries = storage.consumeEvents({ ...options, maxDeliver: 2 });
        await deliveries[Symbol.asyncIterator]().next();
        await again!.release();
      }, { code: "ERR_LEASE_LOST" });
    });

    for (const call of ["ack", "nak", "release", "inProgress", "deadLetter"] as const) {
      for (const remove of ["deleteEvents", "cleanupExpiredEvents"] as const) {
        it(`cannot ${call}() once ${remove}() has deleted its event`, async () => {
          await using storage = await under.open();
          await storage.storeEvent(event("a"));
          await using deliveries = storage.consumeEvents({ consumerName: "group" });
          const { value: delivery } = await deliveries[Symbol.asyncIterator]().next();
          const removed = remove === "deleteEvents"
            ? storage.deleteEvents("a")
            : storage.cleanupExpiredEvents({ olderThan: new Date(Date.now() + 60_000) });
          assert.equal(await removed, 1);
          await assert.rejects(delivery![call]("no" as never), { code: "ERR_LEASE_LOST" });
        });
      }
    }

    it("of a replayed event goes on when the event expires", async () => {
      await using storage = await under.open();
      await storage.storeEvent(event("a"));
      await using deliveries = storage.consumeEvents({ consumerName: "group" });
      const iterator = deliveries[Symbol.asyncIterator]();
      await (await iterator.next()).value!.deadLetter("no");
      await storage.deadLetters.replay();
      const { value: again } = await iterator.next();
      await storage.cleanupExpiredEvents({ olderThan: new Date(Date.now() + 60_000) });
      await again!.inProgress();
      await again!.ack();
    });
  });
}
