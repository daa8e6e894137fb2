import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { eventually } from "../helpers.ts";
import { claim, OPTIONS, type QueueUnderTest, SOON_MS, task } from "./suite.ts";

const DAY_MS = 86_400_000;

/** Tasks whose time comes, and tasks whose time is over. */
export function timeSuite(name: string, { open }: QueueUnderTest): void {
  describe(`${name}: time`, OPTIONS, () => {
    it("runAt and delayMs: never early", OPTIONS, async () => {
      await using queue = await open();
      await queue.enqueue(task("days", { delayMs: 3 * DAY_MS }));
      await queue.enqueue(task("years", { delayMs: 800 * DAY_MS }));
      await queue.enqueue(task("now"));
      assert.deepEqual(await queue.queueInfo("q"), { pending: 1, running: 0, delayed: 2 });
      await queue.complete(await claim(queue));
      const runAt = new Date(Date.now() + 200);
      for (const [id, when] of [["delayed", { delayMs: 100 }], ["timed", { runAt }]] as const) {
        await queue.enqueue(task(id, when));
        const claimed = await claim(queue);
        assert.equal(claimed.id, id);
        assert.ok(Date.now() >= claimed.runAt.getTime(), `${id} is early`);
        await queue.complete(claimed);
      }
      assert.deepEqual((await queue.getTask("timed"))?.runAt, runAt);
      assert.equal(await queue.dequeue("q", { timeoutMs: 100 }), null);
      assert.deepEqual(await queue.queueInfo("q"), { pending: 0, running: 0, delayed: 2 });
      assert.equal(await queue.countTasks({ state: "pending" }), 2);
    });

    it("a delayed task comes to who only looks now and then", OPTIONS, async () => {
      await using queue = await open();
      await queue.enqueue(task("a", { delayMs: 100, priority: 5 }));
      const claimed = await eventually(
        async () => await queue.dequeue("q", { timeoutMs: 0 }) ?? undefined,
        { timeoutMs: SOON_MS },
      );
      assert.equal(claimed.id, "a");
      assert.ok(Date.now() >= claimed.runAt.getTime());
    });

    it("a delayed task keeps its priority and its queue", OPTIONS, async () => {
      await using queue = await open();
      // Who asks takes part in moving them, where that is the queue's own work.
      assert.equal(await queue.dequeue("q", { timeoutMs: 0 }), null);
      await queue.enqueue(task("other", { queue: "other", delayMs: 50 }));
      await queue.enqueue(task("low", { priority: -3, delayMs: 50 }));
      await queue.enqueue(task("high", { priority: 3, delayMs: 100 }));
      await eventually(async () => {
        const { pending, running } = await queue.queueInfo("q");
        assert.equal(running, 0);
        return pending === 2;
      }, { timeoutMs: SOON_MS });
      assert.equal((await claim(queue)).id, "high");
      assert.equal((await claim(queue)).id, "low");
      assert.equal((await claim(queue, "other")).id, "other");
    });

    it("a delayed task is cancelled and deleted before its time", OPTIONS, async () => {
      await using queue = await open();
      await queue.enqueueMany(["a", "b", "c"].map((id) => task(id, { delayMs: DAY_MS })));
      assert.equal(await queue.cancel("a"), true);
      assert.equal(await queue.deleteTask("b"), true);
      assert.deepEqual(await queue.queueInfo("q"), { pending: 0, running: 0, delayed: 1 });
      assert.equal(await queue.dequeue("q", { timeoutMs: 50 }), null);
      assert.equal((await queue.getTask("a"))?.state, "cancelled");
      assert.equal(await queue.getTask("b"), null);
    });

    it("ttlMs: a task that is not started in time expires, and no other", OPTIONS, async () => {
      await using queue = await open();
      await queue.enqueue(task("started", { ttlMs: 1000, retryDelayMs: 0 }));
      const started = await claim(queue);
      await queue.enqueue(task("short", { ttlMs: 1000 }));
      await queue.enqueue(task("long", { ttlMs: DAY_MS }));
      await eventually(async () => (await queue.getTask("short"))?.state === "expired");
      assert.equal((await claim(queue)).id, "long");
      assert.equal(await queue.cancel("short"), false);
      assert.deepEqual(
        (await queue.listTasks({ state: ["expired"] })).map(({ id }) => id),
        ["short"],
      );
      assert.equal(await queue.requeue("short"), true);
      assert.equal((await queue.getTask("short"))?.state, "pending");
      assert.equal((await claim(queue)).id, "short");
      await queue.fail(started, "no");
      const again = await claim(queue);
      assert.equal(again.id, "started");
      await queue.complete(again);
    });

    it(
      "onEnded() tells once of what expired and of what its last worker left",
      OPTIONS,
      async () => {
        await using queue = await open({ leaseMs: 100 });
        const ended: string[] = [];
        const stop = queue.onEnded(({ id, state }) => ended.push(`${id} ${state}`));
        await queue.enqueue(task("lost", { maxRetries: 0 }));
        await claim(queue);
        await queue.enqueue(task("short", { ttlMs: 1 }));
        await queue.enqueue(task("cancelled"));
        await queue.cancel("cancelled");
        await eventually(async () => (await queue.getTask("short"))?.state === "expired");
        await eventually(async () => {
          // Nobody asks: nothing comes up.
          await queue.dequeue("q", { timeoutMs: 20 });
          return ended.length === 2;
        }, { timeoutMs: SOON_MS });
        assert.deepEqual(ended.sort(), ["lost failed", "short expired"]);
        assert.equal((await queue.getTask("lost"))?.lastError?.type, "LeaseLost");
        stop();
        await queue.enqueue(task("untold", { ttlMs: 1 }));
        await eventually(async () => (await queue.getTask("untold"))?.state === "expired");
        await queue.dequeue("q", { timeoutMs: 20 });
        await queue.cleanupExpiredTasks();
        assert.equal(ended.length, 2);
      },
    );

    it(
      "cleanupExpiredTasks() ends what expired and deletes what ended long ago",
      OPTIONS,
      async () => {
        await using queue = await open({ keepMs: 1000 });
        await queue.enqueue(task("done"));
        await queue.complete(await claim(queue));
        await queue.enqueue(task("over", { ttlMs: 1 }));
        await queue.enqueue(task("waits"));
        await eventually(async () => (await queue.getTask("over"))?.state === "expired");
        assert.equal(await queue.cleanupExpiredTasks(), 1);
        assert.deepEqual(await queue.queueInfo("q"), { pending: 1, running: 0, delayed: 0 });
        await eventually(async () => {
          await queue.cleanupExpiredTasks();
          return await queue.getTask("done") === null && await queue.getTask("over") === null;
        }, { timeoutMs: SOON_MS });
        assert.equal(await queue.countTasks(), 1);
        assert.equal(await queue.cleanupExpiredTasks(), 0);
      },
    );
  });
}
