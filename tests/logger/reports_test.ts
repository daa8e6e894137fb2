import assert from "node:assert/strict";
import { describe, it } from "node:test";
import type { JobEvent } from "../../src/gen/types.ts";
import { JobEventLogger } from "../../src/logger/logger.ts";
import { JobEventLoggerSync, openStorageSync } from "../../src/sync/mod.ts";
import { FakeClock, settled } from "./fake_clock.ts";
import { allRetry, REJECTED, ScriptedSink } from "./scripted_sink.ts";
import { numbered } from "./set_up.ts";

/** What is said on the console meanwhile. */
async function said(work: () => void | Promise<void>): Promise<string[]> {
  const { warn } = console;
  const lines: string[] = [];
  console.warn = (line: string) => lines.push(line);
  try {
    await work();
  } finally {
    console.warn = warn;
  }
  return lines;
}

describe("the report on the console", () => {
  it("says at stop() what is lost, although it said something just before", async () => {
    const lines = await said(async () => {
      const clock = new FakeClock();
      const logger = new JobEventLogger(new ScriptedSink(allRetry), { clock });
      for (const job of numbered(50)) logger.logJobCancelled(job);
      const stopped = logger.stop({ timeoutMs: 100 });
      await clock.advance(100);
      await stopped;
    });
    assert.match(lines[0]!, /1 errors: Cannot store: the test says so/);
    assert.match(lines.at(-1)!, /50 events dropped \(stopped\)/);
  });

  it("says the first event that is late, although it said something just before", async () => {
    const lines = await said(async () => {
      const logger = new JobEventLogger(new ScriptedSink());
      logger.logEvent({} as JobEvent);
      await logger.stop();
      logger.logJobCancelled("late");
      logger.logJobCancelled("later");
    });
    assert.equal(lines.length, 2);
    assert.equal(lines[1], "[naq/events] 1 events dropped (stopped)");
  });

  it("does so for the blocking logger", async () => {
    const lines = await said(() => {
      using storage = openStorageSync("memory:");
      const logger = new JobEventLoggerSync(storage);
      logger.logEvent({} as JobEvent);
      logger.logEvent({} as JobEvent);
      logger.stopSync();
    });
    assert.equal(lines.length, 2);
    assert.match(lines[1]!, /1 errors: Cannot log event/);
  });
});

describe("callbacks that are async functions", () => {
  const fail = () => Promise.reject(new Error("the owner says no"));
  const expected = /errors in on(Error|Drop)/;

  it("may reject, as they may throw", async () => {
    const lines = await said(async () => {
      const clock = new FakeClock();
      const sink = new ScriptedSink((records) => records.map(() => REJECTED));
      const logger = new JobEventLogger(sink, { clock, onError: fail, onDrop: fail });
      logger.logJobCancelled("a");
      await logger.flush();
      // A rejection that nobody handles would end the program about now.
      await settled();
      await clock.advance(10_000);
      logger.logEvent({} as JobEvent);
      await settled();
    });
    assert.equal(lines.length, 2);
    for (const line of lines) assert.match(line, expected);
  });

  it("may reject for the blocking logger, too", async () => {
    const lines = await said(async () => {
      using storage = openStorageSync("memory:");
      const logger = new JobEventLoggerSync(storage, { onError: fail });
      logger.logEvent({} as JobEvent);
      await settled();
      logger.stopSync();
    });
    assert.equal(lines.length, 1);
    assert.match(lines[0]!, expected);
  });
});
