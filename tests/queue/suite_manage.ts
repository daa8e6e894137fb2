import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { assertLost, claim, drain, OPTIONS, type QueueUnderTest, task } from "./suite.ts";

/** Looking at tasks, and taking them out. */
export function manageSuite(name: string, { open }: QueueUnderTest): void {
  describe(`${name}: management`, OPTIONS, () => {
    it("cancel() ends what is pending or running, and fences its holder", OPTIONS, async () => {
      await using queue = await open();
      await queue.enqueueMany([task("a"), task("b"), task("c")]);
      const claimed = await claim(queue);
      assert.equal(await queue.cancel("b"), true);
      assert.equal(await queue.cancel("b"), false);
      assert.equal(await queue.cancel("nobody"), false);
      assert.deepEqual(await queue.queueInfo("q"), { pending: 1, running: 1, delayed: 0 });
      assert.equal(await queue.cancel("a"), true);
      await assertLost(queue.heartbeat(claimed));
      await assertLost(queue.complete(claimed));
      assert.equal((await queue.getTask("a"))?.state, "cancelled");
      assert.deepEqual(await queue.queueInfo("q"), { pending: 1, running: 0, delayed: 0 });
      assert.deepEqual(await drain(queue), ["c"]);
      assert.equal(await queue.cancel("c"), false);
      assert.equal(await queue.requeue("a"), true);
      assert.deepEqual(await drain(queue), ["a"]);
    });

    it("deleteTask() forgets a task in any state", OPTIONS, async () => {
      await using queue = await open();
      await queue.enqueueMany([task("a"), task("b"), task("c"), task("d")]);
      await queue.complete(await claim(queue));
      const claimed = await claim(queue);
      for (const id of ["a", "b", "c"]) {
        assert.equal(await queue.deleteTask(id), true);
        assert.equal(await queue.deleteTask(id), false);
        assert.equal(await queue.getTask(id), null);
      }
      await assertLost(queue.complete(claimed));
      assert.deepEqual(await queue.queueInfo("q"), { pending: 1, running: 0, delayed: 0 });
      assert.deepEqual(await drain(queue), ["d"]);
      await queue.enqueueMany([task("a"), task("b")]);
      assert.deepEqual(await drain(queue), ["a", "b"]);
    });

    it("listTasks() and countTasks() agree for every filter", OPTIONS, async () => {
      await using queue = await open();
      await queue.enqueueMany([
        task("a", { tags: { tenant: "x", kind: "1" } }),
        task("b", { tags: { tenant: "x" }, functionName: "other" }),
        task("c", { queue: "r", tags: { tenant: "y" } }),
        task("d", { queue: "r", delayMs: 60_000 }),
        task("e", { queue: "r" }),
      ]);
      await queue.complete(await claim(queue));
      await claim(queue, "r");
      const cases = [
        [{}, ["b", "d", "e", "a", "c"]],
        [{ queue: "r" }, ["d", "e", "c"]],
        [{ queue: "nobody" }, []],
        [{ state: "pending" }, ["b", "d", "e"]],
        [{ state: ["running", "completed"] }, ["a", "c"]],
        [{ state: [] }, []],
        [{ state: "running", queue: "r" }, ["c"]],
        [{ state: "pending", queue: "r" }, ["d", "e"]],
        [{ state: ["pending", "running"] }, ["b", "d", "e", "c"]],
        [{ tags: { tenant: "x" } }, ["b", "a"]],
        [{ tags: { tenant: "x", kind: "1" } }, ["a"]],
        [{ tags: { tenant: "x" }, state: "pending" }, ["b"]],
        [{ functionName: "other" }, ["b"]],
        [{ functionName: "work", queue: "q" }, ["a"]],
      ] as const;
      for (const [filter, ids] of cases) {
        const shown = JSON.stringify(filter);
        assert.deepEqual((await queue.listTasks(filter)).map(({ id }) => id), ids, shown);
        assert.equal(await queue.countTasks(filter), ids.length, shown);
      }
      const page = async (limit: number, offset: number): Promise<string[]> =>
        (await queue.listTasks({ limit, offset })).map(({ id }) => id);
      assert.deepEqual(await page(2, 1), ["d", "e"]);
      assert.deepEqual(await page(0, 0), []);
      assert.deepEqual(await page(9, 4), ["c"]);
      assert.deepEqual(await page(9, 9), []);
      await assert.rejects(queue.listTasks({ limit: -1 }), RangeError);
      await assert.rejects(queue.listTasks({ offset: 0.5 }), RangeError);
      await assert.rejects(queue.listTasks({ state: "done" as never }), TypeError);
      await assert.rejects(queue.countTasks({ state: "done" as never }), TypeError);
    });

    it("listQueues() has the queues with something to do", OPTIONS, async () => {
      await using queue = await open();
      assert.deepEqual(await queue.listQueues(), []);
      await queue.enqueue(task("a", { queue: "x.y" }));
      await queue.enqueue(task("b", { queue: "b", delayMs: 60_000 }));
      await queue.enqueue(task("c", { queue: "c" }));
      await queue.enqueue(task("d", { queue: "d" }));
      await drain(queue, "d");
      const held = await claim(queue, "c");
      assert.deepEqual(await queue.listQueues(), ["b", "c", "x.y"]);
      await queue.complete(held);
      assert.deepEqual(await queue.listQueues(), ["b", "x.y"]);
    });

    it("purgeQueue() deletes what is pending in one queue, and nothing else", OPTIONS, async () => {
      await using queue = await open();
      await queue.enqueueMany([
        ...Array.from({ length: 40 }, (_, at) => task(`t-${at}`, { priority: at % 3 })),
        task("delayed", { delayMs: 60_000 }),
        task("other", { queue: "q.r" }),
      ]);
      const done = await claim(queue);
      await queue.complete(done);
      const held = await claim(queue);
      assert.equal(await queue.purgeQueue("q"), 39);
      assert.equal(await queue.purgeQueue("q"), 0);
      assert.equal(await queue.purgeQueue("nobody"), 0);
      assert.deepEqual(await queue.queueInfo("q"), { pending: 0, running: 1, delayed: 0 });
      assert.equal(await queue.dequeue("q", { timeoutMs: 0 }), null);
      await queue.complete(held);
      assert.deepEqual(
        (await queue.listTasks()).map(({ id }) => id),
        ["other", done.id, held.id],
      );
    });

    it("healthCheck() says how it is", OPTIONS, async () => {
      await using queue = await open();
      await queue.enqueue(task("a"));
      const health = await queue.healthCheck();
      assert.equal(health.status, "healthy");
      assert.equal(health.tasks, 1);
      assert.equal(health.error, undefined);
    });
  });
}
