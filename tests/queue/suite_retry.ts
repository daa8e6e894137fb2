import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { eventually } from "../helpers.ts";
import { claim, drain, OPTIONS, type QueueUnderTest, SOON_MS, task } from "./suite.ts";

/** What follows on a failure. */
export function retrySuite(name: string, { open }: QueueUnderTest): void {
  describe(`${name}: retries`, OPTIONS, () => {
    it("maxRetries: 3 means four executions; then the task has failed", OPTIONS, async () => {
      await using queue = await open();
      await queue.enqueue(task("a", { maxRetries: 3, retryDelayMs: 0 }));
      for (let attempt = 1; attempt <= 4; attempt++) {
        const claimed = await claim(queue);
        assert.equal(claimed.attempts, attempt);
        const outcome = await queue.fail(claimed, new RangeError(`no ${attempt}`));
        assert.equal(outcome, attempt < 4 ? "retry" : "failed");
        const { state, lastError } = (await queue.getTask("a"))!;
        assert.equal(state, attempt < 4 ? "pending" : "failed");
        assert.deepEqual(lastError, { type: "RangeError", message: `no ${attempt}` });
      }
      assert.equal(await queue.dequeue("q", { timeoutMs: 0 }), null);
      assert.deepEqual((await queue.listTasks({ state: "failed" })).map(({ id }) => id), ["a"]);
      assert.deepEqual(await queue.queueInfo("q"), { pending: 0, running: 0, delayed: 0 });
      assert.equal(await queue.requeue("a"), true);
      assert.equal(await queue.requeue("a"), false);
      const back = await claim(queue);
      assert.equal(back.attempts, 1);
      await queue.complete(back);
      assert.equal(await queue.requeue("a"), false);
      assert.equal(await queue.requeue("nobody"), false);
    });

    it("fail() without a retry ends the task at once", OPTIONS, async () => {
      await using queue = await open();
      await queue.enqueue(task("a"));
      assert.equal(await queue.fail(await claim(queue), "odd", { retry: false }), "failed");
      const failed = await queue.getTask("a");
      assert.equal(failed?.state, "failed");
      assert.deepEqual(failed?.lastError, { type: "string", message: "odd" });
      assert.ok(failed?.finishedAt instanceof Date);
    });

    it("fail() delays as the strategy says, up to the longest, never less", OPTIONS, async () => {
      await using queue = await open();
      const delays = {
        fixed: [20, 20, 20, 20],
        linear: [20, 40, 60, 70],
        exponential: [20, 40, 70, 70],
      } as const;
      const strategies = Object.keys(delays) as (keyof typeof delays)[];
      const settings = { retryDelayMs: 20, maxRetryDelayMs: 70, maxRetries: 4 };
      await queue.enqueueMany(
        strategies.map((retryStrategy) => task(retryStrategy, { retryStrategy, ...settings })),
      );
      for (let completed = 0; completed < strategies.length;) {
        const claimed = await claim(queue);
        assert.ok(Date.now() >= claimed.runAt.getTime());
        const delay = delays[claimed.retryStrategy][claimed.attempts - 1];
        if (delay === undefined) {
          await queue.complete(claimed);
          completed++;
          continue;
        }
        const before = Date.now();
        await queue.fail(claimed, new Error("no"));
        const { runAt } = (await queue.getTask(claimed.id))!;
        const shown = `${claimed.id} ${claimed.attempts}: ${runAt.getTime() - before} ms`;
        assert.ok(runAt.getTime() >= before + delay, shown);
        assert.ok(runAt.getTime() <= Date.now() + delay, shown);
      }
    });

    it("fail() takes a delay of its own", OPTIONS, async () => {
      await using queue = await open();
      await queue.enqueue(task("a", { retryDelayMs: 60_000 }));
      assert.equal(await queue.fail(await claim(queue), "no", { delayMs: 3_600_000 }), "retry");
      assert.deepEqual(await queue.queueInfo("q"), { pending: 0, running: 0, delayed: 1 });
      assert.equal(await queue.dequeue("q", { timeoutMs: 0 }), null);
      assert.equal(await queue.cancel("a"), true);
      assert.deepEqual(await queue.queueInfo("q"), { pending: 0, running: 0, delayed: 0 });
    });

    it("fail() takes whatever was thrown, and whatever delay", OPTIONS, async () => {
      await using queue = await open();
      const forever = Number.MAX_SAFE_INTEGER;
      await queue.enqueue(task("a", { retryDelayMs: forever, maxRetryDelayMs: forever }));
      const error = new Error("x".repeat(3 * 1024 * 1024));
      assert.equal(await queue.fail(await claim(queue), error), "retry");
      const kept = await queue.getTask("a");
      assert.equal(kept?.lastError?.message.length, 4096);
      assert.equal(kept?.runAt.getUTCFullYear(), 9999);
    });

    it("fail() puts a task behind the others of its priority", OPTIONS, async () => {
      await using queue = await open();
      await queue.enqueueMany([task("a", { retryDelayMs: 0 }), task("b")]);
      await queue.fail(await claim(queue), "no");
      assert.deepEqual(await drain(queue), ["b", "a"]);
    });

    it("a worker that is lost again and again exhausts the task", OPTIONS, async () => {
      await using queue = await open({ leaseMs: 200 });
      await queue.enqueue(task("a", { maxRetries: 1 }));
      assert.equal((await claim(queue)).attempts, 1);
      assert.equal((await claim(queue)).attempts, 2);
      const lost = await eventually(async () => {
        assert.equal(await queue.dequeue("q", { timeoutMs: 0 }), null);
        const found = await queue.getTask("a");
        return found?.state === "failed" ? found : undefined;
      }, { timeoutMs: SOON_MS });
      assert.equal(lost.lastError?.type, "LeaseLost");
      assert.equal(await queue.requeue("a"), true);
    });
  });
}
