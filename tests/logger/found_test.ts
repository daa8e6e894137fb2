/** What the simulation, or reading with it, found in the logger: one test for each. */

import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { encodeJobEvent } from "../../src/event/encode.ts";
import { decodeJobEvent } from "../../src/gen/decode.ts";
import { JobEvent } from "../../src/gen/factories.ts";
import { Backoff } from "../../src/logger/backoff.ts";
import { EventBuffer } from "../../src/logger/event_buffer.ts";
import type { AppendOutcome } from "../../src/storage/storage.ts";
import { within } from "../helpers.ts";
import { settled } from "./fake_clock.ts";
import { allRetry, gate, ScriptedSink } from "./scripted_sink.ts";
import { checkBalance, numbered, setUp } from "./set_up.ts";

function cancelled(jobId: string, message?: string): JobEvent {
  const init = { jobId, eventType: "cancelled" } as const;
  return JobEvent.create(message === undefined ? init : { ...init, message });
}

/** A sink whose first answer is nonsense. */
function confused(answer: unknown): ScriptedSink {
  const sink: ScriptedSink = new ScriptedSink((records, call) =>
    call === 1 ? answer as AppendOutcome[] : sink.store(records)
  );
  return sink;
}

describe("JobEventLogger.flush() beside stop()", () => {
  it("settles when stop() has ended everything, and reports what is lost", async () => {
    const { logger, log, clock } = setUp({}, new ScriptedSink(allRetry));
    log("a", "b");
    const flushed = logger.flush({ timeoutMs: Infinity });
    const stopped = logger.stop({ timeoutMs: 100 });
    await clock.advance(100);
    assert.equal((await stopped).undelivered, 2);
    assert.deepEqual(await within(flushed), { stored: 0, pending: 0, dropped: 2 });
    assert.equal(clock.timers, 0);
  });
});

describe("JobEventLogger.flush() beside a full buffer", () => {
  it("counts all of the events that are dropped for one large event", async () => {
    const size = encodeJobEvent(cancelled("a")).length;
    const sink: ScriptedSink = new ScriptedSink((records, call) =>
      call === 1 ? allRetry(records) : sink.store(records)
    );
    const { logger, log, drops } = setUp({ maxBufferBytes: size * 3, batchSize: 3 }, sink);
    log("a", "b", "c");
    await settled();
    const flushed = logger.flush();
    logger.logEvent(cancelled("d", "x".repeat(size)));
    assert.deepEqual(drops.map(({ jobId }) => jobId), ["a", "b", "c"]);
    assert.deepEqual(await flushed, { stored: 0, pending: 0, dropped: 3 });
    checkBalance(logger);
  });
});

describe("JobEventLogger retries of what a sink does wrong", () => {
  it("tries a part of a batch again after its wait, not after the flush interval", async () => {
    const sink: ScriptedSink = new ScriptedSink((records, call) =>
      call === 1
        ? [...sink.store(records.slice(0, 1)), ...allRetry(records.slice(1))]
        : sink.store(records)
    );
    const retry = { initialDelayMs: 100 };
    const { logger, log, clock } = setUp({ batchSize: 2, flushIntervalMs: 1e6, retry }, sink);
    log("a", "b");
    await clock.advance(100);
    assert.equal(logger.stats().stored, 2);
  });

  for (const [what, answer] of [["too few outcomes", []], ["no list", undefined]] as const) {
    it(`takes ${what} for a failure, says so and tries again`, async () => {
      const { logger, log, clock, errors } = setUp({}, confused(answer));
      log("a", "b");
      const flushed = logger.flush();
      await clock.advance(1000);
      assert.equal((await flushed).stored, 2);
      assert.deepEqual(errors.map(({ code }) => code), ["ERR_UNAVAILABLE"]);
      assert.match(errors[0]!.message, /the sink gave no/);
    });
  }

  it("survives an exception that cannot be made a string", async () => {
    const sink: ScriptedSink = new ScriptedSink((records, call) => {
      if (call === 1) throw Object.create(null);
      return sink.store(records);
    });
    const { logger, log, clock, errors } = setUp({}, sink);
    log("a");
    const flushed = logger.flush();
    await clock.advance(1000);
    assert.equal((await flushed).stored, 1);
    assert.match(errors[0]!.message, /a thrown object without a message/);
  });
});

describe("JobEventLogger with a buffer that is full of bytes", () => {
  const size = encodeJobEvent(cancelled("a")).length;
  const options = { maxBufferBytes: size * 3, flushIntervalMs: 1e6 };

  it("drops no older events where that would make no room", async () => {
    const { opened, open } = gate();
    const sink: ScriptedSink = new ScriptedSink(async (records) => {
      await opened;
      return sink.store(records);
    });
    const { logger, log, drops } = setUp({ ...options, batchSize: 2 }, sink);
    log("a", "b");
    await settled();
    log("c");
    assert.equal(logger.logEvent(cancelled("d", "x".repeat(size))), false);
    assert.deepEqual(drops, [{ jobId: "d", reason: "overflow" }]);
    open();
    await logger.flush();
    assert.deepEqual(sink.storedJobs(), ["a", "b", "c"]);
  });

  for (const overflow of ["drop_oldest", "drop_newest"] as const) {
    it(`sends what it has after an overflow (${overflow})`, async () => {
      const { sink, logger, log, drops } = setUp({ ...options, overflow });
      log("a", "b", "c", "d");
      await settled();
      assert.equal(drops.length, 1);
      assert.equal(sink.stored.length, 3);
      assert.deepEqual(log("e"), [true]);
      checkBalance(logger);
    });
  }

  it("sends what it has when somebody waits with ready()", async () => {
    // A spool is full before an event is blocked: the next one would have an overhead.
    const spool = { spool: ":memory:", maxSpoolBytes: 1024 };
    const { sink, logger, log } = setUp({ ...options, ...spool, overflow: "block" });
    assert.deepEqual(log("a", "b", "c"), [true, true, true]);
    await settled();
    assert.equal(logger.isFull, true);
    await within(logger.ready());
    assert.deepEqual(log("d"), [true]);
    assert.deepEqual(sink.storedJobs(), ["a", "b", "c"]);
  });
});

describe("JobEventLogger.isFull", () => {
  it("forgets an event that was given up when another is taken", () => {
    const size = encodeJobEvent(cancelled("a")).length;
    const options = { maxBufferBytes: size * 3, flushIntervalMs: 1e6 };
    const { logger, log } = setUp({ ...options, overflow: "block" });
    log("a");
    assert.equal(logger.logEvent(cancelled("large", "x".repeat(size * 2 - 20))), false);
    assert.equal(logger.isFull, true);
    assert.deepEqual(log("b"), [true]);
    assert.equal(logger.isFull, false);
  });
});

describe("JobEventLoggerOptions.flushIntervalMs", () => {
  it("begins with the event, also while a batch is under way", async () => {
    const { opened, open } = gate();
    const sink: ScriptedSink = new ScriptedSink(async (records) => {
      await opened;
      return sink.store(records);
    });
    const { logger, log, clock } = setUp({ flushIntervalMs: 300 }, sink);
    log("a");
    await clock.advance(300);
    log("b");
    await clock.advance(290);
    open();
    await clock.advance(9);
    assert.deepEqual(sink.storedJobs(), ["a"]);
    await clock.advance(1);
    assert.deepEqual(sink.storedJobs(), ["a", "b"]);
    assert.equal(clock.timers, 0);
    checkBalance(logger);
  });
});

describe("JobEventLogger and an event that logs while it is read", () => {
  for (const field of ["details", "jobId"]) {
    it(`refuses the inner one and keeps the outer one whole (${field})`, async () => {
      const { sink, logger, log, errors } = setUp();
      const event = Object.defineProperty({ ...cancelled("a") }, field, {
        enumerable: true,
        get: () => {
          log("inner");
          return field === "jobId" ? "a" : { deep: true };
        },
      });
      assert.equal(logger.logEvent(event), true);
      assert.deepEqual(log("b"), [true]);
      await logger.flush();
      assert.deepEqual(sink.stored.map(({ payload }) => decodeJobEvent(payload).jobId), ["a", "b"]);
      assert.match(errors[0]!.message, /an event that is read logs another/);
      checkBalance(logger);
    });
  }
});

describe("Backoff.next()", () => {
  it("stays a number after any number of failures without a wait", () => {
    const backoff = new Backoff({ initialDelayMs: 0, factor: 10 });
    for (const _ of numbered(2000)) assert.equal(backoff.next(), 0);
  });
});

describe("EventBuffer", () => {
  it("holds no more of a large event than its bytes, and nothing when it has left", () => {
    const buffer = new EventBuffer("jobs");
    const add = (event: JobEvent, ordinal: number) => {
      buffer.encode(event);
      buffer.commit(ordinal);
      const { subject, payload } = buffer.shift()!;
      assert.equal(subject, `jobs.${event.jobId}.lifecycle.cancelled`);
      return payload;
    };
    const large = add(cancelled("a", "x".repeat(1e6)), 1);
    assert.equal(large.buffer.byteLength, large.length + "jobs.a.lifecycle.cancelled".length);
    assert.equal(decodeJobEvent(large).jobId, "a");
    const small = add(cancelled("b"), 2);
    assert.equal(small.buffer.byteLength, 64 * 1024);
    assert.equal(decodeJobEvent(small).jobId, "b");
  });
});
