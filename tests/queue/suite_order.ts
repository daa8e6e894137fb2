import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { concurrently } from "../meanwhile.ts";
import { claim, drain, OPTIONS, type QueueUnderTest, task } from "./suite.ts";

/** Which task comes first. */
export function orderSuite(
  name: string,
  { open, meanwhile = concurrently }: QueueUnderTest,
): void {
  describe(`${name}: order`, OPTIONS, () => {
    it("dequeue() takes first in, first out", OPTIONS, async () => {
      await using queue = await open();
      const ids = Array.from({ length: 30 }, (_, at) => `t-${at}`);
      for (const id of ids) await queue.enqueue(task(id));
      assert.deepEqual(await drain(queue), ids);
    });

    it("dequeue() takes list order, then priority, then first in", OPTIONS, async () => {
      await using queue = await open();
      await queue.enqueue(task("late-1", { queue: "late", priority: 50 }));
      await queue.enqueue(task("low", { priority: -3 }));
      await queue.enqueue(task("plain-1"));
      await queue.enqueue(task("high-1", { priority: 10 }));
      await queue.enqueue(task("plain-2"));
      await queue.enqueue(task("higher", { priority: 11 }));
      await queue.enqueue(task("high-2", { priority: 10 }));
      const expected = ["higher", "high-1", "high-2", "plain-1", "plain-2", "low", "late-1"];
      assert.deepEqual(await drain(queue, ["none", "q", "late"]), expected);
    });

    it("dequeue() sees a priority that is new to it", OPTIONS, async () => {
      await using queue = await open();
      await queue.enqueue(task("a"));
      await queue.enqueue(task("b"));
      assert.equal((await claim(queue)).id, "a");
      await queue.enqueue(task("c", { priority: 1 }));
      assert.equal((await claim(queue)).id, "c");
      assert.equal(await queue.dequeue("q", { timeoutMs: 5 }).then((each) => each?.id), "b");
    });

    it("a queue never sees another of a similar name", OPTIONS, async () => {
      await using queue = await open();
      const names = ["a", "a.b", "ab", "a.*", "a.>", "*", ">", "a b", "A", "a=2Eb", "global", "ä"];
      for (const each of names) await queue.enqueue(task(`in ${each}`, { queue: each }));
      for (const each of names) {
        assert.deepEqual(await queue.queueInfo(each), { pending: 1, running: 0, delayed: 0 });
        assert.deepEqual(await drain(queue, each), [`in ${each}`]);
        assert.equal(await queue.dequeue(each, { timeoutMs: 0 }), null);
      }
    });

    it(
      "dequeue() of a waiting call gets what comes, whichever queue it comes in",
      OPTIONS,
      async () => {
        await using queue = await open();
        for (const each of ["y", "x"]) {
          const { id, claimToken } = await meanwhile(
            queue,
            [[20, "enqueue", task(`t-${each}`, { queue: each })]],
            () => claim(queue, ["x", "y"]),
          );
          assert.equal(id, `t-${each}`);
          await queue.complete({ id, claimToken });
        }
      },
    );

    it("dequeue() of many waiting calls gives each task to one of them", OPTIONS, async () => {
      await using queue = await open();
      const ids = Array.from({ length: 20 }, (_, at) => `t-${at}`);
      const tasks = ids.map((id, at) => task(id, { queue: at % 3 === 0 ? "r" : "q" }));
      const claimed = await meanwhile(
        queue,
        [[20, "enqueueMany", tasks]],
        () => Promise.all(ids.map(() => claim(queue, ["q", "r"]))),
      );
      assert.deepEqual(claimed.map(({ id }) => id).sort(), ids.sort());
      assert.equal(new Set(claimed.map(({ claimToken }) => claimToken)).size, 20);
    });

    it("dequeue() refuses queues that are none", OPTIONS, async () => {
      await using queue = await open();
      await assert.rejects(queue.dequeue([]), RangeError);
      await assert.rejects(queue.dequeue(""), RangeError);
      await assert.rejects(queue.dequeue("q", { timeoutMs: -1 }), RangeError);
    });
  });
}
