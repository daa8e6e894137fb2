import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { claim, OPTIONS, type QueueUnderTest, task } from "./suite.ts";

/** Recurring tasks. */
export function scheduleSuite(name: string, { open }: QueueUnderTest): void {
  describe(`${name}: recurring tasks`, OPTIONS, () => {
    it("schedule() runs a task every so often, each time once", OPTIONS, async () => {
      await using queue = await open();
      const { nextRunAt } = await queue.schedule("tick", { everyMs: 100 }, task("unused"));
      let last = nextRunAt.getTime() - 1;
      for (let round = 0; round < 2; round++) {
        const claimed = await claim(queue);
        const runAt = claimed.runAt.getTime();
        assert.equal(claimed.scheduleName, "tick");
        assert.equal(runAt % 100, 0);
        assert.ok(runAt > last && Date.now() >= runAt);
        last = runAt;
        await queue.complete(claimed);
      }
      assert.equal(await queue.unschedule("tick"), true);
      assert.equal(await queue.unschedule("tick"), false);
      assert.equal(await queue.dequeue("q", { timeoutMs: 250 }), null);
    });

    it("unschedule() takes the occurrence that waits out of its queue", OPTIONS, async () => {
      await using queue = await open();
      await queue.schedule("a", { everyMs: 3_600_000 }, task("unused"));
      assert.deepEqual(await queue.queueInfo("q"), { pending: 0, running: 0, delayed: 1 });
      assert.equal(await queue.unschedule("a"), true);
      assert.deepEqual(await queue.queueInfo("q"), { pending: 0, running: 0, delayed: 0 });
      assert.equal(await queue.countTasks(), 0);
    });

    it("schedule() takes cron expressions and time zones, and replaces", OPTIONS, async () => {
      await using queue = await open();
      await queue.schedule("b", { everyMs: 3_600_000 }, task("unused"));
      const cron = { cron: "30 4 * * *", timeZone: "Asia/Tokyo" };
      const first = await queue.schedule("a", cron, task("unused", { args: 1 }));
      assert.equal(first.nextRunAt.getUTCHours(), 19);
      assert.equal(first.nextRunAt.getUTCMinutes(), 30);
      const second = await queue.schedule("a", { cron: "15 * * * *" }, task("x", { args: 2 }));
      assert.equal(second.nextRunAt.getUTCMinutes(), 15);
      assert.deepEqual(await queue.queueInfo("q"), { pending: 0, running: 0, delayed: 2 });
      const schedules = await queue.listSchedules();
      assert.deepEqual(schedules.map(({ name }) => name), ["a", "b"]);
      assert.deepEqual(schedules[0]?.recurrence, { cron: "15 * * * *" });
      assert.deepEqual(schedules[0]?.task, { functionName: "work", queue: "q", args: 2 });
      assert.deepEqual(schedules[0]?.nextRunAt, second.nextRunAt);
    });

    it("schedule() goes on when an occurrence is cancelled or purged", OPTIONS, async () => {
      await using queue = await open();
      await queue.schedule("a", { everyMs: 3_600_000 }, task("unused"));
      const [first] = await queue.listTasks();
      assert.equal(await queue.cancel(first!.id), true);
      const [second] = await queue.listTasks({ state: "pending" });
      assert.equal(second?.runAt.getTime(), first!.runAt.getTime() + 3_600_000);
      assert.equal(await queue.purgeQueue("q"), 1);
      const [third] = await queue.listTasks({ state: "pending" });
      assert.equal(third?.runAt.getTime(), second!.runAt.getTime() + 3_600_000);
      assert.equal(await queue.deleteTask(third!.id), true);
      assert.equal(await queue.countTasks({ state: "pending" }), 1);
    });

    it("schedule() refuses what is no recurrence", OPTIONS, async () => {
      await using queue = await open();
      const wrong = [{ everyMs: 0 }, { cron: "every day" }, { cron: "0 0 30 2 *" }, {
        cron: "* * * * *",
        timeZone: "Nowhere/None",
      }];
      for (const recurrence of wrong) {
        await assert.rejects(queue.schedule("a", recurrence, task("unused")), RangeError);
      }
      await assert.rejects(queue.schedule("", { everyMs: 1 }, task("unused")), RangeError);
      await assert.rejects(queue.schedule("a", { everyMs: 1 }, {} as never), TypeError);
      assert.deepEqual(await queue.listSchedules(), []);
    });
  });
}
