import assert from "node:assert/strict";
import { existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, it } from "node:test";
import type { JobEventError } from "../../src/errors.ts";
import { decodeJobEvent } from "../../src/gen/decode.ts";
import { JobEventLogger } from "../../src/logger/logger.ts";
import type { JobEventLoggerOptions, StopReport } from "../../src/logger/options.ts";
import type { JobEventSpool } from "../../src/logger/spool.ts";
import { SqliteJobEventStorage } from "../../src/storage/sqlite.ts";
import { temporaryDirectory } from "../helpers.ts";
import { allRetry, REJECTED, ScriptedSink } from "./scripted_sink.ts";
import { checkBalance, numbered, type SetUp, setUp } from "./set_up.ts";

const outage = (): ScriptedSink => new ScriptedSink(allRetry);

/** Stops without an attempt to deliver what is left. */
async function stopNow({ logger, clock }: SetUp): Promise<StopReport> {
  const stopped = logger.stop({ timeoutMs: 0 });
  await clock.advance(0);
  return await stopped;
}

/** Logs jobs while nothing can be stored, and stops. */
async function leaveBehind(
  spool: NonNullable<JobEventLoggerOptions["spool"]>,
  jobs: readonly string[],
): Promise<SetUp> {
  const set = setUp({ spool, maxBufferSize: 10, batchSize: 4 }, outage());
  assert(set.log(...jobs).every((isKept) => isKept));
  checkBalance(set.logger);
  const report = await stopNow(set);
  assert.deepEqual(report, { stored: 0, undelivered: jobs.length, dropped: 0, events: [] });
  checkBalance(set.logger);
  assert.deepEqual(set.drops, []);
  return set;
}

/** Sends what a spool holds, and gives the records as they came. */
async function forward(spool: NonNullable<JobEventLoggerOptions["spool"]>): Promise<SetUp> {
  const set = setUp({ spool, batchSize: 4, maxBufferSize: 10 });
  const report = await set.logger.stop();
  assert.equal(report.undelivered, 0);
  checkBalance(set.logger);
  return set;
}

describe("JobEventLoggerOptions.spool", () => {
  it("keeps more than memory holds; the next logger sends it in order, with its ids", async () => {
    await using directory = await temporaryDirectory();
    const path = join(directory.path, "spool");
    const jobs = numbered(35);
    const first = await leaveBehind(path, jobs);
    const second = await forward(path);
    assert.deepEqual(second.sink.storedJobs(), jobs);
    assert.equal(second.logger.stats().recovered, 35);
    const ids = second.sink.stored.map(({ eventId }) => eventId);
    assert.deepEqual(ids.slice(0, 4), first.sink.batches[0]!.map(({ eventId }) => eventId));
    assert.equal(new Set(ids).size, 35);
    // What is stored is not sent again.
    assert.deepEqual((await forward(path)).sink.stored, []);
  });

  it("sends what is left as soon as there is a logger, before new events", async () => {
    await using directory = await temporaryDirectory();
    const path = join(directory.path, "spool");
    await leaveBehind(path, ["a", "b"]);
    const { sink, log, clock, logger } = setUp({ spool: path });
    log("c");
    await clock.advance(0);
    assert.deepEqual(sink.storedJobs().slice(0, 2), ["a", "b"]);
    await logger.stop();
    assert.deepEqual(sink.storedJobs(), ["a", "b", "c"]);
  });

  it("keeps the order when an outage ends while events are logged", async () => {
    await using directory = await temporaryDirectory();
    const path = join(directory.path, "spool");
    const sink: ScriptedSink = new ScriptedSink((records, call) => {
      return call % 3 === 0 ? sink.store(records) : allRetry(records);
    });
    const { log, clock, logger } = setUp({ spool: path, batchSize: 3, maxBufferSize: 6 }, sink);
    const jobs = numbered(60);
    for (const job of jobs) {
      log(job);
      await clock.advance(20);
    }
    const flushed = logger.flush({ timeoutMs: 60_000 });
    await clock.advance(60_000);
    assert.equal((await flushed).pending, 0);
    assert.deepEqual(sink.storedJobs(), jobs);
    checkBalance(logger);
    assert.equal(logger.stats().buffered, 0);
    await logger.stop();
  });

  it("removes what the sink rejects, and reports it", async () => {
    await using directory = await temporaryDirectory();
    const path = join(directory.path, "spool");
    const { logger, log, drops } = setUp({ spool: path }, new ScriptedSink(() => [REJECTED]));
    log("a");
    await logger.stop();
    assert.deepEqual(drops, [{ jobId: "a", reason: "rejected" }]);
    checkBalance(logger);
    assert.deepEqual((await forward(path)).sink.stored, []);
  });

  for (const overflow of ["drop_oldest", "drop_newest", "block"] as const) {
    it(`is bounded in bytes: ${overflow}`, async () => {
      await using directory = await temporaryDirectory();
      const path = join(directory.path, "spool");
      const set = setUp({ spool: path, overflow, maxSpoolBytes: 3000 }, outage());
      const kept = set.log(...numbered(20));
      checkBalance(set.logger);
      const { buffered, dropped, blocked } = set.logger.stats();
      assert(buffered > 5 && buffered < 3000 / 256, `${buffered} events`);
      assert.equal(kept.filter(Boolean).length, overflow === "drop_oldest" ? 20 : buffered);
      assert.equal(overflow === "block" ? blocked : dropped, 20 - buffered);
      assert.equal(set.logger.isFull, true);
      const { undelivered } = await stopNow(set);
      assert.equal(undelivered, buffered);
      const jobs = (await forward(path)).sink.storedJobs();
      const all = numbered(20);
      const expected = overflow === "drop_oldest" ? all.slice(-buffered) : all.slice(0, buffered);
      assert.deepEqual(jobs, expected);
    });
  }

  it("refuses an event that it could never hold", async () => {
    await using directory = await temporaryDirectory();
    const spool = join(directory.path, "spool");
    const { logger, errors } = setUp({ spool, maxSpoolBytes: 2000 });
    assert.equal(logger.logJobCancelled("a", { message: "x".repeat(1800) }), false);
    assert.equal(errors[0]?.code, "ERR_EVENT_TOO_LARGE");
    assert.equal(logger.logJobCancelled("b"), true);
    await logger.stop();
  });

  it("belongs to one logger at a time", async () => {
    await using directory = await temporaryDirectory();
    const path = join(directory.path, "spool");
    const first = new JobEventLogger(new ScriptedSink(), { spool: path });
    const code = (error: JobEventError) => error.code === "ERR_UNAVAILABLE";
    assert.throws(() => new JobEventLogger(new ScriptedSink(), { spool: path }), code);
    await first.stop();
    await new JobEventLogger(new ScriptedSink(), { spool: path }).stop();
  });

  it("is not touched by a logger that is not enabled", async () => {
    await using directory = await temporaryDirectory();
    const path = join(directory.path, "spool");
    await setUp({ spool: path, enabled: false }).logger.stop();
    assert.equal(existsSync(path), false);
  });

  it("has a clear error where it cannot be", async () => {
    await using directory = await temporaryDirectory();
    const fails = (spool: string, code: string, pattern: RegExp) =>
      assert.throws(() => setUp({ spool }), (error: JobEventError) => {
        assert.equal(error.code, code);
        assert.match(error.message, pattern);
        return true;
      });
    fails(join(directory.path, "none", "spool"), "ERR_UNAVAILABLE", /Cannot spool to .*none/);
    const inside = join(directory.path, "directory");
    mkdirSync(inside);
    fails(inside, "ERR_UNAVAILABLE", /Cannot spool to /);
    assert.throws(() => setUp({ spool: "" }), TypeError);
    // As at the edge, where there is no such module.
    const original = process.getBuiltinModule;
    process.getBuiltinModule = (() => undefined) as typeof original;
    try {
      fails(join(directory.path, "spool"), "ERR_UNSUPPORTED", /no node:sqlite; use Deno, Bun or/);
    } finally {
      process.getBuiltinModule = original;
    }
  });
});

describe("JobEventLoggerOptions.spool in the file of a SqliteJobEventStorage", () => {
  it("is apart from the events of the storage", async () => {
    await using directory = await temporaryDirectory();
    const path = join(directory.path, "events.sqlite");
    {
      await using storage = await SqliteJobEventStorage.open(path);
      await leaveBehind(storage, numbered(15));
      assert.equal(await storage.countEvents(), 0);
    }
    await using storage = await SqliteJobEventStorage.open(path);
    // Into itself: the file keeps the events until it has them.
    await using logger = new JobEventLogger(storage, { spool: storage });
    assert.equal(logger.stats().recovered, 15);
    await logger.stop();
    const jobs = (await storage.listEvents()).map(({ jobId }) => jobId);
    assert.deepEqual(jobs, numbered(15));
    assert.deepEqual((await forward(storage)).sink.stored, []);
  });

  it("belongs to one logger at a time, and is not there for readers", async () => {
    await using directory = await temporaryDirectory();
    const path = join(directory.path, "events.sqlite");
    await using storage = await SqliteJobEventStorage.open(path);
    await using other = await SqliteJobEventStorage.open(path);
    await using reader = await SqliteJobEventStorage.open(path, { readOnly: true });
    const { logger } = setUp({ spool: storage });
    assert.throws(() => setUp({ spool: other }), { code: "ERR_UNAVAILABLE" });
    assert.throws(() => setUp({ spool: reader }), { code: "ERR_UNSUPPORTED" });
    await logger.stop();
    await setUp({ spool: other }).logger.stop();
  });

  it("takes no event when the storage is closed, and says so", async () => {
    const storage = await SqliteJobEventStorage.open(":memory:");
    const errors: JobEventError[] = [];
    const { logger, log, dropped, drops } = setUp({
      spool: storage,
      onError: (error) => {
        // An owner who logs what goes wrong.
        if (errors.push(error) === 1) log("inner");
      },
    });
    await storage.close();
    assert.deepEqual(log("a"), [false]);
    assert.equal(errors[0]?.code, "ERR_UNAVAILABLE");
    assert.deepEqual(drops.map(({ reason }) => reason), ["spool", "spool"]);
    const jobs = dropped.map(({ jobId, payload }) => [jobId, decodeJobEvent(payload).jobId]);
    assert.deepEqual(jobs, [["inner", "inner"], ["a", "a"]]);
    checkBalance(logger);
    assert.equal((await logger.flush()).pending, 0);
    await logger.stop();
    assert.throws(() => setUp({ spool: storage }), { code: "ERR_CLOSED" });
  });

  it("stops also when it cannot be closed", async () => {
    const spool: JobEventSpool = {
      content: () => ({ length: 0, bytes: 0, lastOrdinal: 0 }),
      add: () => {},
      read: () => [],
      count: () => 0,
      remove: () => {},
      close: () => {
        throw new Error("gone");
      },
    };
    const { logger, log, errors } = setUp({ spool: { openSpool: () => spool } });
    log("a");
    assert.equal((await logger.stop()).stored, 1);
    assert.match(errors[0]!.message, /^Cannot close the spool: gone$/);
  });
});

describe("JobEventLoggerOptions.spool that is damaged", () => {
  it("moves a file aside that is no database, and goes on with a new one", async () => {
    await using directory = await temporaryDirectory();
    const path = join(directory.path, "spool");
    for (const number of [1, 2]) {
      const text = `not a database ${number} `.repeat(1000);
      writeFileSync(path, text);
      const { log, errors, logger, sink } = setUp({ spool: path });
      assert.equal(errors.length, 1);
      assert.match(errors[0]!.message, new RegExp(`file is now .*spool\\.corrupt-${number}`));
      assert.equal(readFileSync(`${path}.corrupt-${number}`, "utf8"), text);
      assert.deepEqual(log("a"), [true]);
      await logger.stop();
      assert.deepEqual(sink.storedJobs(), ["a"]);
    }
  });

  it("keeps what can be read on both sides of the damage, in order", async () => {
    await using directory = await temporaryDirectory();
    const path = join(directory.path, "spool");
    const jobs = numbered(400);
    await leaveBehind(path, jobs);
    const bytes = readFileSync(path);
    const page = Math.floor(bytes.length / 4096 / 2);
    writeFileSync(path, bytes.fill(0xee, page * 4096, (page + 1) * 4096));
    const { sink, errors } = await forward(path);
    const kept = sink.storedJobs();
    assert(kept.length > 300 && kept.length < 400, `${kept.length} events`);
    assert.deepEqual(kept, jobs.filter((job) => kept.includes(job)));
    assert.deepEqual([kept[0], kept.at(-1)], [jobs[0], jobs.at(-1)]);
    assert.match(errors[0]!.message, new RegExp(`was damaged: ${kept.length} of its events`));
    assert.equal(existsSync(`${path}.corrupt-1`), true);
    assert.deepEqual((await forward(path)).sink.stored, []);
  });
});
