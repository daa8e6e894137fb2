/** What the suite asks of a storage that is closed. */

import assert from "node:assert/strict";
import { describe, it } from "node:test";
import type { JobEventStorage } from "../../src/storage/storage.ts";
import { take, within } from "../helpers.ts";
import { event, record } from "./events.ts";
import type { StorageUnderTest } from "./suite.ts";

const CALLS: Readonly<Record<string, (storage: JobEventStorage) => unknown>> = {
  append: (storage) => storage.append([record(storage, event("a"))]),
  storeEvent: (storage) => storage.storeEvent(event("a")),
  storeEvents: (storage) => storage.storeEvents([event("a")]),
  getEvents: (storage) => storage.getEvents("a"),
  getEventsByType: (storage) => storage.getEventsByType("started"),
  listEvents: (storage) => storage.listEvents(),
  readEvents: (storage) => storage.readEvents()[Symbol.asyncIterator]().next(),
  countEvents: (storage) => storage.countEvents(),
  streamEvents: (storage) => storage.streamEvents().ready,
  consumeEvents: (storage) => storage.consumeEvents({ consumerName: "a" }).ready,
  deleteEvents: (storage) => storage.deleteEvents("a"),
  cleanupExpiredEvents: (storage) => storage.cleanupExpiredEvents({ olderThan: new Date() }),
};

/** Declares the tests. */
export function closeSuite(name: string, under: StorageUnderTest): void {
  describe(`${name}: close()`, () => {
    it("makes every call fail with ERR_CLOSED", async () => {
      const storage = await under.open();
      await storage.close();
      await storage.close();
      await storage[Symbol.asyncDispose]();
      for (const [call, run] of Object.entries(CALLS)) {
        const attempt = async (): Promise<unknown> => await run(storage);
        await assert.rejects(attempt(), { name: "JobEventError", code: "ERR_CLOSED" }, call);
      }
      const health = await storage.healthCheck();
      assert.equal(health.status, "disconnected");
      assert.match(health.error!, /closed/);
    });

    it("ends streams and groups", async () => {
      const storage = await under.open();
      await storage.storeEvent(event("a"));
      const stream = take(storage.streamEvents(), 1);
      const deliveries = storage.consumeEvents({ consumerName: "group" });
      const iterator = deliveries[Symbol.asyncIterator]();
      const first = await iterator.next();
      const second = iterator.next();
      await storage.close();
      assert.deepEqual(await stream, []);
      assert.equal((await within(second)).done, true);
      await assert.rejects(first.value!.ack(), { code: "ERR_CLOSED" });
    });

    it("fails a bounded read in the middle instead of ending it early", async () => {
      const storage = await under.open();
      await storage.storeEvents(Array.from({ length: 10 }, () => event("a")));
      const iterator = storage.readEvents()[Symbol.asyncIterator]();
      await iterator.next();
      await storage.close();
      await assert.rejects(within(iterator.next()), { code: "ERR_CLOSED" });
    });
  });
}
