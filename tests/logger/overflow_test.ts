import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { decodeJobEvent } from "../../src/gen/decode.ts";
import { JobEvent } from "../../src/gen/factories.ts";
import { encodeJobEvent } from "../../src/event/encode.ts";
import { JobEventLogger } from "../../src/logger/logger.ts";
import { settled } from "./fake_clock.ts";
import { allRetry, gate, ScriptedSink } from "./scripted_sink.ts";
import { checkBalance, numbered, setUp } from "./set_up.ts";

describe("JobEventLogger overflow", () => {
  const down = () => new ScriptedSink(allRetry);

  it("drop_oldest keeps exactly the newest maxBufferSize events", () => {
    const { logger, log, drops } = setUp({
      maxBufferSize: 3,
      batchSize: 100,
      flushIntervalMs: 1e9,
    });
    assert.deepEqual(log("a", "b", "c"), [true, true, true]);
    assert.equal(drops.length, 0);
    assert.deepEqual(log("d"), [true]);
    assert.deepEqual(drops, [{ jobId: "a", reason: "overflow" }]);
    assert.equal(logger.stats().buffered, 3);
    checkBalance(logger);
  });

  it("drop_newest keeps exactly the oldest maxBufferSize events", () => {
    const { logger, log, drops } = setUp({ maxBufferSize: 3, overflow: "drop_newest" });
    assert.deepEqual(log("a", "b", "c", "d"), [true, true, true, false]);
    assert.deepEqual(drops, [{ jobId: "d", reason: "overflow" }]);
    checkBalance(logger);
  });

  it("block loses nothing: ready() resolves when there is room", async () => {
    const sink: ScriptedSink = new ScriptedSink();
    const { logger, log, drops } = setUp({ maxBufferSize: 3, overflow: "block" }, sink);
    for (const job of numbered(50)) {
      while (!log(job)[0] && logger.isFull) await logger.ready();
    }
    await logger.flush();
    assert.deepEqual(sink.storedJobs(), numbered(50));
    assert.equal(drops.length, 0);
    assert.ok(logger.stats().blocked > 0);
    checkBalance(logger);
  });

  it("block: an invalid event is told from a blocked one", async () => {
    const { logger, log } = setUp({ maxBufferSize: 1, overflow: "block" });
    const bad = { jobId: "", eventType: "failed", timestamp: 1 } as const;
    assert.equal(logger.logEvent(bad), false);
    assert.equal(logger.isFull, false);
    assert.deepEqual(log("a", "b"), [true, false]);
    assert.equal(logger.isFull, true);
    while (!logger.logEvent(bad) && logger.isFull) await logger.ready();
    assert.equal(logger.stats().stored, 1);
  });

  it("block waits for as much room as the event needs", async () => {
    const size = encodeJobEvent(JobEvent.create({ jobId: "job-0", eventType: "cancelled" })).length;
    const { sink, logger, log } = setUp({ maxBufferBytes: size * 3 + 1, overflow: "block" });
    for (const job of numbered(10)) {
      while (!log(job)[0] && logger.isFull) await logger.ready();
    }
    await logger.flush();
    assert.deepEqual(sink.storedJobs(), numbered(10));
  });

  it("is exact in bytes, too", () => {
    const size = encodeJobEvent(JobEvent.create({ jobId: "a", eventType: "cancelled" })).length;
    const { logger, log, drops } = setUp({ maxBufferBytes: size * 2, flushIntervalMs: 1e9 });
    log("a", "b");
    assert.equal(logger.stats().bufferedBytes, size * 2);
    assert.equal(drops.length, 0);
    log("c");
    assert.deepEqual(drops.map((drop) => drop.jobId), ["a"]);
    assert.equal(logger.stats().bufferedBytes, size * 2);
  });

  it("refuses an event that is larger than the whole buffer and keeps the others", async () => {
    const { sink, logger, log, errors } = setUp({ maxBufferBytes: 1000 });
    log("a");
    const message = "x".repeat(1000);
    assert.equal(
      logger.logEvent(JobEvent.create({ jobId: "b", eventType: "cancelled", message })),
      false,
    );
    log("c");
    await logger.flush();
    assert.equal(errors[0]!.code, "ERR_EVENT_TOO_LARGE");
    assert.deepEqual(sink.storedJobs(), ["a", "c"]);
  });

  it("counts what is under way, and does not call it back", async () => {
    const { opened, open } = gate();
    const sink: ScriptedSink = new ScriptedSink(async (records) => {
      await opened;
      return sink.store(records);
    });
    const { logger, log, drops } = setUp({ maxBufferSize: 4, batchSize: 2 }, sink);
    log("a", "b");
    await settled();
    assert.equal(logger.stats().inFlight, 2);
    log("c", "d", "e");
    assert.deepEqual(drops, [{ jobId: "c", reason: "overflow" }]);
    assert.equal(logger.stats().buffered, 4);
    open();
    await logger.flush();
    assert.deepEqual(sink.storedJobs(), ["a", "b", "d", "e"]);
    checkBalance(logger);
  });

  it("lets the owner log from within onDrop", async () => {
    const seen: string[] = [];
    const sink: ScriptedSink = new ScriptedSink();
    const logger: JobEventLogger = new JobEventLogger(sink, {
      maxBufferSize: 2,
      onDrop: (events) => {
        for (const event of events) seen.push(event.jobId);
        if (seen.length < 3) logger.logJobCancelled(`again-${seen.length}`);
      },
    });
    for (const job of ["a", "b", "c"]) logger.logJobCancelled(job);
    await logger.stop();
    assert.deepEqual(seen, ["a", "b", "c"]);
    assert.deepEqual(sink.storedJobs(), ["again-1", "again-2"]);
    const ids = sink.stored.map((record) => decodeJobEvent(record.payload).jobId);
    assert.deepEqual(ids, sink.storedJobs());
  });

  it("stays within its bounds while the sink is down", () => {
    const { logger } = setUp({ maxBufferSize: 100, batchSize: 10 }, down());
    for (const job of numbered(1000)) logger.logJobCancelled(job);
    const { buffered, dropped, logged } = logger.stats();
    assert.deepEqual({ buffered, dropped, logged }, { buffered: 100, dropped: 900, logged: 1000 });
  });
});
