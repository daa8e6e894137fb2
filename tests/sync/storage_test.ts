import assert from "node:assert/strict";
import { join } from "node:path";
import { describe, it } from "node:test";
import { JobEvent } from "../../src/gen/factories.ts";
import { SqliteJobEventStorage } from "../../src/storage/sqlite.ts";
import { openStorageSync } from "../../src/sync/mod.ts";
import { openStorageIn } from "../../src/sync/storage.ts";
import { runChild } from "../child.ts";
import { temporaryDirectory } from "../helpers.ts";
import { event, expected, FILTERS, history, record } from "../storage/events.ts";

const scripted = new URL("./scripted_worker.ts", import.meta.url);
const elsewhere = new URL("./elsewhere_child.ts", import.meta.url);

for (const scheme of ["memory:", "sqlite:"]) {
  describe(`JobEventStorageSync: ${scheme}`, () => {
    const open = () => openStorageSync(scheme === "memory:" ? scheme : "sqlite::memory:");

    it("stores and gives back everything that an event can have", () => {
      using storage = open();
      const full = JobEvent.create({
        jobId: "job.1",
        eventType: "failed",
        timestamp: 1_700_000_000.25,
        workerId: "w",
        queueName: "q",
        errorMessage: "ä",
        durationMs: 1.5,
        details: { a: [1, "x", null, true], b: new Uint8Array([1, 2]), c: 2n ** 60n },
        metadata: { at: new Date(5), ["__proto__"]: { own: 1 } },
        tags: { t: "1" },
      });
      const stored = storage.storeEventSync(full);
      assert.deepEqual(storage.getEventsSync("job.1"), [stored]);
      const { eventId, natsSequence, natsSubject, ...rest } = stored;
      assert.deepEqual(rest, full);
      assert.deepEqual([natsSequence, typeof eventId], [1, "string"]);
      assert.equal(natsSubject, "naq.jobs.events.job=2E1.worker.w.failed");
    });

    it("finds, counts, reads and deletes as its twin does", () => {
      using storage = open();
      const events = history();
      assert.equal(storage.storeEventsSync(events).length, events.length);
      for (const [name, filter] of Object.entries(FILTERS)) {
        const wanted = expected(events, filter);
        const jobs = (found: Iterable<{ timestamp: number }>) =>
          [...found].map(({ timestamp }) => timestamp);
        assert.deepEqual(jobs(storage.listEventsSync(filter)), jobs(wanted), name);
        assert.deepEqual(jobs(storage.readEventsSync(filter)), jobs(wanted), name);
        assert.equal(storage.countEventsSync(filter), wanted.length, name);
      }
      const started = storage.getEventsByTypeSync("started", { limit: 3, order: "newest" });
      assert.deepEqual(started.map(({ eventType }) => eventType), [
        "started",
        "started",
        "started",
      ]);
      assert.equal(storage.deleteEventsSync("job-1"), 24);
      assert.equal(storage.countEventsSync({ jobId: "job-1" }), 0);
      assert.equal(
        storage.cleanupExpiredEventsSync({ olderThan: new Date(Date.now() + 1000) }),
        96,
      );
      const health = storage.healthCheckSync();
      assert.deepEqual([health.status, health.messages, health.lastSequence], ["healthy", 0, 120]);
    });

    it("10,000 events keep their order, also when they are read page by page", () => {
      using storage = open();
      const events = Array.from({ length: 10_000 }, (_, index) => event(`job-${index}`));
      storage.storeEventsSync(events);
      let next = 0;
      for (const { jobId, natsSequence } of storage.readEventsSync()) {
        assert.equal(jobId, `job-${next}`);
        next++;
        assert.equal(natsSequence, next);
        // Another call in the middle of the loop does not disturb it.
        if (next % 2500 === 0) assert.equal(storage.countEventsSync(), 10_000);
      }
      assert.equal(next, 10_000);
    });

    it("errors are those of its twin", () => {
      using storage = open();
      const invalid = { ...event("a"), timestamp: "now" } as unknown as JobEvent;
      assert.throws(() => storage.storeEventSync(invalid), { name: "TypeError" });
      assert.throws(() => storage.listEventsSync({ limit: -1 }), { name: "RangeError" });
      assert.throws(() => [...storage.readEventsSync({ offset: 0.5 })], { name: "RangeError" });
      assert.throws(() => storage.getEventsSync(""), { name: "RangeError" });
      assert.throws(() => storage.storeEventsSync([event("a"), invalid, event("b")]), (error) => {
        const { name, code, message, cause } = error as Error & { code: string };
        assert.deepEqual([name, code], ["JobEventError", "ERR_INVALID_EVENT"]);
        assert.match(message, /^Cannot store 1 of 3 events: \[1\] /);
        assert.equal((cause as AggregateError).errors[0].name, "TypeError");
        return true;
      });
      assert.equal(storage.countEventsSync(), 2);
    });

    it("appendSync() gives outcomes, errors included", () => {
      using storage = open();
      const sink = { subjects: storage.subjects } as Parameters<typeof record>[0];
      const good = record(sink, event("a"));
      const bad = { ...record(sink, event("b")), payload: new Uint8Array([1]) };
      const outcomes = storage.appendSync([good, bad, good]);
      assert.deepEqual(outcomes.map(({ status }) => status), ["stored", "rejected", "duplicate"]);
      const [, rejected] = outcomes;
      assert(rejected !== undefined && "error" in rejected);
      assert.equal(rejected.error.name, "JobEventError");
    });

    it("after closeSync() every call says ERR_CLOSED", () => {
      const storage = open();
      {
        using closed = storage;
        closed.storeEventSync(event("a"));
      }
      const calls: readonly (() => unknown)[] = [
        () => storage.storeEventSync(event("a")),
        () => storage.storeEventsSync([]),
        () => storage.listEventsSync(),
        () => [...storage.readEventsSync()],
        () => storage.countEventsSync(),
        () => storage.deleteEventsSync("a"),
        () => storage.cleanupExpiredEventsSync(),
      ];
      for (const call of calls) assert.throws(call, { name: "JobEventError", code: "ERR_CLOSED" });
      assert.equal(storage.healthCheckSync().status, "disconnected");
      storage.closeSync();
    });
  });
}

describe("openStorageSync()", () => {
  it("opens a file that others use at the same time", async () => {
    await using directory = await temporaryDirectory();
    const path = join(directory.path, "a.sqlite");
    await using other = await SqliteJobEventStorage.open(path);
    using storage = openStorageSync(`sqlite:${path}`, { subjectPrefix: "p" });
    assert.equal(storage.subjects.prefix, "p");
    storage.storeEventSync(event("a"));
    assert.equal((await other.getEvents("a"))[0]?.natsSubject, "p.a.started");
  });

  it("says what its twin says of a URL or a file that it cannot open", async () => {
    await using directory = await temporaryDirectory();
    const refused = (url: string, code: string) =>
      assert.throws(() => openStorageSync(url), (error) => {
        const { name, code: found, stack } = error as Error & { code: string };
        assert.deepEqual([name, found], ["JobEventError", code]);
        assert.match(stack ?? "", /storage_test/);
        return true;
      });
    refused("redis://a", "ERR_CONFIGURATION");
    refused(`sqlite:${join(directory.path, "none", "a.sqlite")}`, "ERR_NOT_FOUND");
    assert.throws(() => openStorageSync("memory:", { subjectPrefix: "a b" }), TypeError);
    assert.throws(() => openStorageSync("memory:", { timeoutMs: -1 }), RangeError);
  });

  it("a worker that cannot be started is no hang", () => {
    assert.throws(() => openStorageIn(new URL("./no_such_worker.ts", import.meta.url), "a"), {
      code: "ERR_UNAVAILABLE",
      message: /^Cannot start a worker: .*no_such_worker/,
    });
  });

  it("where a thread may not wait it says ERR_UNSUPPORTED, and loads nevertheless", async () => {
    await using child = runChild(elsewhere);
    assert.equal(await child.ended(), 0, child.errors);
    const said = ["openStorage", "openBackend"].map((name) => `ERR_UNSUPPORTED use ${name}`);
    assert.deepEqual(child.lines, Array(3).fill(said).flat());
  });
});

describe("JobEventStorageSync: faults", () => {
  it("a time-out is ERR_TIMEOUT, of the call or of the storage, and the storage goes on", () => {
    using storage = openStorageIn(scripted, "slow", { timeoutMs: 20_000 });
    const store = (jobId: string, options?: { timeoutMs: number }) =>
      storage.storeEventSync(event(jobId), options);
    assert.throws(() => store("a", { timeoutMs: 50 }), { code: "ERR_TIMEOUT" });
    assert.equal(store("b").jobId, "b");
    using strict = openStorageIn(scripted, "slow", { timeoutMs: 5000 });
    assert.throws(() => strict.storeEventSync(event("a"), { timeoutMs: 0 }), {
      code: "ERR_TIMEOUT",
    });
  });

  for (const fault of ["exit", "throw"]) {
    it(`a worker that dies is ERR_UNAVAILABLE and no hang: ${fault}`, () => {
      const storage = openStorageIn(scripted, fault);
      const started = performance.now();
      assert.throws(() => storage.storeEventSync(event("a")), { code: "ERR_UNAVAILABLE" });
      assert.throws(() => storage.countEventsSync(), {
        code: "ERR_UNAVAILABLE",
        message: /Open the storage anew$/,
      });
      assert.equal(storage.healthCheckSync().status, "disconnected");
      storage.closeSync();
      assert(performance.now() - started < 10_000);
    });
  }

  it("a worker that hangs is left behind by closeSync()", () => {
    const storage = openStorageIn(scripted, "hang");
    assert.throws(() => storage.storeEventSync(event("a"), { timeoutMs: 50 }), {
      code: "ERR_TIMEOUT",
    });
    assert.equal(storage.healthCheckSync({ timeoutMs: 50 }).status, "error");
    assert.throws(() => storage.closeSync({ timeoutMs: 50 }), { code: "ERR_TIMEOUT" });
    assert.throws(() => storage.countEventsSync(), { code: "ERR_CLOSED" });
  });
});
