import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { JobEvent } from "../../src/gen/factories.ts";
import { JOB_EVENT_TYPES, type JobEventExtras, JobEventType } from "../../src/gen/types.ts";
import { ALL_TYPES } from "./samples.ts";

/** A call from outside of the type system. */
function call(name: string, ...args: unknown[]): JobEvent {
  const factories = JobEvent as unknown as Record<string, (...args: unknown[]) => JobEvent>;
  return factories[name]!(...args);
}

/** The required arguments of each factory after the job id: name, a good value, a wrong one. */
const ARGUMENTS: Readonly<Record<string, readonly (readonly [string, unknown, unknown])[]>> = {
  enqueued: [["queueName", "q", 5]],
  dequeued: [["queueName", "q", {}], ["workerId", "w", 5]],
  started: [["workerId", "w", ""], ["workerType", "async", 5]],
  completed: [["workerId", "w", null], ["durationMs", 5, "5"]],
  failed: [["workerId", "w", 5], ["error", new Error("e"), null], ["durationMs", 5, NaN]],
  cancelled: [],
  timeout: [["workerId", "w", 5], ["durationMs", 5, Infinity]],
  retryScheduled: [["retryCount", 1, "1"], ["delayMs", 5, 5n]],
  retryStarted: [["workerId", "w", 5], ["retryCount", 1, null]],
  maxRetriesExceeded: [["retryCount", 3, "3"]],
  dependencySatisfied: [["dependencyId", "d", 5]],
  dependencyFailed: [["dependencyId", "d", 5]],
  waitingForDependencies: [["dependencyIds", ["a"], [1]]],
  scheduled: [["scheduledFor", 5, new Date(0)]],
  scheduleTriggered: [["scheduleName", "s", 5]],
  schedulePaused: [["scheduleName", "s", 5]],
  scheduleResumed: [["scheduleName", "s", 5]],
  scheduleDeactivated: [["scheduleName", "s", 5]],
  workerAssigned: [["workerId", "w", 5]],
  workerReleased: [["workerId", "w", 5]],
  queuePriorityChanged: [["queueName", "q", 5], ["oldPriority", 1, "1"], ["newPriority", 2, "2"]],
  queueMoved: [["fromQueue", "p", 5], ["queueName", "q", 5]],
  ttlExpired: [["ttlMs", 5, "5"]],
  ttlExtended: [["extensionMs", 5, "5"]],
};

const EXTRAS: JobEventExtras = { timestamp: 5 };

describe("JobEvent factories", () => {
  it("there is one for each of the 24 types, beside create", () => {
    const camel = JOB_EVENT_TYPES.map((type) =>
      type.replace(/_(.)/g, (_, letter: string) => letter.toUpperCase())
    );
    assert.equal(camel.length, 24);
    assert.deepEqual(Object.keys(JobEvent), ["create", ...camel]);
    assert.deepEqual(Object.keys(ARGUMENTS), camel);
    assert.deepEqual(Object.values(JobEventType), JOB_EVENT_TYPES);
    assert.equal(JobEventType.RetryScheduled, "retry_scheduled");
  });

  it("give these messages", () => {
    assert.deepEqual(ALL_TYPES.map((event) => event.message), [
      "Job enqueued to 'mail' with priority 5",
      "Job dequeued from 'mail' by worker w-1",
      "Job started on async worker w-1",
      "Job completed successfully in 12.35ms",
      "Job failed after 12.35ms (retry 2)",
      "Job cancelled",
      "Job timed out after 5000.00ms",
      "Retry 1 scheduled in 250.00ms",
      "Retry 1 started on worker w-1",
      "Job failed for good after 3 retries",
      "Dependency job-0 satisfied",
      "Dependency job-0 failed",
      "Job waiting for 2 dependencies",
      "Job scheduled for 2023-11-14T23:13:20.000Z",
      "Schedule 'nightly' triggered",
      "Schedule 'nightly' paused",
      "Schedule 'nightly' resumed",
      "Schedule 'nightly' deactivated",
      "Job assigned to worker w-1",
      "Job released by worker w-1",
      "Priority in 'mail' changed from 1 to 9",
      "Job moved from 'mail' to 'bulk'",
      "Job expired after 60000.00ms",
      "Job time to live extended by 1500.50ms",
    ]);
    assert.equal(JobEvent.enqueued("j", "q").message, "Job enqueued to 'q' with priority 0");
    assert.equal(
      JobEvent.failed("j", "w", "e", 12.345).message,
      "Job failed after 12.35ms (retry 0)",
    );
  });

  it("give these details, with keys in snake_case", () => {
    assert.deepEqual(ALL_TYPES.map((event) => event.details), [
      { priority: 5 },
      undefined,
      undefined,
      undefined,
      { retry_count: 2 },
      { reason: "no longer needed" },
      { timeout_ms: 4000 },
      { retry_count: 1, delay_ms: 250 },
      { retry_count: 1 },
      { retry_count: 3 },
      { dependency_id: "job-0" },
      { dependency_id: "job-0" },
      { dependency_ids: ["job-0", "job-2"] },
      { scheduled_for: 1_700_003_600, schedule_name: "nightly" },
      { schedule_name: "nightly" },
      { schedule_name: "nightly", reason: "holiday" },
      { schedule_name: "nightly" },
      { schedule_name: "nightly" },
      undefined,
      undefined,
      { old_priority: 1, new_priority: 9 },
      { from_queue: "mail" },
      { ttl_ms: 60_000 },
      { extension_ms: 1500.5 },
    ]);
  });

  it("set exactly the fields of their arguments; what is not set is absent", () => {
    assert.deepEqual(JobEvent.completed("j", "w", 5, EXTRAS), {
      jobId: "j",
      eventType: "completed",
      timestamp: 5,
      workerId: "w",
      durationMs: 5,
      message: "Job completed successfully in 5.00ms",
    });
    assert.deepEqual(JobEvent.cancelled("j", EXTRAS), {
      jobId: "j",
      eventType: "cancelled",
      timestamp: 5,
      message: "Job cancelled",
    });
    assert.ok(!("details" in JobEvent.cancelled("j", { reason: undefined } as never)));
    assert.ok(
      !("tags" in call("cancelled", "j", { tags: null, workerId: null, metadata: undefined })),
    );
  });

  it("fill the timestamp with the time now, in seconds", () => {
    for (
      const event of [
        JobEvent.cancelled("j"),
        JobEvent.create({ jobId: "j", eventType: "started" }),
      ]
    ) {
      assert.ok(Math.abs(event.timestamp - Date.now() / 1000) < 5, String(event.timestamp));
    }
  });

  it("take the other fields as extras", () => {
    const extras: JobEventExtras = {
      timestamp: 5,
      workerId: "w2",
      workerType: "thread",
      queueName: "q",
      errorType: "E",
      errorMessage: "e",
      durationMs: 9,
      memoryMb: 1,
      cpuTimeMs: 2,
      tags: { a: "b" },
      metadata: { c: 1 },
    };
    assert.deepEqual(JobEvent.cancelled("j", extras), {
      ...extras,
      jobId: "j",
      eventType: "cancelled",
      message: "Job cancelled",
    });
    const completed = JobEvent.completed("j", "w", 5, extras);
    assert.equal(completed.workerId, "w", "a positional argument wins");
    assert.equal(completed.durationMs, 5);
    assert.equal(completed.queueName, "q");
  });

  it("merge the caller's details over the generated ones, and take the caller's message", () => {
    const event = JobEvent.retryScheduled("j", 1, 250, {
      message: "Later",
      details: { delay_ms: 9, why: "because" },
    });
    assert.equal(event.message, "Later");
    assert.deepEqual(event.details, { retry_count: 1, delay_ms: 9, why: "because" });
    assert.equal(JobEvent.cancelled("j", { message: "" }).message, "");
    const reason = JobEvent.cancelled("j", { reason: "a", details: { reason: "b", more: 1 } });
    assert.deepEqual(reason.details, { reason: "b", more: 1 });
    const details = { priority: 3 };
    JobEvent.enqueued("j", "q", { details });
    assert.deepEqual(details, { priority: 3 }, "the caller's object is as before");
  });

  it("take an error of any kind", () => {
    const nothing = "An error without a message";
    const throws = {
      get: () => {
        throw new Error("a getter throws");
      },
    };
    const hostile = Object.defineProperties({}, {
      name: throws,
      message: throws,
      constructor: throws,
      toString: throws,
    });
    const kinds: readonly [unknown, string, string][] = [
      [new TypeError("no"), "TypeError", "no"],
      [new DOMException("gone", "AbortError"), "AbortError", "gone"],
      [Object.assign(new Error("x"), { name: "" }), "Error", "x"],
      ["just text", "string", "just text"],
      ["", "string", ""],
      [undefined, "undefined", "undefined"],
      [null, "object", "null"],
      [5, "number", "5"],
      [5n, "bigint", "5"],
      [Symbol("s"), "symbol", "Symbol(s)"],
      [{ message: "plain" }, "Object", "plain"],
      [{ name: "Odd", message: 5 }, "Odd", "[object Object]"],
      [{ constructor: { name: 5 }, message: "m" }, "Object", "m"],
      [Object.create(null), "Object", nothing],
      [hostile, "Object", nothing],
      [Object.defineProperty(new RangeError("m"), "message", throws), "RangeError", nothing],
      [new (class Own extends Error {})("mine"), "Error", "mine"],
      [Boolean, "function", String(Boolean)],
    ];
    for (const [error, errorType, errorMessage] of kinds) {
      const event = JobEvent.failed("j", "w", error, 1);
      assert.deepEqual([event.errorType, event.errorMessage], [errorType, errorMessage]);
    }
  });

  for (const [name, parameters] of Object.entries(ARGUMENTS)) {
    it(`${name}() refuses a missing or wrong argument with its name`, () => {
      const good = parameters.map(([, value]) => value);
      assert.doesNotThrow(() => call(name, "j", ...good));
      for (const jobId of ["", undefined, null, 5]) {
        assert.throws(() => call(name, jobId, ...good), { name: "TypeError", message: /jobId/ });
      }
      parameters.forEach(([parameter, , wrong], index) => {
        if (parameter === "error") return;
        for (const value of [undefined, null, wrong]) {
          const args = good.with(index, value);
          assert.throws(() => call(name, "j", ...args), {
            name: "TypeError",
            message: new RegExp(`^Invalid job event: ${parameter} must be `),
          }, `${parameter} ${String(value)}`);
        }
      });
    });
  }

  it("refuse wrong options with their names", () => {
    const wrong: readonly [string, unknown[], RegExp][] = [
      ["enqueued", ["j", "q", { priority: "high" }], /priority must be a finite number/],
      ["cancelled", ["j", { reason: 5 }], /reason must be a string/],
      ["timeout", ["j", "w", 1, { timeoutMs: "1" }], /timeoutMs must be a finite number/],
      ["scheduled", ["j", 1, { scheduleName: 5 }], /scheduleName must be a string/],
      ["cancelled", ["j", { timestamp: 1_700_000_000_000 }], /timestamp .*milliseconds/],
      ["cancelled", ["j", { timestamp: new Date() }], /timestamp must be a finite number/],
      ["cancelled", ["j", { tags: { a: 1 } }], /tags\.a must be a string/],
      ["cancelled", ["j", { details: "text" }], /details must be an object/],
      ["enqueued", ["j", "q", { details: "text" }], /details must be an object/],
      ["enqueued", ["j", "q", { details: [1] }], /details cannot be encoded/],
      ["enqueued", ["j", "q", { details: new Map() }], /details cannot be encoded/],
      ["cancelled", ["j", { metadata: { a: () => 1 } }], /metadata\.a cannot be encoded/],
      ["cancelled", ["j", { message: 5 }], /message must be a string/],
      ["cancelled", ["j", { workerId: "" }], /workerId must be a string that is not empty/],
      ["cancelled", ["j", { queueName: "x".repeat(256) }], /queueName .*longer than 255 bytes/],
    ];
    for (const [name, args, message] of wrong) {
      assert.throws(() => call(name, ...args), { name: "TypeError", message });
    }
  });
});

describe("JobEvent.create()", () => {
  it("takes every field of an event, those that a storage adds included", () => {
    const stored = { natsSubject: "a.b", natsSequence: 5, eventId: "x" };
    const init = {
      jobId: "j",
      eventType: "started",
      timestamp: 5,
      message: "m",
      memoryMb: 1,
    } as const;
    assert.deepEqual(JobEvent.create({ ...init, ...stored }), init);
  });

  it("refuses unknown keys by name", () => {
    for (const key of ["job_id", "worker", "", "constructor"]) {
      assert.throws(() => call("create", { jobId: "j", eventType: "started", [key]: 1 }), {
        name: "TypeError",
        message: `Invalid job event: ${key} is not a known field`,
      });
    }
  });

  it("refuses what is no object, unknown types, and timestamps in milliseconds", () => {
    for (const init of [undefined, null, 5, "x", []]) {
      assert.throws(() => call("create", init), {
        name: "TypeError",
        message: /^Invalid job event: /,
      });
    }
    assert.throws(() => call("create", { jobId: "j", eventType: "begun" }), /eventType .*"begun"/);
    assert.throws(
      () => call("create", { jobId: "j", eventType: "started", timestamp: Date.now() }),
      {
        message:
          /timestamp must be at most 100000000000 \(s since the Unix epoch\); .*milliseconds/,
      },
    );
  });

  it("treats null as unset", () => {
    const nulls = { timestamp: null, workerId: null, details: null, tags: null, message: null };
    const event = call("create", { jobId: "j", eventType: "started", ...nulls });
    assert.deepEqual(Object.keys(event), ["jobId", "eventType", "timestamp"]);
    assert.equal(typeof event.timestamp, "number");
  });

  it("refuses ids that cannot be a token, by the field's name", () => {
    for (const key of ["jobId", "workerId", "queueName"]) {
      for (
        const [value, reason] of [["\ud800", /lone surrogate/], ["é".repeat(50), /255/]] as const
      ) {
        assert.throws(
          () => call("create", { jobId: "j", eventType: "started", [key]: value }),
          (error: Error) => {
            assert.equal(error.name, "TypeError");
            assert.match(error.message, new RegExp(`^Invalid job event: ${key} is `));
            assert.match(error.message, reason);
            return true;
          },
        );
      }
    }
  });

  it("shortens a long value in its error", () => {
    assert.throws(
      () => call("create", { jobId: "j", eventType: "x".repeat(10_000) }),
      (error: Error) => {
        assert.ok(error.message.length < 700, `${error.message.length} characters`);
        return true;
      },
    );
  });
});
