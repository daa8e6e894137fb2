import assert from "node:assert/strict";
import { describe, it } from "node:test";
import * as emit from "../../src/emit.ts";
import { allRetry, gate, ScriptedSink } from "./scripted_sink.ts";
import { settled } from "./fake_clock.ts";
import { setUp } from "./set_up.ts";

describe("@naq/events/emit", () => {
  it("tells the package's errors from others", () => {
    const { JobEventError, isJobEventError } = emit;
    assert.equal(isJobEventError(new JobEventError("ERR_CLOSED", "Cannot store: closed")), true);
    assert.equal(isJobEventError(new Error("ERR_CLOSED")), false);
  });
});

describe("JobEventLogger.flush() where a platform may stop the program", () => {
  it("has called the sink when it returns", async () => {
    const { logger, log, sink } = setUp();
    log("a");
    const flushed = logger.flush();
    assert.equal(sink.batches.length, 1);
    assert.equal((await flushed).stored, 1);
  });

  it("has called the sink when it returns, also with a full batch about to be sent", async () => {
    const { logger, log, sink } = setUp({ batchSize: 2 });
    log("a", "b");
    assert.equal(sink.batches.length, 0);
    const flushed = logger.flush();
    assert.equal(sink.batches.length, 1);
    assert.equal((await flushed).stored, 2);
    await settled();
    assert.equal(sink.batches.length, 1);
    assert.equal(sink.maxRunning, 1);
  });
});

describe("JobEventLoggerOptions.waitUntil", () => {
  it("gets a promise of each sending that no flush began; it ends with the sending", async () => {
    const { opened, open } = gate();
    const sink: ScriptedSink = new ScriptedSink(async (records) => {
      await opened;
      return sink.store(records);
    });
    const sent: Promise<void>[] = [];
    const { log } = setUp({ batchSize: 2, waitUntil: (promise) => sent.push(promise) }, sink);
    log("a", "b");
    assert.equal(sent.length, 1);
    let isOver = false;
    const over = sent[0]!.then(() => isOver = true);
    await settled();
    assert.equal(isOver, false);
    open();
    await over;
    assert.deepEqual(sink.storedJobs(), ["a", "b"]);
  });

  it("gets one for a batch whose interval is over, and none for a flush", async () => {
    const sent: Promise<void>[] = [];
    const { log, logger, clock, sink } = setUp({ waitUntil: (promise) => sent.push(promise) });
    log("a");
    await logger.flush();
    assert.equal(sent.length, 0);
    log("b");
    await clock.advance(5000);
    assert.equal(sent.length, 1);
    await sent[0];
    assert.deepEqual(sink.storedJobs(), ["a", "b"]);
  });

  it("does not stop the logger when it throws, and never gets a promise that rejects", async () => {
    const rejections: unknown[] = [];
    const { log, logger, clock } = setUp(
      {
        batchSize: 1,
        waitUntil: (promise) => {
          promise.catch((error) => rejections.push(error));
          throw new Error("the platform says no");
        },
      },
      new ScriptedSink((records, call) => {
        if (call === 1) throw new Error("down");
        return allRetry(records);
      }),
    );
    assert.deepEqual(log("a"), [true]);
    const stopped = logger.stop({ timeoutMs: 300 });
    await clock.advance(300);
    assert.equal((await stopped).undelivered, 1);
    assert.deepEqual(rejections, []);
  });
});
