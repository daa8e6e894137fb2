import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { claim, OPTIONS, type QueueUnderTest, task } from "./suite.ts";

/** Enqueueing, and what a task keeps. */
export function enqueueSuite(name: string, { open }: QueueUnderTest): void {
  describe(`${name}: enqueue`, OPTIONS, () => {
    it("enqueue() keeps every field, as it was then", OPTIONS, async () => {
      await using queue = await open();
      const args = { to: "a@example.org", list: [1, 2.5, null, true], at: new Date(86_400_000) };
      const runAt = new Date(Date.now() - 1000);
      const input = {
        id: "räksmörgås.*>",
        functionName: "mail.send",
        args,
        queue: "mail",
        priority: -7,
        runAt,
        ttlMs: 60_000,
        maxRetries: 5,
        retryDelayMs: 10,
        retryStrategy: "linear",
        maxRetryDelayMs: 1000,
        timeoutMs: 4000,
        tags: { tenant: "t1" },
        metadata: { bytes: new Uint8Array([1, 2]), big: 2n ** 60n },
      } as const;
      const before = Date.now();
      assert.equal(await queue.enqueue(input), input.id);
      args.list.push(7);
      const kept = await queue.getTask(input.id);
      assert(kept !== null);
      const { createdAt, expiresAt, ...rest } = kept;
      assert.ok(createdAt.getTime() >= before && createdAt.getTime() <= Date.now());
      assert.equal(expiresAt?.getTime(), runAt.getTime() + 60_000);
      args.list.pop();
      assert.deepEqual(rest, { ...input, state: "pending", attempts: 0 });
      const claimed = await claim(queue, "mail");
      assert.deepEqual(claimed.args, args);
      assert.deepEqual(claimed.metadata, input.metadata);
    });

    it("enqueue() fills what is not given", OPTIONS, async () => {
      await using queue = await open();
      const id = await queue.enqueue({ functionName: "f" });
      const other = await queue.enqueue({ functionName: "f", args: null });
      assert.notEqual(id, other);
      const kept = await queue.getTask(id);
      assert(kept !== null);
      const { createdAt, runAt, ...rest } = kept;
      assert.deepEqual(runAt, createdAt);
      assert.deepEqual(rest, {
        id,
        functionName: "f",
        queue: "default",
        priority: 0,
        state: "pending",
        attempts: 0,
        maxRetries: 3,
        retryDelayMs: 1000,
        retryStrategy: "exponential",
        maxRetryDelayMs: 3_600_000,
      });
      assert.equal((await queue.getTask(other))?.args, null);
      assert.equal(await queue.getTask("nobody"), null);
    });

    it("enqueue() of an id that is there changes nothing, in any state", OPTIONS, async () => {
      await using queue = await open();
      await queue.enqueue(task("a", { args: 1 }));
      assert.equal(await queue.enqueue(task("a", { args: 2 })), "a");
      assert.equal(await queue.enqueue(task("a", { queue: "other", priority: 9 })), "a");
      assert.deepEqual(await queue.queueInfo("q"), { pending: 1, running: 0, delayed: 0 });
      assert.deepEqual(await queue.queueInfo("other"), { pending: 0, running: 0, delayed: 0 });
      const claimed = await claim(queue);
      assert.equal(claimed.args, 1);
      await queue.enqueue(task("a"));
      assert.equal(await queue.dequeue("q", { timeoutMs: 0 }), null);
      await queue.complete(claimed);
      await queue.enqueue(task("a"));
      assert.equal(await queue.dequeue("q", { timeoutMs: 0 }), null);
      assert.equal((await queue.getTask("a"))?.state, "completed");
      assert.deepEqual(await queue.queueInfo("q"), { pending: 0, running: 0, delayed: 0 });
    });

    it("enqueue() many times at once keeps one", OPTIONS, async () => {
      await using queue = await open();
      await Promise.all(Array.from({ length: 20 }, () => queue.enqueue(task("same"))));
      assert.deepEqual(await queue.queueInfo("q"), { pending: 1, running: 0, delayed: 0 });
      assert.equal(await queue.countTasks(), 1);
    });

    it("enqueueMany() keeps the order, and doubles nothing", OPTIONS, async () => {
      await using queue = await open();
      const ids = Array.from({ length: 500 }, (_, at) => `t-${at}`);
      const tasks = ids.map((id) => task(id));
      assert.deepEqual(await queue.enqueueMany(tasks), ids);
      assert.deepEqual(await queue.enqueueMany(tasks.slice(0, 50)), ids.slice(0, 50));
      assert.deepEqual(await queue.enqueueMany([]), []);
      assert.equal(await queue.countTasks({ queue: "q" }), 500);
      for (const id of ids.slice(0, 20)) assert.equal((await claim(queue)).id, id);
    });

    it("refuses what is no task, and enqueues nothing of its list", OPTIONS, async () => {
      await using queue = await open();
      const wrong: [object, new () => Error][] = [
        [{}, TypeError],
        [{ functionName: "" }, RangeError],
        [{ functionName: "f", id: "" }, RangeError],
        [{ functionName: "f", id: "x".repeat(300) }, RangeError],
        [{ functionName: "f", id: 7 }, TypeError],
        [{ functionName: "f", queue: "" }, RangeError],
        [{ functionName: "f", queue: "q".repeat(201) }, RangeError],
        [{ functionName: "f", priority: 100 }, RangeError],
        [{ functionName: "f", priority: 1.5 }, RangeError],
        [{ functionName: "f", delayMs: -1 }, RangeError],
        [{ functionName: "f", runAt: new Date(NaN) }, TypeError],
        [{ functionName: "f", runAt: new Date(), delayMs: 1 }, TypeError],
        [{ functionName: "f", runAt: new Date(8.64e15) }, RangeError],
        [{ functionName: "f", delayMs: Number.MAX_SAFE_INTEGER }, RangeError],
        [{ functionName: "f", ttlMs: 0 }, RangeError],
        [{ functionName: "f", maxRetries: -1 }, RangeError],
        [{ functionName: "f", retryStrategy: "never" }, TypeError],
        [{ functionName: "f", args: () => {} }, TypeError],
        [{ functionName: "f", tags: { a: 1 } }, TypeError],
        [{ functionName: "f", metadata: [] }, TypeError],
      ];
      for (const [input, kind] of wrong) {
        const list = [task("good"), input as never];
        await assert.rejects(queue.enqueue(input as never), kind, JSON.stringify(input));
        await assert.rejects(queue.enqueueMany(list), kind);
      }
      assert.equal(await queue.countTasks(), 0);
    });
  });
}
