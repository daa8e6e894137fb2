/** What a worker logs. */

import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { JobEventError } from "../../src/errors.ts";
import { MemoryJobEventStorage } from "../../src/storage/memory.ts";
import type { JobEventSink } from "../../src/storage/storage.ts";
import { Worker } from "../../src/worker/mod.ts";
import { eventually } from "../helpers.ts";
import { eventsOf, OPTIONS, story, WAIT, type WorkerUnderTest } from "./support.ts";

/** Declares the tests. */
export function eventSuite(name: string, { open }: WorkerUnderTest): void {
  describe(`${name}: events`, () => {
    it("tell every step, with durations, memory and CPU time", OPTIONS, async () => {
      const events = new MemoryJobEventStorage();
      await using backend = await open(events);
      await using worker = new Worker(backend, {
        burn: (_args, { report }) => {
          const until = performance.now() + 15;
          while (performance.now() < until);
          report({ details: { rows: 3 } });
        },
      }, { workerId: "worker-a", workerType: "thread" });
      worker.start();
      await backend.run({
        id: "t",
        functionName: "burn",
        queue: "default",
        priority: 5,
        tags: { tenant: "t1" },
        metadata: { trace: 1 },
      }, WAIT);
      await worker.stop();
      const all = await eventsOf(events, "t");
      assert.deepEqual(all.map(({ eventType, workerId }) => `${eventType} ${workerId}`), [
        "enqueued undefined",
        ...["dequeued", "worker_assigned", "started", "completed", "worker_released"]
          .map((type) => `${type} worker-a`),
      ]);
      assert.ok(
        all.every(({ queueName, tags, metadata }) =>
          queueName === "default" && tags?.["tenant"] === "t1" && metadata?.["trace"] === 1
        ),
      );
      const [enqueued, , , started, completed] = all;
      assert.equal(enqueued?.details?.["priority"], 5);
      assert.equal(started?.message, "Job started on thread worker worker-a");
      assert.equal(completed?.details?.["function_name"], "burn");
      assert.equal(completed?.details?.["rows"], 3);
      assert.ok(completed!.durationMs! >= 15);
      assert.ok(completed!.cpuTimeMs! > 0);
      assert.ok(completed!.memoryMb! >= 0);
    });

    it("tell the end of an execution before the next one begins", OPTIONS, async () => {
      const events = new MemoryJobEventStorage();
      await using backend = await open(events);
      const handlers = { fail: () => Promise.reject(new Error("no")) };
      // Each has others that wait for the task when it comes back.
      await using one = new Worker(backend, handlers);
      await using two = new Worker(backend, handlers);
      one.start();
      two.start();
      const task = { id: "t", functionName: "fail", maxRetries: 2, retryDelayMs: 0 };
      await backend.run(task, WAIT);
      await Promise.all([one.stop(), two.stop()]);
      const execution = (
        first: string,
        last: string,
      ) => ["dequeued", "worker_assigned", first, "failed", "worker_released", last];
      assert.deepEqual((await eventsOf(events, "t")).map(({ eventType }) => eventType), [
        "enqueued",
        ...execution("started", "retry_scheduled"),
        ...execution("retry_started", "retry_scheduled"),
        ...execution("retry_started", "max_retries_exceeded"),
      ]);
    });

    it(
      "tell of tasks that are late, expire, or are lost by their last worker",
      OPTIONS,
      async () => {
        const events = new MemoryJobEventStorage();
        await using backend = await open(events, { leaseMs: 200 });
        await backend.enqueue({ id: "lost", functionName: "work", maxRetries: 0 });
        await backend.tasks.dequeue("default", { workerId: "dead" });
        await backend.enqueue({ id: "short", functionName: "work", ttlMs: 1 });
        await eventually(async () => (await backend.tasks.getTask("short"))?.state === "expired");
        await using worker = new Worker(backend, { work: () => 1 });
        worker.start();
        await backend.enqueue({ id: "late", functionName: "work", delayMs: 30 });
        assert.equal((await backend.waitForResult("late", WAIT))?.state, "completed");
        assert.equal((await backend.waitForResult("short", WAIT))?.state, "expired");
        const lost = await backend.waitForResult("lost", WAIT);
        assert.equal(lost?.state, "failed");
        assert.equal(lost?.error?.name, "LeaseLost");
        await worker.stop();
        assert.deepEqual(await story(events, "late"), [
          "scheduled",
          "enqueued",
          "started",
          "completed",
        ]);
        assert.deepEqual(await story(events, "short"), ["enqueued", "ttl_expired"]);
        assert.deepEqual(await story(events, "lost"), ["enqueued", "max_retries_exceeded"]);
      },
    );

    it("stop nothing when their storage is broken", OPTIONS, async () => {
      const events = new MemoryJobEventStorage();
      let appends = 0;
      const broken: JobEventSink = {
        subjects: events.subjects,
        append: () => {
          appends++;
          return Promise.reject(new JobEventError("ERR_UNAVAILABLE", "broken"));
        },
        close: () => Promise.resolve(),
        [Symbol.asyncDispose]: () => Promise.resolve(),
      };
      await using backend = await open(broken);
      await using worker = new Worker(backend, { work: () => 1 });
      worker.start();
      const ids = await backend.enqueueMany(
        Array.from({ length: 50 }, () => ({ functionName: "work" })),
      );
      const results = await Promise.all(ids.map((id) => backend.waitForResult(id, WAIT)));
      assert.ok(results.every((result) => result?.state === "completed"));
      await eventually(() => appends > 0);
    });

    it("are those of a schedule, too", OPTIONS, async () => {
      const events = new MemoryJobEventStorage();
      await using backend = await open(events);
      await using worker = new Worker(backend, { work: () => 1 });
      worker.start();
      await backend.tasks.schedule("often", { everyMs: 50 }, { functionName: "work" });
      await eventually(() => worker.stats().completed >= 2, { timeoutMs: 20_000 });
      await backend.tasks.unschedule("often");
      await worker.stop();
      const triggered = await events.getEventsByType("schedule_triggered");
      assert.ok(triggered.length >= 2);
      assert.equal(triggered[0]?.details?.["schedule_name"], "often");
    });
  });
}
