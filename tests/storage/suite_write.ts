/** The write side of the suite. */

import assert from "node:assert/strict";
import { Buffer } from "node:buffer";
import { after, before, describe, it } from "node:test";
import { encodeJobEvent } from "../../src/event/encode.ts";
import { JobEvent } from "../../src/gen/factories.ts";
import type { AppendOutcome, JobEventStorage } from "../../src/storage/storage.ts";
import { eventually } from "../helpers.ts";
import { BEGIN, event, record } from "./events.ts";
import type { StorageUnderTest } from "./suite.ts";

const statuses = (outcomes: readonly AppendOutcome[]): string[] =>
  outcomes.map(({ status }) => status);
const codes = (outcomes: readonly AppendOutcome[]): (string | undefined)[] =>
  outcomes.map((outcome) => "error" in outcome ? outcome.error.code : undefined);

/** Declares the tests. */
export function writeSuite(name: string, under: StorageUnderTest): void {
  appendSuite(name, under);
  storeSuite(name, under);
  deleteSuite(name, under);
}

function appendSuite(name: string, under: StorageUnderTest): void {
  describe(`${name}: append()`, () => {
    let storage: JobEventStorage;
    before(async () => {
      storage = await under.open({ maxEventBytes: 2000 });
    });
    after(() => storage.close());

    it("gives rising sequences, the first one is 1", async () => {
      const first = await storage.append([
        record(storage, event("a")),
        record(storage, event("b")),
      ]);
      assert.deepEqual(first, [
        { status: "stored", sequence: 1 },
        { status: "stored", sequence: 2 },
      ]);
      assert.deepEqual(await storage.append([record(storage, event("c"))]), [
        { status: "stored", sequence: 3 },
      ]);
    });

    it("stores nothing for no records", async () => {
      assert.deepEqual(await storage.append([]), []);
    });

    it("stores an event id once and gives its first sequence again", async () => {
      const twice = record(storage, event("dup"), "id-1");
      const [stored] = await storage.append([twice]);
      assert(stored?.status === "stored");
      const { sequence } = stored;
      assert.deepEqual(await storage.append([twice]), [{ status: "duplicate", sequence }]);
      const other = record(storage, event("dup"), "id-2");
      const outcomes = await storage.append([other, twice, other]);
      assert.deepEqual(statuses(outcomes), ["stored", "duplicate", "duplicate"]);
      const events = await storage.getEvents("dup");
      assert.deepEqual(events.map(({ eventId }) => eventId), ["id-1", "id-2"]);
    });

    it("keeps the others and their order when one is rejected", async () => {
      const records = ["1", "2", "3", "4", "5"].map((worker) =>
        record(storage, event("mid", { workerId: worker }))
      );
      records[1] = { ...records[1]!, payload: Uint8Array.of(0xc1, 0, 1) };
      records[3] = record(storage, event("mid", { message: "x".repeat(3000) }));
      const outcomes = await storage.append(records);
      const codesWanted = [undefined, "ERR_DECODE", undefined, "ERR_EVENT_TOO_LARGE", undefined];
      assert.deepEqual(codes(outcomes), codesWanted);
      assert.deepEqual(statuses(outcomes), ["stored", "rejected", "stored", "rejected", "stored"]);
      const events = await storage.getEvents("mid");
      assert.deepEqual(events.map(({ workerId }) => workerId), ["1", "3", "5"]);
    });

    it("accepts an event of exactly the largest size", async () => {
      const sized = (length: number): ReturnType<typeof record> =>
        record(storage, event("size", { message: "x".repeat(length) }));
      const fits = 2000 - sized(1000).payload.length + 1000;
      assert.deepEqual(statuses(await storage.append([sized(fits)])), ["stored"]);
      assert.deepEqual(codes(await storage.append([sized(fits + 1)])), ["ERR_EVENT_TOO_LARGE"]);
    });

    it("rejects an id that cannot travel and a payload that is no bytes", async () => {
      const outcomes = await storage.append([
        record(storage, event("id"), ""),
        record(storage, event("id"), "a\nb"),
        { ...record(storage, event("id")), payload: new DataView(new ArrayBuffer(8)) as never },
        record(storage, event("id")),
      ]);
      const refused = "ERR_INVALID_EVENT";
      assert.deepEqual(codes(outcomes), [refused, refused, refused, undefined]);
    });

    it("rejects a job that no call could read or delete", async () => {
      const jobId = "x".repeat(300);
      const payload = encodeJobEvent({ jobId, eventType: "started", timestamp: BEGIN });
      const outcomes = await storage.append([{ ...record(storage, event("long")), payload }]);
      assert.deepEqual(codes(outcomes), ["ERR_INVALID_EVENT"]);
      assert.deepEqual(statuses(outcomes), ["rejected"]);
    });

    it("keeps the bytes when the caller uses its buffer again", async () => {
      const mine = record(storage, event("buffer"));
      // The `slice` of a Buffer shares its bytes.
      const buffer = Buffer.from(mine.payload);
      await storage.append([mine, { ...mine, eventId: "buffer", payload: buffer }]);
      mine.payload.fill(0);
      buffer.fill(0);
      assert.equal((await storage.getEvents("buffer")).length, 2);
    });

    it("gives `retry` for an aborted signal", async () => {
      const outcomes = await storage.append([record(storage, event("abort"))], {
        signal: AbortSignal.abort(),
      });
      assert.deepEqual(statuses(outcomes), ["retry"]);
      assert.equal(await storage.countEvents({ jobId: "abort" }), 0);
    });
  });
}

function storeSuite(name: string, under: StorageUnderTest): void {
  describe(`${name}: storeEvent(), storeEvents()`, () => {
    let storage: JobEventStorage;
    before(async () => {
      storage = await under.open({ subjectPrefix: "my.events" });
    });
    after(() => storage.close());

    it("gives back what readers get", async () => {
      const stored = await storage.storeEvent(
        JobEvent.failed("job.1", "w 1", new RangeError("no"), 12, {
          retryCount: 2,
          queueName: "mail",
          tags: { tenant: "é" },
          metadata: { nested: { list: [1, "2", null, 2n ** 60n], bytes: new Uint8Array([7]) } },
        }),
      );
      assert.equal(stored.natsSubject, "my.events.job=2E1.worker.w=201.failed");
      assert.equal(stored.natsSequence, 1);
      assert.match(stored.eventId, /^\S+$/);
      assert.deepEqual(await storage.getEvents("job.1"), [stored]);
    });

    it("throws a TypeError for an event that is not valid", async () => {
      const invalid = { jobId: "x", eventType: "no", timestamp: 1 } as unknown as JobEvent;
      await assert.rejects(storage.storeEvent(invalid), TypeError);
    });

    it("stores the others when some are not valid, and says which", async () => {
      const events = [event("many"), { ...event("many"), jobId: "" }, event("many")];
      await assert.rejects(storage.storeEvents(events), (error: unknown) => {
        const { name, code, message, cause } = error as Error & { code: string };
        assert.equal(name, "JobEventError");
        assert.equal(code, "ERR_INVALID_EVENT");
        assert.match(message, /^Cannot store 1 of 3 events: \[1\] .*jobId/);
        assert.equal((cause as AggregateError).errors.length, 1);
        return true;
      });
      assert.equal(await storage.countEvents({ jobId: "many" }), 2);
      assert.equal((await storage.storeEvents([event("all"), event("all")])).length, 2);
      assert.deepEqual(await storage.storeEvents([]), []);
    });

    it("says the storage's error when an event is too large", async () => {
      const large = event("large", { message: "x".repeat(1024 * 1024) });
      await assert.rejects(storage.storeEvent(large), { code: "ERR_EVENT_TOO_LARGE" });
    });
  });
}

function deleteSuite(name: string, under: StorageUnderTest): void {
  describe(`${name}: deleteEvents(), cleanupExpiredEvents()`, () => {
    it("deletes the events of one job and of no other", async () => {
      await using storage = await under.open();
      const jobs = ["a", "a.b", "*", ">", "a*", "global", "A", "=2A"];
      await storage.storeEvents(jobs.flatMap((job) => [event(job), event(job)]));
      for (const [index, job] of jobs.entries()) {
        assert.equal(await storage.deleteEvents(job), 2, job);
        assert.equal(await storage.deleteEvents(job), 0, job);
        assert.equal((await storage.getEvents(job)).length, 0, job);
        assert.equal(await storage.countEvents(), (jobs.length - index - 1) * 2, job);
      }
    });

    it("never gives a sequence twice", async () => {
      await using storage = await under.open();
      const [, last] = await storage.storeEvents([event("x"), event("x")]);
      assert.equal(await storage.deleteEvents("x", { erase: true }), 2);
      const next = await storage.storeEvent(event("x"));
      assert(next.natsSequence > last!.natsSequence);
      assert.equal((await storage.healthCheck()).lastSequence, next.natsSequence);
    });

    it("deletes what was stored before a time, and keeps the rest", async () => {
      await using storage = await under.open();
      await storage.storeEvents([event("old", { tags: { a: "b" } }), event("old")]);
      assert.equal(await storage.cleanupExpiredEvents(), 0);
      assert.equal(await storage.cleanupExpiredEvents({ olderThan: new Date(0) }), 0);
      const stored = Date.now();
      await eventually(() => Date.now() > stored);
      const border = new Date();
      await storage.storeEvent(event("new"));
      assert.equal(await storage.cleanupExpiredEvents({ olderThan: border }), 2);
      assert.equal(await storage.cleanupExpiredEvents({ olderThan: border }), 0);
      assert.deepEqual((await storage.listEvents()).map(({ jobId }) => jobId), ["new"]);
    });

    it("does not find events longer than maxAgeMs", async () => {
      await using storage = await under.open({ maxAgeMs: 150 });
      await storage.storeEvents([event("short"), event("short")]);
      await eventually(async () => await storage.countEvents() === 0);
      assert.deepEqual(await storage.listEvents(), []);
      await storage.storeEvent(event("short"));
      assert.equal(await storage.countEvents(), 1);
    });
  });
}
