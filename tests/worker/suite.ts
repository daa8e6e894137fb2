/** The one suite of the worker, on every backend. */

import assert from "node:assert/strict";
import { describe, it } from "node:test";
import type { JobEventError } from "../../src/errors.ts";
import type { JobEventLoggerOptions } from "../../src/logger/options.ts";
import { MemoryJobEventStorage } from "../../src/storage/memory.ts";
import { Worker } from "../../src/worker/mod.ts";
import { eventually, within } from "../helpers.ts";
import { eventSuite } from "./suite_events.ts";
import { stopSuite } from "./suite_stop.ts";
import { eventsOf, hangs, OPTIONS, story, WAIT, type WorkerUnderTest } from "./support.ts";

/** The options of the logger: one case's sink is broken. */
export const LOGGER: JobEventLoggerOptions = {
  flushIntervalMs: 10,
  stopTimeoutMs: 100,
  onError: () => {},
  onDrop: () => {},
};

/** Declares the tests. */
export function workerSuite(name: string, { open }: WorkerUnderTest): void {
  outcomeSuite(name, { open });
  retrySuite(name, { open });
  stopSuite(name, { open });
  eventSuite(name, { open });
}

function outcomeSuite(name: string, { open }: WorkerUnderTest): void {
  describe(`${name}: results`, () => {
    it("calls the handler of the function and stores what it returns", OPTIONS, async () => {
      const events = new MemoryJobEventStorage();
      await using backend = await open(events);
      await using worker = new Worker(backend, {
        add: (args) => (args as number[]).reduce((sum, each) => sum + each),
        nothing: () => undefined,
        who: (_args, { task, workerId }) => ({ id: task.id, workerId, attempts: task.attempts }),
      }, { workerId: "worker-a" });
      worker.start();
      const sum = await backend.run({ functionName: "add", args: [1, 2, 3] }, WAIT);
      assert.equal(sum?.state, "completed");
      assert.equal(sum?.value, 6);
      assert.equal(sum?.functionName, "add");
      assert.equal(sum?.workerId, "worker-a");
      assert.equal(sum?.queue, "default");
      assert.ok(sum!.durationMs! >= 0 && sum!.finishedAt! >= sum!.startedAt!);
      const nothing = await backend.run({ functionName: "nothing" }, WAIT);
      assert.equal(nothing?.state, "completed");
      assert.equal("value" in nothing!, false);
      const who = await backend.run({ id: "mine", functionName: "who" }, WAIT);
      assert.deepEqual(who?.value, { id: "mine", workerId: "worker-a", attempts: 1 });
      assert.equal(
        (await eventually(async () => {
          const task = await backend.tasks.getTask("mine");
          return task?.state === "completed" && task;
        })).workerId,
        "worker-a",
      );
    });

    it("runs as many as it may at the same time, from all its queues", OPTIONS, async () => {
      await using backend = await open(new MemoryJobEventStorage());
      let running = 0;
      let most = 0;
      const enough = Promise.withResolvers<void>();
      await using worker = new Worker(backend, {
        work: async () => {
          most = Math.max(most, ++running);
          if (running === 4) enough.resolve();
          await enough.promise;
          running--;
        },
      }, { concurrency: 4, queues: ["a", "b"] });
      const ids = await backend.enqueueMany(
        Array.from({ length: 20 }, (_, n) => ({ functionName: "work", queue: n % 2 ? "a" : "b" })),
      );
      worker.start();
      worker.start();
      await Promise.all(ids.map((id) => backend.waitForResult(id, WAIT)));
      assert.equal(most, 4);
      await eventually(() => worker.stats().completed === 20);
      assert.equal(worker.stats().running, 0);
    });

    it("fails a task whose function nobody knows, at once and clearly", OPTIONS, async () => {
      const events = new MemoryJobEventStorage();
      await using backend = await open(events);
      await using worker = new Worker(backend, { known: () => 1 });
      worker.start();
      for (const functionName of ["unknown", "toString"]) {
        const result = await backend.run({ id: functionName, functionName }, WAIT);
        assert.equal(result?.state, "failed");
        assert.equal(result?.error?.code, "ERR_NOT_FOUND");
        assert.match(
          result!.error!.message,
          new RegExp(`no handler for function "${functionName}", only: "known"`),
        );
      }
      await worker.stop();
      assert.deepEqual(await story(events, "unknown"), [
        "enqueued",
        "failed",
        "max_retries_exceeded",
      ]);
    });

    it("fails a task whose value cannot be stored, with the reason", OPTIONS, async () => {
      await using backend = await open(new MemoryJobEventStorage());
      await using worker = new Worker(backend, {
        odd: () => ({ a: [() => 1] }),
        large: () => "x".repeat(2 ** 21),
        loud: () => Promise.reject(new Error("x".repeat(2 ** 21))),
        heavy: () => "x".repeat(400_000),
      });
      worker.start();
      const odd = await backend.run({ functionName: "odd" }, WAIT);
      assert.match(odd!.error!.message, /result\.value\.a\[0\] cannot be encoded/);
      const large = await backend.run({ functionName: "large" }, WAIT);
      assert.equal(large?.error?.code, "ERR_EVENT_TOO_LARGE");
      assert.equal(large?.attempts, 1);
      const loud = await backend.run({ functionName: "loud", maxRetries: 0 }, WAIT);
      assert.equal(loud?.error?.message.length, 16 * 1024);
      // The task's metadata is part of its result.
      const metadata = { text: "x".repeat(700_000) };
      const heavy = await backend.run({ functionName: "heavy", metadata, maxRetries: 0 }, WAIT);
      assert.equal(heavy?.error?.code, "ERR_EVENT_TOO_LARGE");
    });
  });
}

function retrySuite(name: string, { open }: WorkerUnderTest): void {
  describe(`${name}: failures`, () => {
    it("repeats up to maxRetries times, then fails with the last error", OPTIONS, async () => {
      const events = new MemoryJobEventStorage();
      await using backend = await open(events);
      await using worker = new Worker(backend, {
        fail: (_args, { task }) => {
          throw Object.assign(new TypeError(`no ${task.attempts}`), { code: "E_NO" });
        },
      });
      worker.start();
      const task = { id: "t", functionName: "fail", maxRetries: 2, retryDelayMs: 10 };
      const result = await backend.run(task, WAIT);
      assert.equal(result?.state, "failed");
      assert.equal(result?.attempts, 3);
      const { stack, ...error } = result!.error!;
      assert.deepEqual(error, { name: "TypeError", message: "no 3", code: "E_NO" });
      assert.match(stack!, /suite\.ts/);
      await worker.stop();
      assert.deepEqual(await story(events, "t"), [
        "enqueued",
        ...["started", "failed", "retry_scheduled"],
        ...["retry_started", "failed", "retry_scheduled"],
        ...["retry_started", "failed", "max_retries_exceeded"],
      ]);
      const all = await eventsOf(events, "t");
      const delays = all.flatMap(({ details }) => details?.["delay_ms"] ?? []);
      assert.deepEqual(delays, [10, 20]);
      assert.deepEqual(worker.stats(), {
        running: 0,
        completed: 0,
        failed: 3,
        retried: 2,
        released: 0,
        lost: 0,
      });
    });

    it("asks retry() whether and when", OPTIONS, async () => {
      const events = new MemoryJobEventStorage();
      await using backend = await open(events);
      await using worker = new Worker(backend, {
        fail: () => Promise.reject(new RangeError("no")),
      }, {
        retry: (error, { attempts }) => {
          assert((error as Error).name === "RangeError");
          if (attempts === 3) throw new Error("a mistake of the owner");
          return attempts === 1
            ? { delayMs: 5 }
            : attempts === 2
            ? { delayMs: 6 }
            : { retry: false };
        },
      });
      worker.start();
      const result = await backend.run({
        id: "t",
        functionName: "fail",
        maxRetries: 9,
        retryDelayMs: 1,
      }, WAIT);
      assert.equal(result?.attempts, 4);
      await worker.stop();
      const [retry] = await events.getEvents("t", { eventType: "retry_scheduled" });
      assert.equal(retry?.details?.["delay_ms"], 5);
    });

    it("ends what takes too long, and tells it by the signal", OPTIONS, async () => {
      const events = new MemoryJobEventStorage();
      await using backend = await open(events);
      const reasons: unknown[] = [];
      await using worker = new Worker(backend, {
        slow: (_args, { signal }) => {
          signal.addEventListener("abort", () => reasons.push(signal.reason));
          return hangs(signal);
        },
        deaf: () => new Promise(() => {}),
      }, { timeoutMs: 40 });
      worker.start();
      // By the time of the retry the first end is logged, also on a machine that is busy.
      const slow = await backend.run(
        { id: "t", functionName: "slow", timeoutMs: 20, maxRetries: 1, retryDelayMs: 100 },
        WAIT,
      );
      assert.equal(slow?.state, "failed");
      assert.equal(slow?.error?.code, "ERR_TIMEOUT");
      assert.match(slow!.error!.message, /longer than its timeoutMs, 20 ms/);
      assert.equal((reasons[0] as JobEventError).code, "ERR_TIMEOUT");
      const deaf = await backend.run({ functionName: "deaf", maxRetries: 0 }, WAIT);
      assert.match(deaf!.error!.message, /timeoutMs, 40 ms/);
      await worker.stop();
      assert.deepEqual(await story(events, "t"), [
        "enqueued",
        ...["started", "timeout", "retry_scheduled"],
        ...["retry_started", "timeout", "max_retries_exceeded"],
      ]);
      const [timeout] = await events.getEventsByType("timeout");
      assert.equal(timeout?.details?.["timeout_ms"], 20);
    });

    it("keeps the claim of a task that takes longer than its lease", OPTIONS, async () => {
      await using backend = await open(new MemoryJobEventStorage(), { leaseMs: 300 });
      let calls = 0;
      const end = Promise.withResolvers<number>();
      const handlers = { long: () => (calls++, end.promise) };
      await using one = new Worker(backend, handlers, { concurrency: 1 });
      await using two = new Worker(backend, handlers, { concurrency: 1 });
      one.start();
      two.start();
      const id = await backend.enqueue({ functionName: "long" });
      assert.equal(await backend.waitForResult(id, { timeoutMs: 1000 }), null);
      end.resolve(7);
      assert.equal((await backend.waitForResult(id, WAIT))?.value, 7);
      assert.equal(calls, 1);
    });

    it("aborts a task that was cancelled, and stores no result of it", OPTIONS, async () => {
      const events = new MemoryJobEventStorage();
      await using backend = await open(events, { leaseMs: 300 });
      const started = Promise.withResolvers<void>();
      const aborted = Promise.withResolvers<JobEventError>();
      await using worker = new Worker(backend, {
        long: async (_args, { signal }) => {
          started.resolve();
          await hangs(signal).catch((reason) => aborted.resolve(reason));
          return "late";
        },
      });
      worker.start();
      const id = await backend.enqueue({ id: "t", functionName: "long" });
      await within(started.promise, 20_000);
      assert.equal(await backend.cancel(id, { reason: "not wanted" }), true);
      assert.equal(await backend.cancel(id), false);
      assert.equal((await within(aborted.promise, 20_000)).code, "ERR_LEASE_LOST");
      await eventually(() => worker.stats().lost === 1);
      assert.equal((await backend.waitForResult(id, WAIT))?.state, "cancelled");
      await worker.stop();
      assert.deepEqual(await story(events, "t"), ["enqueued", "started", "cancelled"]);
      const [cancelled] = await events.getEventsByType("cancelled");
      assert.equal(cancelled?.details?.["reason"], "not wanted");
    });
  });
}
