import assert from "node:assert/strict";
import { join } from "node:path";
import { describe, it } from "node:test";
import type { JobEventError } from "../../src/errors.ts";
import { decodeJobEvent } from "../../src/gen/decode.ts";
import type { JobEvent } from "../../src/gen/types.ts";
import type { DroppedJobEvent } from "../../src/logger/options.ts";
import { SqliteJobEventStorage } from "../../src/storage/sqlite.ts";
import {
  JobEventLoggerSync,
  type JobEventLoggerSyncOptions,
  type JobEventStorageSync,
  openStorageSync,
} from "../../src/sync/mod.ts";
import { openStorageIn } from "../../src/sync/storage.ts";
import { temporaryDirectory } from "../helpers.ts";
import { event } from "../storage/events.ts";

const scripted = new URL("./scripted_worker.ts", import.meta.url);

/** Times that are over before nothing but a flush sends. */
const NEVER_MS = 600_000;

/** A logger with everything that its owner is told. */
function setUp(storage: JobEventStorageSync, options: JobEventLoggerSyncOptions = {}) {
  const errors: JobEventError[] = [];
  const drops: string[] = [];
  const dropped: DroppedJobEvent[] = [];
  const logger = new JobEventLoggerSync(storage, {
    flushIntervalMs: NEVER_MS,
    onError: (error) => errors.push(error),
    onDrop: (events, reason) => {
      drops.push(...events.map(({ jobId }) => `${jobId} ${reason}`));
      dropped.push(...events);
    },
    ...options,
  });
  const log = (...jobs: string[]) => jobs.map((job) => logger.logEvent(event(job)));
  return { logger, errors, drops, dropped, log };
}

function checkBalance(logger: JobEventLoggerSync): void {
  const { logged, stored, rejected, dropped, buffered } = logger.stats();
  assert.equal(logged, stored + rejected + dropped + buffered);
}

const storedJobs = (storage: JobEventStorageSync): string[] =>
  [...storage.readEventsSync()].map(({ jobId }) => jobId);

describe("JobEventLoggerSync", () => {
  it("10,000 events arrive in order, each once", () => {
    using storage = openStorageSync("memory:");
    const { logger, errors, drops } = setUp(storage);
    const jobs = Array.from({ length: 10_000 }, (_, index) => `job-${index}`);
    for (const job of jobs) assert(logger.logJobEnqueued(job, "mail"));
    const { pending, dropped } = logger.flushSync();
    assert.deepEqual({ pending, dropped }, { pending: 0, dropped: 0 });
    assert.deepEqual(storedJobs(storage), jobs);
    const { stored, buffered, bufferedBytes, inFlight } = logger.stats();
    assert.deepEqual([stored, buffered, bufferedBytes, inFlight], [10_000, 0, 0, 0]);
    assert.deepEqual([errors, drops], [[], []]);
    checkBalance(logger);
  });

  it("an event is a snapshot, encoded when it is logged", () => {
    using storage = openStorageSync("memory:");
    const { logger } = setUp(storage);
    const details = { count: 1 };
    logger.logJobStarted("a", "w", "thread", { details });
    details.count = 2;
    logger.flushSync();
    assert.equal(storage.getEventsSync("a")[0]?.details?.["count"], 1);
  });

  it("an event that is not valid is refused at once, in the caller's thread", () => {
    using storage = openStorageSync("memory:");
    const { logger, errors } = setUp(storage);
    assert.equal(logger.logEvent({ ...event("a"), timestamp: NaN }), false);
    assert.equal(logger.logJobEnqueued("", "mail"), false);
    assert.equal(
      logger.logJobEnqueued("a", "mail", { details: { f: (() => {}) as never } }),
      false,
    );
    assert.deepEqual(errors.map(({ code }) => code), Array(3).fill("ERR_INVALID_EVENT"));
    assert.equal(logger.stats().refused, 3);
    assert.equal(logger.flushSync().stored, 0);
  });

  it("delivers after flushIntervalMs without any further call", async () => {
    await using directory = await temporaryDirectory();
    const path = join(directory.path, "a.sqlite");
    using storage = openStorageSync(`sqlite:${path}`);
    await using other = await SqliteJobEventStorage.open(path, { pollIntervalMs: 5 });
    const { log, logger } = setUp(storage, { flushIntervalMs: 20 });
    const cell = new Int32Array(new SharedArrayBuffer(4));
    // Twice, since the second time the worker is to be woken anew.
    for (const round of [1, 2]) {
      log("a", "b");
      const deadline = performance.now() + 10_000;
      // This thread does nothing but to sleep and to look into memory.
      const isDone = () => logger.stats().stored === 2 * round;
      while (!isDone() && performance.now() < deadline) Atomics.wait(cell, 0, 0, 5);
      assert.equal(await other.countEvents(), 2 * round);
      assert.equal(logger.stats().batches, round);
    }
  });

  it("a full batch is sent at once", () => {
    using storage = openStorageSync("memory:");
    const { log, logger } = setUp(storage, { batchSize: 3 });
    log("a", "b", "c", "d");
    const deadline = performance.now() + 10_000;
    while (logger.stats().stored < 3 && performance.now() < deadline);
    assert.deepEqual(storedJobs(storage).slice(0, 3), ["a", "b", "c"]);
  });

  it("retries in order, and nothing is stored twice", () => {
    using storage = openStorageIn(scripted, "fail twice");
    const { log, logger, errors } = setUp(storage, { retry: { initialDelayMs: 1 }, batchSize: 2 });
    log("a", "b", "c", "d", "e");
    assert.equal(logger.flushSync().pending, 0);
    assert.deepEqual(storedJobs(storage), ["a", "b", "c", "d", "e"]);
    assert.equal(logger.stats().retried, 4);
    assert.deepEqual(errors.map(({ code }) => code), Array(2).fill("ERR_EVENT_TOO_LARGE"));
    checkBalance(logger);
  });

  it("what the storage will never take is handed to the owner, with the error intact", () => {
    using storage = openStorageIn(scripted, "reject");
    const { log, logger, errors, drops, dropped } = setUp(storage);
    log("a", "b");
    assert.deepEqual(logger.flushSync(), { stored: 0, pending: 0, dropped: 2 });
    assert.deepEqual(drops, ["a rejected", "b rejected"]);
    assert.equal(decodeJobEvent(dropped[1]!.payload).jobId, "b");
    const [error] = errors;
    assert.deepEqual([error?.name, error?.code], ["JobEventError", "ERR_EVENT_TOO_LARGE"]);
    assert.equal((error?.cause as Error).name, "RangeError");
    checkBalance(logger);
    // The same id as in the worker, so that it could not be stored twice.
    using other = openStorageSync("memory:");
    assert.deepEqual(other.appendSync(dropped).map(({ status }) => status), ["stored", "stored"]);
    assert.notEqual(dropped[0]?.eventId, dropped[1]?.eventId);
  });

  it("stopSync() delivers, reports, and refuses what comes later; using stops too", () => {
    using storage = openStorageSync("memory:");
    const { log, logger, drops } = setUp(storage);
    {
      using stopped = logger;
      log("a", "b");
      assert.equal(stopped.stats().logged, 2);
    }
    assert.deepEqual(log("late"), [false]);
    assert.deepEqual(drops, ["late stopped"]);
    const report = { stored: 2, undelivered: 0, dropped: 0, events: [] };
    assert.deepEqual(logger.stopSync(), report);
    assert.equal(logger.stats().late, 1);
  });

  it("closeSync() of the storage stops its loggers first", () => {
    const storage = openStorageSync("memory:");
    const { log, logger } = setUp(storage);
    log("a");
    storage.closeSync();
    assert.equal(logger.stopSync().stored, 1);
    assert.deepEqual(log("late"), [false]);
    assert.throws(() => new JobEventLoggerSync(storage), { code: "ERR_CLOSED" });
  });

  it("several loggers share the worker of a storage, and keep apart", () => {
    using storage = openStorageSync("memory:");
    const [one, two] = [setUp(storage), setUp(storage)];
    for (let index = 0; index < 250; index++) {
      one.log(`one-${index}`);
      two.log(`two-${index}`);
    }
    assert.equal(one.logger.stopSync().stored, 250);
    assert.equal(two.logger.stopSync().stored, 250);
    for (const name of ["one", "two"]) {
      const jobs = storedJobs(storage).filter((job) => job.startsWith(name));
      assert.deepEqual(jobs, Array.from({ length: 250 }, (_, index) => `${name}-${index}`));
    }
  });

  it("a child gives its fields to events that lack them, and shares everything else", () => {
    using storage = openStorageSync("memory:");
    const { logger, errors } = setUp(storage);
    const child = logger.child({ workerId: "w", tags: { a: "1", b: "1" } })
      .child({ queueName: "q", tags: { b: "2" } });
    assert.equal(child.logJobCancelled("a", { tags: { c: "3" } }), true);
    assert.equal(child.logJobStarted("b", "own", "thread"), true);
    assert.equal(child.logEvent(null as unknown as JobEvent), false);
    assert.equal(errors[0]?.code, "ERR_INVALID_EVENT");
    assert.equal(child.flushSync().stored, 2);
    const [a, b] = storage.listEventsSync();
    assert.deepEqual([a?.workerId, a?.queueName], ["w", "q"]);
    assert.deepEqual(a?.tags, { a: "1", b: "2", c: "3" });
    assert.equal(b?.workerId, "own");
    assert.deepEqual(child.stats(), logger.stats());
    assert.throws(() => logger.child({ workerId: 7 as unknown as string }), TypeError);
    child.stopSync();
    assert.equal(logger.logJobCancelled("late"), false);
  });

  it("logs nothing when it is not enabled", () => {
    using storage = openStorageSync("memory:");
    const { log, logger } = setUp(storage, { enabled: false });
    assert.deepEqual(log("a"), [true]);
    assert.equal(logger.logJobEnqueued("a", undefined as unknown as string), true);
    assert.equal(logger.stats().refused, 0);
    assert.equal(logger.stopSync().stored, 0);
  });

  it("refuses options that are out of range", () => {
    using storage = openStorageSync("memory:");
    const make = (options: JobEventLoggerSyncOptions) => new JobEventLoggerSync(storage, options);
    for (const name of ["batchSize", "maxBufferSize", "maxBufferBytes"] as const) {
      assert.throws(() => make({ [name]: 0 }), RangeError, name);
      assert.throws(() => make({ [name]: NaN }), RangeError, name);
    }
    assert.throws(() => make({ maxBufferSize: Infinity }), RangeError);
    assert.throws(() => make({ retry: { factor: 0 } }), RangeError);
    assert.throws(() => make({ overflow: "none" as never }), TypeError);
    assert.throws(() => make({}).flushSync({ timeoutMs: -1 }), RangeError);
  });
});
