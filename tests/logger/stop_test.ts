import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { JobEventError } from "../../src/errors.ts";
import { JobEventLogger } from "../../src/logger/logger.ts";
import { MemoryJobEventStorage } from "../../src/storage/memory.ts";
import { within } from "../helpers.ts";
import { allRetry, gate, ScriptedSink } from "./scripted_sink.ts";
import { checkBalance, setUp } from "./set_up.ts";

describe("JobEventLogger.flush()", () => {
  it("reports what is pending when the time is up, and never rejects", async () => {
    const { logger, log, clock } = setUp({}, new ScriptedSink(allRetry));
    log("a", "b");
    const flushed = logger.flush({ timeoutMs: 500 });
    await clock.advance(500);
    assert.deepEqual(await flushed, { stored: 0, pending: 2, dropped: 0 });
    checkBalance(logger);
  });

  it("covers what was logged before the call, not what came later", async () => {
    const { opened, open } = gate();
    const sink: ScriptedSink = new ScriptedSink(async (records, call) => {
      if (call > 1) await opened;
      return sink.store(records);
    });
    const { logger, log } = setUp({}, sink);
    log("a");
    const flushed = logger.flush();
    log("b");
    assert.deepEqual(await flushed, { stored: 1, pending: 0, dropped: 0 });
    open();
    await logger.stop();
  });

  it("resolves at once when nothing is pending", async () => {
    const { logger } = setUp();
    assert.deepEqual(await logger.flush(), { stored: 0, pending: 0, dropped: 0 });
  });

  it("survives a sink that never answers", async () => {
    const sink: ScriptedSink = new ScriptedSink(() => new Promise(() => {}));
    const { logger, log, clock } = setUp({}, sink);
    log("a");
    const flushed = logger.flush({ timeoutMs: 100 });
    await clock.advance(100);
    assert.equal((await flushed).pending, 1);
  });
});

describe("JobEventLogger.stop()", () => {
  it("delivers what is left, refuses what comes later, and is idempotent", async () => {
    const { sink, logger, log, drops } = setUp();
    log("a", "b");
    const report = await logger.stop();
    assert.deepEqual(report, { stored: 2, undelivered: 0, dropped: 0, events: [] });
    assert.equal(await logger.stop(), report);
    assert.deepEqual(log("c"), [false]);
    assert.deepEqual(drops, [{ jobId: "c", reason: "stopped" }]);
    assert.equal(logger.stats().late, 1);
    assert.deepEqual(sink.storedJobs(), ["a", "b"]);
    checkBalance(logger);
  });

  it("retries until its deadline, then hands over what it could not deliver", async () => {
    const { logger, log, drops, clock } = setUp({}, new ScriptedSink(allRetry));
    log("a", "b");
    const stopped = logger.stop({ timeoutMs: 1000 });
    await clock.advance(1000);
    const report = await stopped;
    assert.deepEqual(report.events.map((event) => event.jobId), ["a", "b"]);
    assert.equal(report.undelivered, 2);
    assert.deepEqual(drops.map((drop) => drop.reason), ["stopped", "stopped"]);
    assert.ok(logger.stats().retried > 2);
    assert.equal(clock.timers, 0);
    checkBalance(logger);
  });

  it("aborts a sink that hangs, in time, and hands over what is under way", async () => {
    let signal: AbortSignal | undefined;
    const sink: ScriptedSink = new ScriptedSink((_records, _call, options) => {
      signal = options.signal;
      return new Promise(() => {});
    });
    const { logger, log, clock } = setUp({ batchSize: 2 }, sink);
    log("a", "b", "c");
    const stopped = logger.stop({ timeoutMs: 100 });
    await clock.advance(100);
    assert.deepEqual((await stopped).events.map((event) => event.jobId), ["a", "b", "c"]);
    assert.equal(signal?.aborted, true);
    checkBalance(logger);
  });

  it("lets those who wait for room go on", async () => {
    const { logger, log, clock } = setUp(
      { maxBufferSize: 1, overflow: "block" },
      new ScriptedSink(allRetry),
    );
    log("a", "b");
    const ready = logger.ready();
    const stopped = logger.stop({ timeoutMs: 10 });
    await clock.advance(10);
    await stopped;
    await ready;
  });

  for (const how of ["throws", "answers"] as const) {
    it(`waits for no sink that is closed and ${how} so`, async () => {
      const error = new JobEventError("ERR_CLOSED", "Cannot store: the test closed it");
      const sink = new ScriptedSink((records) => {
        if (how === "throws") throw error;
        return records.map(() => ({ status: "retry", error }));
      });
      const { logger, log, clock, drops, errors } = setUp({ overflow: "block" }, sink);
      log("a", "b");
      const report = await within(logger.stop({ timeoutMs: Infinity }));
      assert.deepEqual(report.events.map(({ jobId }) => jobId), ["a", "b"]);
      assert.equal(report.undelivered, 2);
      assert.equal(drops.length, 2);
      assert.deepEqual(errors, [error]);
      assert.equal(sink.batches.length, 1);
      assert.equal(clock.timers, 0);
      checkBalance(logger);
    });
  }

  it("is not needed once the sink is closed: whoever waits goes on", async () => {
    const storage = new MemoryJobEventStorage();
    const { logger, log, drops } = setUp({ overflow: "block", maxBufferSize: 2 }, storage);
    await storage.close();
    log("a", "b", "c");
    const flushed = logger.flush({ timeoutMs: Infinity });
    await within(logger.ready());
    assert.deepEqual(await within(flushed), { stored: 0, pending: 0, dropped: 2 });
    assert.deepEqual(log("d"), [false]);
    assert.equal(logger.isFull, false);
    assert.deepEqual(drops.map(({ jobId, reason }) => `${jobId} ${reason}`), [
      "a stopped",
      "b stopped",
      "d stopped",
    ]);
    assert.equal((await logger.stop()).undelivered, 2);
  });

  it("runs at the end of `await using`", async () => {
    const sink: ScriptedSink = new ScriptedSink();
    {
      await using logger = new JobEventLogger(sink);
      logger.logJobCancelled("a");
    }
    assert.deepEqual(sink.storedJobs(), ["a"]);
  });
});
