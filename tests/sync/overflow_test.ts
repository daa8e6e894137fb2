import assert from "node:assert/strict";
import { describe, it } from "node:test";
import type { JobEventError } from "../../src/errors.ts";
import type { OverflowPolicy } from "../../src/logger/options.ts";
import {
  JobEventLoggerSync,
  type JobEventLoggerSyncOptions,
  type JobEventStorageSync,
} from "../../src/sync/mod.ts";
import { openStorageIn } from "../../src/sync/storage.ts";
import { event } from "../storage/events.ts";

const scripted = new URL("./scripted_worker.ts", import.meta.url);

function setUp(
  storage: JobEventStorageSync,
  overflow: OverflowPolicy,
  options: JobEventLoggerSyncOptions = {},
) {
  const drops: string[] = [];
  const errors: JobEventError[] = [];
  const logger = new JobEventLoggerSync(storage, {
    overflow,
    maxBufferSize: 4,
    batchSize: 4,
    stopTimeoutMs: 50,
    retry: { initialDelayMs: 600_000, maxDelayMs: 600_000 },
    onError: (error) => errors.push(error),
    onDrop: (events, reason) => {
      for (const { jobId } of events) drops.push(`${jobId} ${reason}`);
    },
    ...options,
  });
  const log = (...jobs: string[]) => jobs.map((job) => logger.logEvent(event(job)));
  return { logger, drops, errors, log };
}

function checkBalance(logger: JobEventLoggerSync): void {
  const { logged, stored, rejected, dropped, buffered } = logger.stats();
  assert.equal(logged, stored + rejected + dropped + buffered);
}

describe("JobEventLoggerSync: a full buffer", () => {
  it("drop_oldest: the oldest that is not under way makes room", () => {
    using storage = openStorageIn(scripted, "unavailable");
    const { log, logger, drops } = setUp(storage, "drop_oldest", {
      maxBufferSize: 5,
      batchSize: 2,
    });
    log("a", "b");
    // The worker tries the first batch, in vain, and waits with it.
    while (logger.stats().retried === 0);
    assert.deepEqual(log("c", "d", "e", "f", "g"), [true, true, true, true, true]);
    assert.deepEqual(drops, ["c overflow", "d overflow"]);
    assert.deepEqual([logger.stats().buffered, logger.stats().inFlight], [5, 2]);
    checkBalance(logger);
    const { undelivered, dropped, events } = logger.stopSync();
    assert.deepEqual([undelivered, dropped], [5, 2]);
    assert.deepEqual(events.map(({ jobId }) => jobId), ["a", "b", "e", "f", "g"]);
    checkBalance(logger);
  });

  it("drop_newest: the new event is not taken", () => {
    using storage = openStorageIn(scripted, "unavailable");
    const { log, logger, drops } = setUp(storage, "drop_newest");
    assert.deepEqual(log("a", "b", "c", "d", "e"), [true, true, true, true, false]);
    assert.deepEqual(drops, ["e overflow"]);
    checkBalance(logger);
    assert.equal(logger.stopSync().undelivered, 4);
    assert.equal(drops.length, 5);
  });

  it("block: readySync() waits for room, and every event is stored", () => {
    using storage = openStorageIn(scripted, "none");
    const { log, logger, drops } = setUp(storage, "block", { batchSize: 100, stopTimeoutMs: 9000 });
    const jobs = Array.from({ length: 500 }, (_, index) => `job-${index}`);
    for (const job of jobs) {
      while (!log(job)[0] && logger.isFull) logger.readySync();
    }
    assert.equal(logger.stopSync().stored, 500);
    assert.deepEqual([...storage.readEventsSync()].map(({ jobId }) => jobId), jobs);
    assert.deepEqual(drops, []);
    assert(logger.stats().blocked > 0);
    checkBalance(logger);
  });

  it("block: readySync() ends with ERR_TIMEOUT when no room comes", () => {
    using storage = openStorageIn(scripted, "unavailable", { timeoutMs: 5000 });
    const { log, logger } = setUp(storage, "block");
    assert.deepEqual(log("a", "b", "c", "d", "e"), [true, true, true, true, false]);
    assert(logger.isFull);
    assert.throws(() => logger.readySync({ timeoutMs: 30 }), { code: "ERR_TIMEOUT" });
  });

  it("bytes are bounded too, and an event that never fits is refused", () => {
    using storage = openStorageIn(scripted, "unavailable");
    const { log, logger, errors } = setUp(storage, "drop_newest", {
      maxBufferSize: 100,
      maxBufferBytes: 1000,
    });
    const many = Array.from({ length: 100 }, (_, index) => `job-${index}`);
    const taken = log(...many).filter((isTaken) => isTaken).length;
    const { bufferedBytes } = logger.stats();
    assert(taken > 3 && taken < 100, `${taken} taken`);
    assert(bufferedBytes <= 1000 && bufferedBytes > 800, `${bufferedBytes} bytes`);
    logger.logEvent(event("large", { message: "x".repeat(1000) }));
    assert.equal(errors.at(-1)?.code, "ERR_EVENT_TOO_LARGE");
    checkBalance(logger);
  });

  it("a worker that hangs makes no logEvent() wait, and the bound holds", () => {
    const storage = openStorageIn(scripted, "hang");
    const { log, logger, drops } = setUp(storage, "drop_oldest", {
      maxBufferSize: 1000,
      batchSize: 10,
      maxBufferBytes: 100_000,
    });
    const jobs = Array.from({ length: 20_000 }, (_, index) => `job-${index}`);
    const started = performance.now();
    log(...jobs);
    assert(performance.now() - started < 10_000);
    const { buffered, bufferedBytes } = logger.stats();
    assert(buffered <= 1000 && bufferedBytes <= 100_000);
    assert.equal(drops.length, 20_000 - buffered);
    const { events, undelivered } = logger.stopSync();
    // The newest are left; what the worker holds is beyond reach.
    assert.equal(events.at(-1)?.jobId, "job-19999");
    assert(undelivered - events.length <= 10);
    checkBalance(logger);
    assert.throws(() => storage.closeSync({ timeoutMs: 50 }), { code: "ERR_TIMEOUT" });
  });

  it("a worker that has died is reported once; what it had not taken is handed back", () => {
    using storage = openStorageIn(scripted, "exit");
    const { log, logger, drops, errors } = setUp(storage, "drop_oldest", {
      maxBufferSize: 10,
      batchSize: 2,
      stopTimeoutMs: 60_000,
    });
    log("a", "b");
    const deadline = performance.now() + 10_000;
    while (storage.healthCheckSync().status !== "disconnected" && performance.now() < deadline);
    log("c", "d");
    assert.deepEqual(errors.map(({ code }) => code), ["ERR_UNAVAILABLE"]);
    const { undelivered } = logger.stopSync();
    assert.equal(undelivered, 4);
    assert.deepEqual(drops, ["c stopped", "d stopped"]);
    checkBalance(logger);
  });

  it("both threads at the front of a small buffer: each event is stored or dropped, once", () => {
    using storage = openStorageIn(scripted, "none");
    const { logger, drops } = setUp(storage, "drop_oldest", {
      maxBufferSize: 64,
      maxBufferBytes: 5000,
      batchSize: 16,
      stopTimeoutMs: 20_000,
    });
    const jobs = Array.from({ length: 100_000 }, (_, index) => `job-${index}`);
    const message = (job: string) => `${job} `.repeat(job.length % 3 + 1);
    for (const job of jobs) assert(logger.logEvent(event(job, { message: message(job) })));
    const { stored, undelivered, dropped } = logger.stopSync();
    assert.deepEqual([stored + dropped, undelivered], [100_000, 0]);
    const read = [...storage.readEventsSync()];
    // A job's id is in several places of its bytes: bytes of two events in one would be noticed.
    for (const stored of read) assert.equal(stored.message, message(stored.jobId));
    const storedJobs = read.map(({ jobId }) => jobId);
    const droppedJobs = drops.map((drop) => drop.split(" ")[0]!);
    const number = (job: string) => Number(job.slice(4));
    const isSorted = (list: readonly string[]) =>
      list.every((job, index) => index === 0 || number(list[index - 1]!) < number(job));
    assert(isSorted(storedJobs) && isSorted(droppedJobs));
    const sorted = [...storedJobs, ...droppedJobs].sort((a, b) => number(a) - number(b));
    assert.deepEqual(sorted, jobs);
    assert(storedJobs.length > 1000 && droppedJobs.length > 1000);
  });
});
