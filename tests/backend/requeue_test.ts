import assert from "node:assert/strict";
import { after, describe, it } from "node:test";
import { setTimeout as pause } from "node:timers/promises";
import { natsSkipReason } from "../../scripts/nats_server.ts";
import { TaskBackend } from "../../src/backend/mod.ts";
import { MemoryTaskQueue, NatsTaskQueue, type TaskQueue } from "../../src/queue/mod.ts";
import {
  MemoryTaskResultStorage,
  NatsTaskResultStorage,
  type TaskResultStorage,
} from "../../src/results/mod.ts";
import { seededRandom, testSeed } from "../helpers.ts";
import { TestServer, TIMEOUT_MS, VERSIONS } from "../nats/accounts.ts";

const RACES = 100;
const options = { timeout: 60_000 };

/** A part some of whose calls are on their way for a while. */
function slow<Part extends object>(
  part: Part,
  names: readonly (keyof Part)[],
  pauseMs: () => number,
): Part {
  return new Proxy(part, {
    get: (target, name) => {
      const value: unknown = Reflect.get(target, name, target);
      if (typeof value !== "function") return value;
      if (!names.includes(name as keyof Part)) return value.bind(target);
      return async (...args: unknown[]) => {
        const ms = pauseMs();
        if (ms > 0) await pause(ms);
        return await value.apply(target, args);
      };
    },
  });
}

/** Each of many tasks that failed is brought back by two at the same time, and succeeds. */
async function race(tasks: TaskQueue, results: TaskResultStorage, seed: number): Promise<void> {
  const random = seededRandom(seed);
  const backend = new TaskBackend({
    tasks: slow(tasks, ["getTask", "requeue"], () => random(2) * random(50)),
    // Longer than a server takes to deliver the task, and the test to execute it.
    results: slow(results, ["delete"], () => random(2) * random(1500)),
  });
  const ids = Array.from({ length: RACES }, (_, at) => `t-${at}`);
  await tasks.enqueueMany(ids.map((id) => ({ id, functionName: "work" })));
  const execute = async (state: "failed" | "completed"): Promise<void> => {
    const task = await tasks.dequeue("default", { timeoutMs: 20_000 });
    assert(task !== null, "a task did not come back");
    await results.set({ id: task.id, state });
    if (state === "completed") await tasks.complete(task);
    else await tasks.fail(task, "no", { retry: false });
  };
  await Promise.all(ids.map(() => execute("failed")));
  const executing = Promise.all(ids.map(() => execute("completed")));
  const broughtBack = await Promise.all(
    ids.map((id) => Promise.all([backend.requeue(id), backend.requeue(id)])),
  );
  await executing;
  for (const [at, id] of ids.entries()) {
    assert.equal(broughtBack[at]!.filter((each) => each).length, 1, id);
    assert.equal((await results.get(id))?.state, "completed", `the result of ${id}`);
  }
  await backend.close();
}

async function seededRace(tasks: TaskQueue, results: TaskResultStorage): Promise<void> {
  const seed = testSeed();
  try {
    await race(tasks, results, seed);
  } catch (cause) {
    throw new Error(`TEST_SEED=${seed}: ${(cause as Error).message}`, { cause });
  }
}

const TITLE = "requeue() of two at the same time deletes no result but the old one";

describe("TaskBackend", () => {
  it(`${TITLE}, in memory`, options, async () => {
    await using tasks = new MemoryTaskQueue();
    await using results = new MemoryTaskResultStorage();
    await seededRace(tasks, results);
  });

  const skip = natsSkipReason();
  for (const version of VERSIONS) {
    const server = new TestServer(version);
    after(() => server.stop());
    it(`${TITLE}, on NATS ${version}`, { skip, timeout: TIMEOUT_MS }, async () => {
      const connection = await server.connect();
      await using tasks = await NatsTaskQueue.open(connection);
      await using results = await NatsTaskResultStorage.open(connection);
      await seededRace(tasks, results);
    });
  }
});
