import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { MemoryJobEventStorage } from "../../src/storage/memory.ts";
import { event } from "./events.ts";
import { storageSuite, type StorageUnderTest } from "./suite.ts";
import { leaseSuite } from "./suite_lease.ts";

const underTest: StorageUnderTest = {
  open: (options) => Promise.resolve(new MemoryJobEventStorage(options)),
};

storageSuite("MemoryJobEventStorage", underTest);
leaseSuite("MemoryJobEventStorage", underTest);

describe("MemoryJobEventStorage: bounds", () => {
  it("maxEvents lets the oldest go", async () => {
    await using storage = new MemoryJobEventStorage({ maxEvents: 100 });
    for (let batch = 0; batch < 30; batch++) {
      await storage.storeEvents(Array.from({ length: 17 }, (_, at) => event(`job-${at % 3}`)));
      await storage.deleteEvents("job-2");
    }
    await storage.storeEvents(Array.from({ length: 50 }, () => event("job-0")));
    const health = await storage.healthCheck();
    const events = await storage.listEvents();
    assert.equal(health.messages, 100);
    assert.equal(events.length, 100);
    assert.equal(health.firstSequence, events[0]?.natsSequence);
    assert.equal(health.lastSequence, 560);
    const jobs = [...await storage.getEvents("job-0"), ...await storage.getEvents("job-1")];
    assert.equal(jobs.length, 100);
    assert.equal(await storage.countEvents(), 100);
  });

  it("maxEvents lets the oldest dead letters go, too", async () => {
    await using storage = new MemoryJobEventStorage({ maxEvents: 3 });
    await using deliveries = storage.consumeEvents({ consumerName: "group" });
    const iterator = deliveries[Symbol.asyncIterator]();
    for (const job of ["a", "b", "c", "d", "e"]) {
      await storage.storeEvent(event(job));
      const { value } = await iterator.next();
      await value!.deadLetter("no");
    }
    const letters = await storage.deadLetters.list();
    assert.deepEqual(letters.map((letter) => letter.event?.jobId), ["c", "d", "e"]);
  });

  it("refuses bounds that are no bounds", () => {
    for (const name of ["maxEvents", "maxAgeMs", "maxEventBytes"]) {
      assert.throws(() => new MemoryJobEventStorage({ [name]: 0 }), RangeError);
    }
    assert.throws(() => new MemoryJobEventStorage({ subjectPrefix: "a.*" }), TypeError);
  });
});
