import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { decodeJobEvent } from "../../src/gen/decode.ts";
import { JobEvent } from "../../src/gen/factories.ts";
import { JOB_EVENT_TYPES } from "../../src/gen/types.ts";
import { encodeJobEvent } from "../../src/event/encode.ts";
import { JobEventLogger } from "../../src/logger/logger.ts";
import { FakeClock, settled } from "./fake_clock.ts";
import { ScriptedSink } from "./scripted_sink.ts";
import { checkBalance, numbered, setUp } from "./set_up.ts";

describe("JobEventLogger.logEvent()", () => {
  it("takes events at once and stores them in order with flush()", async () => {
    const { sink, logger, log } = setUp();
    assert.deepEqual(log("a", "b", "c"), [true, true, true]);
    assert.equal(sink.batches.length, 0);
    assert.deepEqual(await logger.flush(), { stored: 3, pending: 0, dropped: 0 });
    assert.deepEqual(sink.storedJobs(), ["a", "b", "c"]);
    checkBalance(logger);
  });

  it("sends without a timer with flushIntervalMs 0, and together", async () => {
    const { sink, logger, log } = setUp({ flushIntervalMs: 0, batchSize: 100 });
    log("a", "b");
    assert.equal(sink.batches.length, 0, "not in the call");
    log("c");
    await settled();
    assert.deepEqual(sink.storedJobs(), ["a", "b", "c"]);
    assert.equal(sink.batches.length, 1);
    await logger.stop();
  });

  it("keeps a snapshot: later changes to the event change nothing", async () => {
    const { sink, logger } = setUp();
    const details: Record<string, string> = { step: "before" };
    logger.logEvent({ jobId: "a", eventType: "cancelled", timestamp: 1, details });
    details["step"] = "after";
    await logger.flush();
    assert.deepEqual(decodeJobEvent(sink.stored[0]!.payload).details, { step: "before" });
  });

  it("stores the bytes that encodeJobEvent() gives", async () => {
    const { sink, logger } = setUp();
    const event = JobEvent.completed("a", "w", 1.5, { tags: { team: "é" }, timestamp: 7 });
    logger.logEvent(event);
    await logger.flush();
    assert.deepEqual(sink.stored[0]!.payload, encodeJobEvent(event));
  });

  it("refuses an invalid event with a clear error and keeps the others", async () => {
    const { sink, logger, log, errors } = setUp();
    log("a");
    assert.equal(logger.logEvent({ jobId: "", eventType: "cancelled", timestamp: 1 }), false);
    assert.equal(
      logger.logEvent({ jobId: "b", eventType: "nope" as "failed", timestamp: 1 }),
      false,
    );
    assert.equal(
      logger.logEvent({ jobId: "x".repeat(300), eventType: "failed", timestamp: 1 }),
      false,
    );
    assert.equal(logger.logEvent(null as unknown as JobEvent), false);
    assert.equal(logger.logJobCompleted("a", "w", "soon" as unknown as number), false);
    assert.equal(logger.logJobEnqueued("a", Symbol("q") as unknown as string), false);
    log("c");
    await logger.flush();
    assert.deepEqual(sink.storedJobs(), ["a", "c"]);
    assert.deepEqual(errors.map((error) => error.code), Array(6).fill("ERR_INVALID_EVENT"));
    assert.match(errors[0]!.message, /jobId must be a string that is not empty, got ""/);
    assert.match(errors[4]!.message, /durationMs/);
    assert.equal(logger.stats().refused, 6);
    checkBalance(logger);
  });

  it("never throws, whatever the owner's callbacks do", () => {
    const { logger, log } = setUp({
      maxBufferSize: 1,
      onError: () => {
        throw new Error("onError");
      },
      onDrop: () => {
        throw new Error("onDrop");
      },
    });
    const { warn } = console;
    console.warn = () => {};
    try {
      assert.equal(logger.logEvent({} as JobEvent), false);
      assert.deepEqual(log("a", "b"), [true, true]);
    } finally {
      console.warn = warn;
    }
  });

  it("survives whatever an event's getters throw", () => {
    const { logger, errors } = setUp();
    const hostile = new Proxy({}, {
      get: () => {
        throw new Error("a trap");
      },
    });
    const event = JobEvent.create({ jobId: "a", eventType: "cancelled" });
    const trap = Object.defineProperty({ ...event }, "jobId", {
      get: () => {
        throw hostile;
      },
    });
    assert.equal(logger.logEvent(trap), false);
    assert.equal(errors[0]!.code, "ERR_INVALID_EVENT");
  });

  it("passes over everything when it is not enabled", async () => {
    const { sink, logger, log, errors } = setUp({ enabled: false });
    assert.deepEqual(log("a"), [true]);
    // Also what is not valid, by whichever method.
    const nothing = undefined as unknown as string;
    assert.equal(logger.logEvent({} as JobEvent), true);
    assert.equal(logger.logJobEnqueued("a", nothing), true);
    const child = logger.child({ queueName: "q" });
    assert.equal(child.logJobStarted("a", nothing, nothing), true);
    assert.equal(child.logEvent(nothing as unknown as JobEvent), true);
    assert.deepEqual(errors, []);
    assert.equal(logger.stats().refused, 0);
    assert.deepEqual(await logger.stop(), { stored: 0, undelivered: 0, dropped: 0, events: [] });
    assert.equal(sink.batches.length, 0);
  });

  it("gives each of many loggers' events its own id", async () => {
    const { sink, logger, log } = setUp();
    const other = setUp({}, sink);
    log("a", "b");
    other.log("c");
    await Promise.all([logger.flush(), other.logger.flush()]);
    assert.equal(new Set(sink.stored.map((record) => record.eventId)).size, 3);
  });
});

describe("JobEventLogger.logJob…()", () => {
  it("has a method for each event type, which logs that type", async () => {
    const { sink, logger } = setUp();
    const methods = logger as unknown as Record<string, (...args: unknown[]) => boolean>;
    for (const type of JOB_EVENT_TYPES) {
      const name = `logJob_${type}`.replace(/_(\w)/g, (_, letter: string) => letter.toUpperCase());
      const factory = name.replace("logJob", "").replace(/^./, (letter) => letter.toLowerCase());
      const takes = (JobEvent as unknown as Record<string, { toString(): string }>)[factory];
      assert.ok(takes, factory);
      // Each argument has a type of its own; the first that fits is taken.
      const logged = [["q"], ["w", "t"], ["w", 1], ["w", "e", 1], [1], [1, 1], ["q", 1, 1], [["d"]]]
        .some((args) => methods[name]!("job", ...args));
      assert.ok(logged, name);
    }
    await logger.flush();
    const types = sink.stored.map((record) => sink.subjects.parse(record.subject)!.eventType);
    assert.deepEqual(types, [...JOB_EVENT_TYPES]);
  });
});

describe("JobEventLogger batches", () => {
  it("sends a full batch without being asked", async () => {
    const { sink, log } = setUp({ batchSize: 3 });
    log("a", "b");
    await settled();
    assert.equal(sink.batches.length, 0);
    log("c");
    await settled();
    assert.deepEqual(sink.batches.map((batch) => batch.length), [3]);
  });

  it("sends a batch that is full by its bytes", async () => {
    const size = encodeJobEvent(JobEvent.create({ jobId: "a", eventType: "cancelled" })).length;
    const { sink, log } = setUp({ batchBytes: size * 2 });
    log("a");
    await settled();
    assert.equal(sink.batches.length, 0);
    log("b");
    await settled();
    assert.equal(sink.batches.length, 1);
  });

  it("sends what fills no batch after the interval", async () => {
    const { sink, clock, log } = setUp({ flushIntervalMs: 5000 });
    log("a");
    await clock.advance(4999);
    assert.equal(sink.batches.length, 0);
    log("b");
    await clock.advance(1);
    assert.deepEqual(sink.storedJobs(), ["a", "b"]);
    assert.equal(clock.timers, 0);
  });

  it("sends one batch at a time, none larger than batchSize, in order", async () => {
    const sink: ScriptedSink = new ScriptedSink(async (records) => {
      await settled();
      return sink.store(records);
    });
    const { logger, log } = setUp({ batchSize: 10 }, sink);
    log(...numbered(95));
    const reports = await Promise.all([logger.flush(), logger.flush(), logger.flush()]);
    assert.deepEqual(reports.map((report) => report.stored), [95, 95, 95]);
    assert.equal(sink.maxRunning, 1);
    assert.ok(sink.batches.every((batch) => batch.length <= 10));
    assert.deepEqual(sink.storedJobs(), numbered(95));
  });

  it("starts its I/O before flush() returns", () => {
    const { sink, logger, log } = setUp();
    log("a");
    void logger.flush();
    assert.equal(sink.batches.length, 1);
  });
});

describe("JobEventLogger reports", () => {
  it("says one line on the console, and again only after ten seconds", async () => {
    const lines: string[] = [];
    const { warn } = console;
    console.warn = (line: string) => lines.push(line);
    try {
      const clock = new FakeClock();
      const logger = new JobEventLogger(new ScriptedSink(), { clock, maxBufferSize: 1 });
      for (const job of numbered(5)) logger.logJobCancelled(job);
      assert.deepEqual(lines, ["[naq/events] 1 events dropped (overflow)"]);
      await clock.advance(10_000);
      for (const job of numbered(2)) logger.logJobCancelled(job);
      assert.equal(lines.length, 2);
      assert.match(lines[1]!, /\[naq\/events\] 4 events dropped \(overflow\)/);
    } finally {
      console.warn = warn;
    }
  });
});

describe("new JobEventLogger()", () => {
  it("names a setting that is out of its range", () => {
    const sink: ScriptedSink = new ScriptedSink();
    assert.throws(() => new JobEventLogger(sink, { batchSize: 0 }), /RangeError: batchSize is 0/);
    assert.throws(() => new JobEventLogger(sink, { maxBufferSize: NaN }), /maxBufferSize is NaN/);
    assert.throws(() => new JobEventLogger(sink, { retry: { factor: 0.5 } }), /retry.factor/);
    assert.throws(
      () => new JobEventLogger(sink, { overflow: "explode" as "block" }),
      /TypeError: overflow is "explode", expected one of drop_oldest, drop_newest, block/,
    );
  });
});
