import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { decodeJobEvent } from "../../src/gen/decode.ts";
import { JobEvent } from "../../src/gen/factories.ts";
import type { JobEventBoundFields } from "../../src/logger/bound_fields.ts";
import { setUp } from "./set_up.ts";

describe("JobEventLogger.child()", () => {
  it("gives its fields to events that lack them; what an event carries wins", async () => {
    const { logger, sink } = setUp();
    const child = logger.child({ workerId: "bound", queueName: "mail", metadata: { host: "h" } });
    assert.equal(child.logJobStarted("a", "own", "async"), true);
    assert.equal(child.logJobCancelled("b"), true);
    const event = { jobId: "c", eventType: "cancelled", timestamp: 1, workerId: undefined };
    assert.equal(child.logEvent(event as unknown as JobEvent), true);
    await child.flush();
    const [a, b, c] = sink.stored.map(({ payload }) => decodeJobEvent(payload));
    assert.deepEqual([a?.workerId, a?.queueName, a?.metadata], ["own", "mail", { host: "h" }]);
    assert.deepEqual([b?.workerId, c?.workerId], ["bound", "bound"]);
    // The subject is that of the whole event.
    assert.equal(sink.stored[1]?.subject, "naq.jobs.events.b.worker.bound.cancelled");
  });

  it("merges tags, also over several generations, and changes no event of the caller", async () => {
    const { logger, sink } = setUp();
    const grandchild = logger.child({ workerId: "w", tags: { a: "1", b: "1", c: "1" } })
      .child({ queueName: "q", tags: { b: "2", c: "2" } });
    const event = JobEvent.create({
      jobId: "j",
      eventType: "cancelled",
      timestamp: 1,
      tags: { c: "3" },
    });
    const before = structuredClone(event);
    grandchild.logEvent(event);
    grandchild.logJobCancelled("k");
    await logger.flush();
    const [j, k] = sink.stored.map(({ payload }) => decodeJobEvent(payload));
    assert.deepEqual(event, before);
    assert.deepEqual(j, {
      ...event,
      workerId: "w",
      queueName: "q",
      tags: { a: "1", b: "2", c: "3" },
    });
    assert.deepEqual(k?.tags, { a: "1", b: "2", c: "2" });
  });

  it("shares buffer, statistics and end with its parent", async () => {
    const { logger, sink, drops } = setUp({ maxBufferSize: 2 });
    const child = logger.child({ workerId: "w" });
    child.logJobCancelled("a");
    logger.logJobCancelled("b");
    child.logJobCancelled("c");
    assert.deepEqual(drops, [{ jobId: "a", reason: "overflow" }]);
    assert.deepEqual(child.stats(), logger.stats());
    assert.equal((await child.stop()).stored, 2);
    assert.equal(logger.logJobCancelled("d"), false);
    assert.equal(child.logJobCancelled("e"), false);
    assert.deepEqual(sink.storedJobs(), ["b", "c"]);
  });

  it("never throws from a log method, and reports to the parent", () => {
    const { logger, errors } = setUp();
    const child = logger.child({ tags: { a: "1" } });
    const thrower = {
      get jobId() {
        throw new Error("a getter");
      },
    };
    for (const event of [null, undefined, 7, { tags: "no" }, thrower]) {
      assert.equal(child.logEvent(event as unknown as JobEvent), false);
    }
    assert.equal(child.logJobStarted(7 as unknown as string, "w", "async"), false);
    assert.equal(logger.stats().refused, 6);
    assert.equal(errors.length, 6);
  });

  it("takes its fields as they are, and refuses those that no event can have", async () => {
    const { logger, sink } = setUp();
    const tags = { a: "1" };
    const child = logger.child({ tags });
    tags.a = "2";
    child.logJobCancelled("j");
    await logger.flush();
    assert.deepEqual(decodeJobEvent(sink.stored[0]!.payload).tags, { a: "1" });
    const wrong: unknown[] = [
      { workerId: 7 },
      { queueName: "" },
      { tags: { a: 1 } },
      { worker: "w" },
      { metadata: { a: () => {} } },
    ];
    for (const bound of wrong) {
      assert.throws(() => logger.child(bound as JobEventBoundFields), TypeError);
    }
  });
});
