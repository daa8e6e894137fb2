import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { decodeJobEvent } from "../../src/gen/decode.ts";
import { settled } from "./fake_clock.ts";
import { allRetry, REJECTED, ScriptedSink } from "./scripted_sink.ts";
import { checkBalance, numbered, setUp } from "./set_up.ts";

describe("JobEventLogger retries", () => {
  it("puts back what was not stored, in order, with the same ids", async () => {
    const sink: ScriptedSink = new ScriptedSink((records, call) => {
      const outcomes = sink.store(records);
      // The answers of the first call are lost: everything is stored, nothing is known.
      return call === 1 ? allRetry(records) : outcomes;
    });
    const { logger, log, clock, errors } = setUp({ batchSize: 4 }, sink);
    log(...numbered(6));
    const flushed = logger.flush();
    await clock.advance(1000);
    assert.deepEqual(await flushed, { stored: 6, pending: 0, dropped: 0 });
    assert.deepEqual(sink.storedJobs(), numbered(6));
    assert.deepEqual(sink.batches[0], sink.batches[1]);
    const { duplicates, retried } = logger.stats();
    assert.deepEqual({ duplicates, retried }, { duplicates: 4, retried: 4 });
    assert.equal(errors.length, 1);
    checkBalance(logger);
  });

  it("waits longer after each failure, up to the cap; a success starts over", async () => {
    const times: number[] = [];
    let failing = true;
    const sink: ScriptedSink = new ScriptedSink((records) => {
      times.push(clock.now());
      return failing ? allRetry(records) : sink.store(records);
    });
    const retry = { initialDelayMs: 100, maxDelayMs: 400, factor: 2 };
    const { logger, log, clock } = setUp({ batchSize: 1, retry }, sink);
    log("a");
    await clock.advance(1500);
    assert.deepEqual(times, [0, 100, 300, 700, 1100, 1500]);
    failing = false;
    await clock.advance(400);
    assert.equal(logger.stats().stored, 1);
    failing = true;
    log("b");
    await clock.advance(100);
    assert.deepEqual(times.slice(6), [1900, 1900, 2000]);
  });

  it("takes an exception of the sink for a failed batch", async () => {
    const sink: ScriptedSink = new ScriptedSink((records, call) => {
      if (call === 1) throw new Error("connection lost");
      return sink.store(records);
    });
    const { logger, log, clock, errors } = setUp({}, sink);
    log("a", "b");
    const flushed = logger.flush();
    await clock.advance(1000);
    assert.equal((await flushed).stored, 2);
    assert.deepEqual(sink.storedJobs(), ["a", "b"]);
    assert.match(errors[0]!.message, /Cannot store 2 events: connection lost/);
  });

  it("hands a rejected event over with its reason; it blocks nobody", async () => {
    const sink: ScriptedSink = new ScriptedSink((records) =>
      records.map((record) =>
        sink.subjects.parse(record.subject)!.jobId === "bad" ? REJECTED : sink.store([record])[0]!
      )
    );
    const { logger, log, drops, dropped, errors } = setUp({}, sink);
    log("a", "bad", "b");
    assert.deepEqual(await logger.flush(), { stored: 2, pending: 0, dropped: 1 });
    assert.deepEqual(sink.storedJobs(), ["a", "b"]);
    assert.deepEqual(drops, [{ jobId: "bad", reason: "rejected" }]);
    assert.equal(decodeJobEvent(dropped[0]!.payload).jobId, "bad");
    assert.equal(errors[0]!.code, "ERR_EVENT_TOO_LARGE");
    assert.equal(logger.stats().rejected, 1);
    checkBalance(logger);
  });

  it("tries at once when somebody flushes during the wait", async () => {
    const sink: ScriptedSink = new ScriptedSink((records, call) =>
      call === 1 ? allRetry(records) : sink.store(records)
    );
    const { logger, log } = setUp({ batchSize: 1 }, sink);
    log("a");
    await settled();
    assert.equal(sink.stored.length, 0);
    assert.equal((await logger.flush()).stored, 1);
  });
});
