import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { within } from "../helpers.ts";
import { concurrently } from "../meanwhile.ts";
import { assertLost, claim, OPTIONS, type QueueUnderTest, SOON_MS, task } from "./suite.ts";

const LEASE_MS = 400;

/** Claims, leases, and what ends them. */
export function claimSuite(name: string, under: QueueUnderTest): void {
  const { open, join, meanwhile = concurrently } = under;
  describe(`${name}: claims`, OPTIONS, () => {
    it("dequeue() claims for one worker, for the time of a lease", OPTIONS, async () => {
      await using queue = await open({ leaseMs: 60_000 });
      await queue.enqueue(task("a"));
      const before = Date.now();
      const claimed = await queue.dequeue("q", { timeoutMs: SOON_MS, workerId: "w1" });
      assert(claimed !== null);
      assert.equal(claimed.state, "running");
      assert.equal(claimed.attempts, 1);
      assert.equal(claimed.workerId, "w1");
      assert.ok(claimed.startedAt!.getTime() >= before);
      assert.ok(claimed.leaseUntil.getTime() >= before + 60_000);
      assert.ok(claimed.leaseUntil.getTime() <= Date.now() + 60_000);
      assert.equal(await queue.dequeue("q", { timeoutMs: 0 }), null);
      const { claimToken: _token, ...shown } = claimed;
      assert.deepEqual(await queue.getTask("a"), shown);
      assert.deepEqual(await queue.queueInfo("q"), { pending: 0, running: 1, delayed: 0 });
    });

    it("complete() ends a task and keeps its result", OPTIONS, async () => {
      await using queue = await open();
      await queue.enqueue(task("a"));
      const claimed = await claim(queue);
      await queue.complete(claimed, { answer: 42, at: new Date(5) });
      const done = await queue.getTask("a");
      assert.equal(done?.state, "completed");
      assert.deepEqual(done?.result, { answer: 42, at: new Date(5) });
      assert.ok(done?.finishedAt instanceof Date);
      assert.equal(done?.leaseUntil, undefined);
      assert.deepEqual(await queue.queueInfo("q"), { pending: 0, running: 0, delayed: 0 });
      await assertLost(queue.complete(claimed));
      await assertLost(queue.fail(claimed, new Error("late")));
      await assertLost(queue.heartbeat(claimed));
      await assertLost(queue.release(claimed));
      assert.deepEqual(await queue.getTask("a"), done);
      await assert.rejects(queue.complete(claimed, (() => {}) as never), TypeError);
    });

    it("a claim is plain data", OPTIONS, async () => {
      await using queue = await open();
      await queue.enqueueMany([task("a"), task("b")]);
      const { id, claimToken } = structuredClone(await claim(queue));
      await queue.heartbeat({ id, claimToken });
      await assertLost(queue.complete({ id, claimToken: "made up" }));
      await assertLost(queue.complete({ id: "b", claimToken }));
      await assertLost(queue.complete({ id: "nobody", claimToken }));
      await queue.complete({ id, claimToken });
      assert.equal((await queue.getTask("a"))?.state, "completed");
    });

    it("a lease that ends fences its holder, and gives the task to another", OPTIONS, async () => {
      await using queue = await open({ leaseMs: LEASE_MS });
      await queue.enqueueMany([task("a"), task("b", { queue: "lonely" })]);
      const lonely = await claim(queue, "lonely");
      const first = await claim(queue);
      const second = await claim(queue);
      assert.ok(Date.now() >= first.leaseUntil.getTime(), "not before the lease ends");
      // Where nobody else came, too.
      await assertLost(queue.complete(lonely));
      assert.equal(second.id, "a");
      assert.equal(second.attempts, 2);
      assert.notEqual(second.claimToken, first.claimToken);
      const { claimToken: _token, ...held } = second;
      for (
        const late of [
          () => queue.heartbeat(first),
          () => queue.complete(first, "late"),
          () => queue.fail(first, new Error("late")),
          () => queue.release(first),
        ]
      ) await assertLost(late());
      assert.deepEqual(await queue.getTask("a"), held);
      const isDone = await queue.complete(second, "in time").then(() => true, (error) => {
        // On a machine that is busy, that may have taken longer than a lease.
        assert.equal(error.code, "ERR_LEASE_LOST");
        assert.ok(Date.now() >= second.leaseUntil.getTime());
        return false;
      });
      assert.equal((await queue.getTask("a"))?.result, isDone ? "in time" : undefined);
    });

    it("heartbeat() keeps a task as long as it comes", OPTIONS, async () => {
      await using queue = await open({ leaseMs: LEASE_MS });
      await queue.enqueue(task("a"));
      const claimed = await claim(queue);
      const beats = Array.from({ length: 20 }, () => [30, "heartbeat", claimed] as const);
      assert.ok(20 * 30 > LEASE_MS);
      const thief = await meanwhile(
        queue,
        [...beats, [0, "complete", claimed]],
        () => within(queue.dequeue("q", { timeoutMs: LEASE_MS * 2 }), SOON_MS),
      );
      assert.equal(thief, null);
      assert.equal((await queue.getTask("a"))?.attempts, 1);
    });

    it("release() gives a task back without an attempt, behind the others", OPTIONS, async () => {
      await using queue = await open();
      await queue.enqueueMany([task("a"), task("b")]);
      const first = await claim(queue);
      await queue.release(first);
      assert.deepEqual(await queue.queueInfo("q"), { pending: 2, running: 0, delayed: 0 });
      assert.equal((await queue.getTask("a"))?.attempts, 0);
      await assertLost(queue.complete(first));
      assert.equal((await claim(queue)).id, "b");
      const again = await claim(queue);
      assert.equal(again.id, "a");
      assert.equal(again.attempts, 1);
      await queue.complete(again);
    });

    it("dequeue() waits no longer than told", OPTIONS, async () => {
      await using queue = await open();
      const started = performance.now();
      assert.equal(await within(queue.dequeue("q", { timeoutMs: 150 }), SOON_MS), null);
      assert.ok(performance.now() - started >= 140);
    });

    it("dequeue() that is too late swallows no task", OPTIONS, async () => {
      await using queue = await open();
      for (let round = 0; round < 25; round++) {
        const claimed = await meanwhile(
          queue,
          [[round % 5, "enqueue", task(`t-${round}`)]],
          () => within(queue.dequeue(["p", "q"], { timeoutMs: round % 7 }), SOON_MS),
        ) ?? await claim(queue);
        assert.equal(claimed.id, `t-${round}`);
        await queue.complete(claimed);
      }
    });

    it("dequeue() that is aborted swallows no task", {
      ...OPTIONS,
      skip: under.meanwhile === undefined ? false : "a thread that is blocked aborts nothing",
    }, async () => {
      await using queue = await open();
      const reason = new Error("stop");
      await assert.rejects(
        queue.dequeue("q", { signal: AbortSignal.abort(reason) }),
        (error) => error === reason,
      );
      for (let round = 0; round < 25; round++) {
        const controller = new AbortController();
        const waiting = queue.dequeue(["p", "q"], {
          signal: controller.signal,
          timeoutMs: round % 2 === 0 ? SOON_MS : round % 7,
        }).catch((error) => {
          assert.equal(error, reason);
          return null;
        });
        if (round % 3 === 0) await new Promise((resolve) => setTimeout(resolve, round % 5));
        const enqueued = queue.enqueue(task(`t-${round}`));
        if (round % 4 !== 1) controller.abort(reason);
        await enqueued;
        controller.abort(reason);
        const claimed = await within(waiting, SOON_MS) ?? await claim(queue);
        assert.equal(claimed.id, `t-${round}`);
        await queue.complete(claimed);
      }
    });

    it("two programs share the tasks, and each claim is one program's", {
      ...OPTIONS,
      skip: join === undefined ? "these tasks are one program's" : false,
    }, async () => {
      await using one = await open();
      await using other = await join!(one);
      const ids = Array.from({ length: 60 }, (_, at) => `t-${at}`);
      await one.enqueueMany(ids.map((id) => task(id)));
      const claimed: string[] = [];
      await Promise.all([one, other, one, other].map(async (queue, at) => {
        for (;;) {
          const each = await queue.dequeue("q", { timeoutMs: 0 });
          if (each === null) return;
          claimed.push(each.id);
          // The claim is data: the other program may end it.
          await (at === 0 ? other : queue).complete(each);
        }
      }));
      assert.deepEqual(claimed.sort(), ids.sort());
      assert.equal(await other.countTasks({ state: "completed" }), 60);
    });

    it("close() ends what waits, and every later call", OPTIONS, async () => {
      const queue = await open();
      await assert.rejects(
        meanwhile(queue, [[20, "close"]], () => within(queue.dequeue("q"), SOON_MS)),
        { code: "ERR_CLOSED" },
      );
      await queue.close();
      await assert.rejects(queue.enqueue(task("a")), { code: "ERR_CLOSED" });
      await assert.rejects(queue.dequeue("q"), { code: "ERR_CLOSED" });
      await assert.rejects(queue.getTask("a"), { code: "ERR_CLOSED" });
      assert.equal((await queue.healthCheck()).status, "disconnected");
    });
  });
}
