/** How a worker stops. */

import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { MemoryJobEventStorage } from "../../src/storage/memory.ts";
import { Worker } from "../../src/worker/mod.ts";
import { within } from "../helpers.ts";
import { hangs, OPTIONS, story, WAIT, type WorkerUnderTest } from "./support.ts";

/** Declares the tests. */
export function stopSuite(name: string, { open }: WorkerUnderTest): void {
  describe(`${name}: stop()`, () => {
    it("lets what runs come to its end, and takes nothing more", OPTIONS, async () => {
      await using backend = await open(new MemoryJobEventStorage());
      const started = Promise.withResolvers<void>();
      const end = Promise.withResolvers<void>();
      const worker = new Worker(backend, {
        work: async () => {
          started.resolve();
          await end.promise;
          return 1;
        },
      }, { concurrency: 1 });
      const [first, second] = await backend.enqueueMany([
        { functionName: "work" },
        { functionName: "work" },
      ]);
      worker.start();
      await within(started.promise, 20_000);
      const stopped = worker.stop();
      end.resolve();
      assert.equal((await within(stopped, 20_000)).completed, 1);
      assert.equal(await worker.stop(), await stopped);
      assert.equal((await backend.results.get(first!))?.value, 1);
      assert.equal((await backend.tasks.getTask(second!))?.state, "pending");
      assert.throws(() => worker.start(), { code: "ERR_CLOSED" });
    });

    it("gives back what does not end in time: another worker has it at once", OPTIONS, async () => {
      const events = new MemoryJobEventStorage();
      await using backend = await open(events);
      const started = Promise.withResolvers<void>();
      const reasons: unknown[] = [];
      const first = new Worker(backend, {
        work: (_args, { signal }) => {
          started.resolve();
          return hangs(signal).catch((reason) => {
            reasons.push(reason.code);
            throw reason;
          });
        },
      });
      first.start();
      const id = await backend.enqueue({ id: "t", functionName: "work", maxRetries: 0 });
      await within(started.promise, 20_000);
      assert.equal((await within(first.stop({ graceMs: 0 }), 20_000)).released, 1);
      assert.deepEqual(reasons, ["ERR_CLOSED"]);
      await using second = new Worker(backend, { work: (_args, { task }) => task.attempts });
      second.start();
      assert.equal((await backend.waitForResult(id, WAIT))?.value, 1);
      await second.stop();
      assert.deepEqual(await story(events, "t"), ["enqueued", "started", "started", "completed"]);
      const released = await events.getEvents("t", { eventType: "worker_released" });
      assert.equal(released[0]?.details?.["reason"], "worker stopped");
    });

    it("ends while it waits for tasks, and before it was started", OPTIONS, async () => {
      await using backend = await open(new MemoryJobEventStorage());
      await within(new Worker(backend, {}).stop(), 20_000);
      const worker = new Worker(backend, {});
      worker.start();
      await within(worker.stop(), 20_000);
    });

    it("refuses what cannot be meant", OPTIONS, async () => {
      await using backend = await open(new MemoryJobEventStorage());
      for (
        const options of [{ concurrency: 0 }, { timeoutMs: 0 }, { graceMs: -1 }, { queues: [] }]
      ) {
        assert.throws(() => new Worker(backend, {}, options), RangeError);
      }
      assert.throws(() => new Worker(backend, { a: 1 as never }), /handler of "a" must be/);
    });
  });
}
