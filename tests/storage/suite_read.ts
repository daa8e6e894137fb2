/** The bounded reads of the suite. */

import assert from "node:assert/strict";
import { after, before, describe, it } from "node:test";
import fc from "fast-check";
import { JOB_EVENT_TYPES, type StoredJobEvent } from "../../src/gen/types.ts";
import type { JobEventFilter, JobEventQuery, JobEventStorage } from "../../src/storage/storage.ts";
import { take, testSeed } from "../helpers.ts";
import { BEGIN, event, expected, FILTERS, history } from "./events.ts";
import type { StorageUnderTest } from "./suite.ts";

const sequences = (events: readonly StoredJobEvent[]): number[] =>
  events.map(({ natsSequence }) => natsSequence);

/** Declares the tests. */
export function readSuite(name: string, under: StorageUnderTest): void {
  filterSuite(name, under);
  rangeSuite(name, under);
  emptySuite(name, under);
}

function filterSuite(name: string, under: StorageUnderTest): void {
  describe(`${name}: listEvents() and countEvents() by filter`, () => {
    let storage: JobEventStorage;
    let all: StoredJobEvent[];
    before(async () => {
      storage = await under.open();
      all = await storage.storeEvents(history());
    });
    after(() => storage.close());

    const check = async (filter: JobEventFilter): Promise<number> => {
      const wanted = expected(all, filter) as StoredJobEvent[];
      const listed = await storage.listEvents(filter);
      assert.deepEqual(sequences(listed), sequences(wanted));
      assert.deepEqual(listed, wanted);
      const newest = await storage.listEvents({ ...filter, order: "newest" });
      assert.deepEqual(sequences(newest), sequences(wanted).reverse());
      assert.equal(await storage.countEvents(filter), wanted.length);
      return wanted.length;
    };

    for (const [label, filter] of Object.entries(FILTERS)) {
      it(`${label} alone`, async () => {
        assert(await check(filter) > 0);
      });
      for (const [otherLabel, other] of Object.entries(FILTERS)) {
        if (otherLabel > label) {
          it(`${label} and ${otherLabel}`, () => check({ ...filter, ...other }).then());
        }
      }
    }

    it("everything at once", async () => {
      const { jobId, workerId, queueName, eventType, tags } = all[34]!;
      const timestamp = new Date(all[34]!.timestamp * 1000);
      assert.equal(
        await check({
          jobId,
          workerId: workerId!,
          queueName: queueName!,
          eventType: [eventType],
          tags: tags!,
          since: timestamp,
          until: timestamp,
        }),
        1,
      );
    });

    it("finds an event by its queue although it carries a worker", async () => {
      const found = await storage.listEvents({ queueName: "queue-1" });
      assert(found.some(({ workerId }) => workerId !== undefined));
      assert(found.some(({ workerId }) => workerId === undefined));
    });

    it("finds nothing for an empty list of types, and once for a type named twice", async () => {
      assert.equal(await check({ eventType: [] }), 0);
      assert.equal(
        await check({ eventType: ["started", "started"] }),
        await check({ eventType: "started" }),
      );
      assert.equal(await check({ eventType: JOB_EVENT_TYPES }), all.length);
    });

    it("includes both ends of a time range", async () => {
      const at = (second: number): Date => new Date((BEGIN + second) * 1000);
      assert.equal(await check({ since: at(10), until: at(19) }), 10);
      assert.equal(await check({ since: at(10), until: at(10) }), 1);
      assert.equal(await check({ since: at(11), until: at(10) }), 0);
    });

    it("takes tags by their own names only", async () => {
      assert.equal(await check({ tags: {} }), all.length);
      assert.equal(await check({ tags: { toString: "x" } }), 0);
      assert.equal(await check({ tags: { tenant: "\ud800" } }), 0);
    });

    it("getEvents() and getEventsByType() narrow further", async () => {
      const job = await storage.getEvents("job-1", { eventType: "started", limit: 2 });
      assert.deepEqual(job, expected(all, { jobId: "job-1", eventType: "started" }).slice(0, 2));
      const type = await storage.getEventsByType("failed", { workerId: "worker-2" });
      assert.deepEqual(type, expected(all, { eventType: "failed", workerId: "worker-2" }));
    });

    it("countEvents(f) equals listEvents(f).length for any filter", async () => {
      const maybe = <Value>(values: fc.Arbitrary<Value>): fc.Arbitrary<Value | undefined> =>
        fc.option(values, { nil: undefined });
      const second = fc.integer({ min: -5, max: 125 }).map((at) => new Date((BEGIN + at) * 1000));
      const filters = fc.record({
        jobId: maybe(fc.constantFrom("job-0", "job-1", "job-9")),
        workerId: maybe(fc.constantFrom("worker-0", "worker-1", "worker-9")),
        queueName: maybe(fc.constantFrom("queue-0", "queue-2", "queue-9")),
        eventType: maybe(fc.subarray([...JOB_EVENT_TYPES])),
        since: maybe(second),
        until: maybe(second),
        tags: maybe(fc.dictionary(
          fc.constantFrom("tenant", "region"),
          fc.constantFrom("t0", "t1", "r1"),
        )),
      });
      const property = fc.asyncProperty(filters, async (filter) => {
        await check(filter as JobEventFilter);
      });
      await fc.assert(property, { numRuns: 150, seed: testSeed() });
    });
  });
}

function rangeSuite(name: string, under: StorageUnderTest): void {
  describe(`${name}: listEvents() and readEvents() by range`, () => {
    let storage: JobEventStorage;
    let all: StoredJobEvent[];
    before(async () => {
      storage = await under.open();
      const many = Array.from({ length: 700 }, (_, index) => event(`job-${index % 3}`));
      all = await storage.storeEvents(many);
    });
    after(() => storage.close());

    const read = async (query?: JobEventQuery): Promise<number[]> => {
      const listed = sequences(await storage.listEvents(query));
      const events: StoredJobEvent[] = [];
      for await (const event of storage.readEvents(query)) events.push(event);
      assert.deepEqual(sequences(events), listed);
      return listed;
    };

    it("reads over many pages, each event once and in order", async () => {
      assert.deepEqual(await read(), sequences(all));
      assert.deepEqual(await read({ order: "newest" }), sequences(all).reverse());
    });

    it("a limit of 0 gives none, one past the end gives all", async () => {
      assert.deepEqual(await read({ limit: 0 }), []);
      assert.deepEqual(await read({ limit: 3 }), [1, 2, 3]);
      assert.deepEqual(await read({ limit: 3, order: "newest" }), [700, 699, 698]);
      assert.equal((await read({ limit: 10_000 })).length, 700);
    });

    it("an offset past the end gives none", async () => {
      assert.deepEqual(await read({ offset: 698 }), [699, 700]);
      assert.deepEqual(await read({ offset: 700 }), []);
      assert.deepEqual(await read({ offset: 9000, limit: 1 }), []);
      assert.deepEqual(await read({ offset: 300, limit: 2, order: "newest" }), [400, 399]);
      assert.deepEqual(await read({ jobId: "job-1", offset: 100, limit: 1 }), [302]);
    });

    it("afterSequence starts behind that event", async () => {
      assert.deepEqual(await read({ afterSequence: 698 }), [699, 700]);
      assert.deepEqual(await read({ afterSequence: 700 }), []);
      assert.deepEqual(await read({ afterSequence: 9000 }), []);
      assert.deepEqual(await read({ afterSequence: 698, order: "newest" }), [700, 699]);
      assert.deepEqual(await read({ afterSequence: 600, offset: 1, limit: 1 }), [602]);
    });

    it("refuses numbers that are negative or not whole", async () => {
      for (const name of ["limit", "offset", "afterSequence"] as const) {
        for (const value of [-1, 0.5, NaN, Infinity]) {
          const error = { name: "RangeError", message: new RegExp(name) };
          await assert.rejects(storage.listEvents({ [name]: value }), error);
          await assert.rejects(take(storageRead({ [name]: value }), 1), rangeError);
        }
      }
    });

    it("refuses values of other types", async () => {
      const wrong = [{ order: "up" }, { since: 5 }, { eventType: "no" }, { tags: { a: 1 } }];
      for (const query of wrong) {
        await assert.rejects(storage.listEvents(query as JobEventQuery), TypeError);
      }
      await assert.rejects(storage.listEvents({ since: new Date(NaN) }), TypeError);
      await assert.rejects(storage.getEvents(""), RangeError);
    });

    it("stops at what was stored when the loop began", async () => {
      let read = 0;
      for await (const _ of storage.readEvents({ jobId: "job-0" })) {
        if (read++ === 0) await storage.storeEvent(event("job-0"));
        assert(read < 300);
      }
      assert.equal(read, 234);
    });

    it("stops there also in a job of several pages, from either end", async () => {
      await using other = await under.open();
      await other.storeEvents(Array.from({ length: 600 }, () => event("long")));
      for (const order of ["oldest", "newest"] as const) {
        const stored = await other.countEvents();
        const last = await other.lastSequence();
        const seen: number[] = [];
        for await (const { natsSequence } of other.readEvents({ jobId: "long", order })) {
          seen.push(natsSequence);
          if (seen.length === 1 || seen.length === 300) await other.storeEvent(event("long"));
        }
        assert.equal(new Set(seen).size, stored);
        assert.equal(Math.max(...seen), last);
      }
    });

    it("ends when the caller breaks out, and can be read again", async () => {
      const events = storage.readEvents();
      assert.deepEqual(sequences(await take(events, 2)), [1, 2]);
      assert.deepEqual(sequences(await take(events, 1)), [1]);
    });

    // A wrong query may be refused when it is made or when it is read.
    async function* storageRead(query: JobEventQuery): AsyncGenerator<StoredJobEvent> {
      yield* storage.readEvents(query);
    }
    const rangeError = (error: unknown): boolean => {
      const { name, cause } = error as Error;
      return name === "RangeError" || (cause as Error)?.name === "RangeError";
    };
  });
}

function emptySuite(name: string, under: StorageUnderTest): void {
  describe(`${name}: empty and short histories`, () => {
    it("reads end at once", async () => {
      await using storage = await under.open();
      assert.deepEqual(await storage.listEvents(), []);
      assert.deepEqual(await storage.getEvents("none"), []);
      assert.deepEqual(await storage.listEvents({ order: "newest", limit: 5 }), []);
      assert.deepEqual(await take(storage.readEvents(), 1), []);
      assert.equal(await storage.countEvents(), 0);
      assert.equal(await storage.lastSequence(), 0);
      const { natsSequence } = await storage.storeEvent(event("one"));
      assert.equal(await storage.lastSequence(), natsSequence);
      assert.equal((await take(storage.readEvents(), 5)).length, 1);
      assert.equal((await take(storage.readEvents({ order: "newest" }), 5)).length, 1);
    });

    it("healthCheck() says what there is", async () => {
      await using storage = await under.open();
      const empty = await storage.healthCheck();
      assert.equal(empty.status, "healthy");
      assert.deepEqual(empty.subjects, ["naq.jobs.events.>"]);
      assert.equal(empty.messages, 0);
      assert.equal(empty.firstSequence, 0);
      assert.equal(empty.lastSequence, 0);
      await storage.storeEvents([event("a"), event("b"), event("b")]);
      await storage.deleteEvents("a");
      const full = await storage.healthCheck({ timeoutMs: 1000 });
      assert.equal(full.messages, 2);
      assert.equal(full.firstSequence, 2);
      assert.equal(full.lastSequence, 3);
      assert.equal(full.consumers, 0);
      assert(full.bytes > 0);
      assert(full.rttMs >= 0);
      assert.notEqual(full.serverVersion, "");
      assert.equal(full.error, undefined);
    });
  });
}
