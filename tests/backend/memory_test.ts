import assert from "node:assert/strict";
import { join } from "node:path";
import { describe, it } from "node:test";
import { openBackend } from "../../src/backend/mod.ts";
import { openStorage } from "../../src/open.ts";
import { MemoryTaskQueue, type TaskQueue } from "../../src/queue/mod.ts";
import { MemoryTaskResultStorage } from "../../src/results/mod.ts";
import { MemoryJobEventStorage } from "../../src/storage/memory.ts";
import { temporaryDirectory } from "../helpers.ts";

describe("openBackend()", () => {
  it("closes what it opened, and delivers the events before", async () => {
    await using directory = await temporaryDirectory();
    const events = `sqlite:${join(directory.path, "events.sqlite")}`;
    const backend = await openBackend({ tasks: "memory:", events });
    const id = await backend.enqueue({ functionName: "work", queue: "q" });
    await backend.close();
    await backend.close();
    await assert.rejects(backend.tasks.enqueue({ functionName: "a" }), { code: "ERR_CLOSED" });
    await assert.rejects(backend.results.get(id), { code: "ERR_CLOSED" });
    assert.equal((await backend.healthCheck()).status, "disconnected");
    await using storage = await openStorage(events);
    assert.deepEqual(
      (await storage.getEvents(id)).map(({ eventType, queueName }) => [eventType, queueName]),
      [["enqueued", "q"]],
    );
  });

  it("leaves instances open, and delivers the events to theirs", async () => {
    await using tasks = new MemoryTaskQueue();
    await using results = new MemoryTaskResultStorage();
    await using events = new MemoryJobEventStorage();
    {
      await using backend = await openBackend({ tasks, results, events });
      assert.equal(backend.tasks, tasks);
      assert.equal(backend.results, results);
      await backend.enqueue({ id: "t", functionName: "work" });
    }
    assert.equal(await tasks.countTasks(), 1);
    assert.equal(await results.count(), 0);
    assert.equal(await events.countEvents({ jobId: "t" }), 1);
  });

  it("keeps results where the tasks are, and logs nothing without events", async () => {
    await using one = await openBackend({ tasks: "memory:" });
    await using two = await openBackend({ tasks: new MemoryTaskQueue() });
    for (const backend of [one, two]) {
      assert.equal(backend.logger, undefined);
      assert.ok(backend.results instanceof MemoryTaskResultStorage);
      assert.equal((await backend.healthCheck()).status, "healthy");
    }
    await assert.rejects(openBackend({ tasks: {} as TaskQueue }), {
      code: "ERR_CONFIGURATION",
      message: /results has to be given/,
    });
  });

  it("ends with `using`, too", async () => {
    const events = new MemoryJobEventStorage();
    const tasks = new MemoryTaskQueue();
    const backend = await openBackend({ tasks, events });
    await backend.enqueue({ id: "t", functionName: "work" });
    backend[Symbol.dispose]();
    await backend.close();
    assert.equal(await events.countEvents(), 1);
  });

  it("says which part could not be opened, keeps the cause, and closes the others", async () => {
    for (
      const [config, message, code] of [
        [{ tasks: "redis://a" }, /the tasks .*"redis:\/\/a".*use "memory:"/, "ERR_CONFIGURATION"],
        [
          { tasks: "memory:", results: "sqlite:a" },
          /the results .*"sqlite:a".*use "memory:"/,
          "ERR_CONFIGURATION",
        ],
        [{ tasks: "memory:", events: "odd" }, /the events .*"odd"/, "ERR_CONFIGURATION"],
        [
          { tasks: "memory:", results: "nats://user:secret@127.0.0.1:1" },
          /the results .*"nats:\/\/…@127\.0\.0\.1:1"/,
          "ERR_UNAVAILABLE",
        ],
      ] as const
    ) {
      await assert.rejects(openBackend(config), (error: Error & { code?: string }) => {
        assert.equal(error.code, code);
        assert.match(error.message, message);
        assert.doesNotMatch(error.message, /secret/);
        assert.equal((error.cause as Error).name, "JobEventError");
        return true;
      });
    }
  });
});

describe("TaskBackend", () => {
  const open = async () => {
    const events = new MemoryJobEventStorage();
    const backend = await openBackend({ tasks: "memory:", events }, { logger: { batchSize: 1 } });
    const story = async (id: string): Promise<string[]> => {
      await backend.logger?.flush();
      return (await events.getEvents(id)).map(({ eventType }) => eventType);
    };
    return { backend, story };
  };

  it("enqueue() logs each task once, and nothing that is refused", async () => {
    const { backend, story } = await open();
    await using _ = backend;
    const task = { id: "t", functionName: "work" };
    assert.equal(await backend.enqueue(task), "t");
    assert.equal(await backend.enqueue(task), "t");
    assert.deepEqual(await story("t"), ["enqueued"]);
    const ids = await backend.enqueueMany([task, { functionName: "work" }, { ...task, id: "u" }]);
    assert.deepEqual([ids[0], ids[2]], ["t", "u"]);
    assert.deepEqual(await story("t"), ["enqueued"]);
    assert.deepEqual(await story(ids[1]!), ["enqueued"]);
    await assert.rejects(backend.enqueue({ id: "bad", functionName: "" }), RangeError);
    assert.deepEqual(await story("bad"), []);
    await backend.tasks.close();
    await assert.rejects(backend.enqueue({ functionName: "work" }), { code: "ERR_CLOSED" });
  });

  it("cancel(), requeue() and deleteTask() keep task, result and events in step", async () => {
    const { backend, story } = await open();
    await using _ = backend;
    await backend.enqueue({ id: "t", functionName: "work" });
    assert.equal(await backend.requeue("t"), false);
    assert.equal(await backend.cancel("t", { reason: "no" }), true);
    assert.equal((await backend.waitForResult("t"))?.state, "cancelled");
    assert.equal(await backend.requeue("t"), true);
    assert.equal(await backend.results.get("t"), null);
    assert.equal((await backend.tasks.getTask("t"))?.state, "pending");
    assert.deepEqual(await story("t"), ["enqueued", "cancelled", "enqueued"]);
    assert.equal(await backend.cancel("t"), true);
    assert.equal(await backend.deleteTask("t"), true);
    assert.equal(await backend.results.get("t"), null);
    assert.equal(await backend.deleteTask("t"), false);
    assert.equal(await backend.cancel("nobody"), false);
  });
});
