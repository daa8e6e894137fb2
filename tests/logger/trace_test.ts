import assert from "node:assert/strict";
import { join } from "node:path";
import { describe, it } from "node:test";
import { decodeJobEvent } from "../../src/gen/decode.ts";
import { JobEventLogger } from "../../src/logger/logger.ts";
import { MemoryJobEventStorage } from "../../src/storage/memory.ts";
import { temporaryDirectory } from "../helpers.ts";
import { allRetry, ScriptedSink } from "./scripted_sink.ts";
import { setUp } from "./set_up.ts";

const OWN = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";
const CURRENT = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-00";

const traces = (sink: ScriptedSink) => sink.stored.map(({ traceparent }) => traceparent);

describe("JobEventLogger: trace context", () => {
  it("comes from the event's metadata, else from the option; goes beside the event", async () => {
    const { logger, sink } = setUp({ traceparent: () => CURRENT });
    logger.logJobCancelled("a", { metadata: { traceparent: OWN, more: 1 } });
    logger.logJobCancelled("b");
    logger.child({ metadata: { traceparent: OWN } }).logJobCancelled("c");
    await logger.flush();
    assert.deepEqual(traces(sink), [OWN, CURRENT, OWN]);
    const { metadata } = decodeJobEvent(sink.stored[0]!.payload);
    assert.deepEqual(metadata, { traceparent: OWN, more: 1 });
  });

  it("is not there for an event without one", async () => {
    const { logger, sink, log } = setUp({ traceparent: () => undefined });
    log("a");
    await logger.flush();
    assert.equal("traceparent" in sink.stored[0]!, false);
  });

  it("is reported and left out when it is not valid; the event stays", async () => {
    let current: () => string | undefined = () => "00-nonsense";
    const { logger, sink, log, errors } = setUp({ traceparent: () => current() });
    log("a");
    logger.logJobCancelled("b", { metadata: { traceparent: 7 } });
    current = () => {
      throw new Error("no context");
    };
    log("c");
    await logger.flush();
    assert.deepEqual(sink.storedJobs(), ["a", "b", "c"]);
    assert.deepEqual(traces(sink), [undefined, undefined, undefined]);
    assert.deepEqual(errors.map(({ code }) => code), Array(3).fill("ERR_INVALID_EVENT"));
    assert.match(errors[0]!.message, /"00-nonsense" is no traceparent/);
    assert.match(errors[2]!.message, /no context/);
    assert.equal(logger.stats().refused, 0);
  });

  it("stays with its event when it is sent again, dropped or under way at the end", async () => {
    let down = true;
    const sink: ScriptedSink = new ScriptedSink((records) =>
      down ? allRetry(records) : sink.store(records)
    );
    let number = 0;
    const options = { maxBufferSize: 3, traceparent: () => CURRENT.slice(0, -1) + number++ % 10 };
    const { logger, log, dropped, clock } = setUp(options, sink);
    log("a", "b", "c", "d");
    assert.equal(dropped[0]?.traceparent, CURRENT);
    const first = logger.flush({ timeoutMs: 1000 });
    await clock.advance(1000);
    assert.equal((await first).pending, 3);
    down = false;
    const second = logger.flush();
    await clock.advance(10_000);
    await second;
    assert.deepEqual(traces(sink), [1, 2, 3].map((last) => CURRENT.slice(0, -1) + last));
    await logger.stop();
  });

  it("may come from a function that logs itself", async () => {
    let isInside = false;
    const { logger, sink, log } = setUp({
      traceparent: () => {
        if (!isInside) {
          isInside = true;
          log("inner");
          isInside = false;
        }
        return CURRENT;
      },
    });
    log("outer");
    await logger.flush();
    assert.deepEqual(sink.storedJobs(), ["inner", "outer"]);
  });

  it("survives in a spool, and comes back from the storage", async () => {
    await using directory = await temporaryDirectory();
    const spool = join(directory.path, "spool");
    const first = setUp({ spool, traceparent: () => CURRENT }, new ScriptedSink(allRetry));
    first.log("a");
    const stopped = first.logger.stop({ timeoutMs: 0 });
    await first.clock.advance(0);
    await stopped;
    await using storage = new MemoryJobEventStorage();
    const second = new JobEventLogger(storage, { spool });
    second.logJobCancelled("b");
    await second.stop();
    const [a, b] = await storage.listEvents();
    assert.equal(a?.traceparent, CURRENT);
    assert.equal("traceparent" in b!, false);
  });
});
