import assert from "node:assert/strict";
import { join } from "node:path";
import { after, describe, it } from "node:test";
import { type NatsServer, natsSkipReason, startNatsServer } from "../../scripts/nats_server.ts";
import { openBackendSync, openStorageSync } from "../../src/sync/mod.ts";
import { runChild } from "../child.ts";
import { temporaryDirectory } from "../helpers.ts";

const script = new URL("./backend_child.ts", import.meta.url);
const skip = natsSkipReason();

describe("openBackendSync()", { timeout: 120_000 }, () => {
  const servers: NatsServer[] = [];
  after(() => Promise.all(servers.map((server) => server.stop())));

  for (const where of ["memory", "current", "floor"] as const) {
    const options = { timeout: 60_000, skip: where === "memory" ? false : skip };
    it(`serves a script without any await, which ends by itself: ${where}`, options, async () => {
      await using directory = await temporaryDirectory();
      let tasks = "memory:";
      if (where !== "memory") {
        const server = await startNatsServer({ version: where });
        servers.push(server);
        tasks = server.url;
      }
      const events = `sqlite:${join(directory.path, "events.sqlite")}`;
      await using child = runChild(script, tasks, events);
      assert.equal(await child.ended(30_000), 0, child.errors);
      assert.deepEqual(child.lines.map((line) => JSON.parse(line)), [
        { values: [1, 4, 9], states: ["completed", "cancelled"] },
      ]);
      assert.equal(child.errors, "");
      using storage = openStorageSync(events);
      assert.deepEqual(
        storage.listEventsSync().map(({ jobId, eventType }) => `${jobId} ${eventType}`),
        [
          "task-1 enqueued",
          "task-2 enqueued",
          "task-3 enqueued",
          "cancelled enqueued",
          "cancelled cancelled",
        ],
      );
    });
  }

  it("says what it could not open, and what is over", () => {
    assert.throws(() => openBackendSync({ tasks: "redis:" }), {
      code: "ERR_CONFIGURATION",
      message: /Cannot open the tasks of a backend at "redis:"/,
    });
    assert.throws(() => openBackendSync({ tasks: "memory:" }, { timeoutMs: -1 }), RangeError);
    const backend = openBackendSync({ tasks: "memory:" });
    assert.equal(backend.healthCheckSync().status, "healthy");
    assert.equal(backend.tasks.dequeueSync("default", { timeoutMs: 10 }), null);
    assert.equal(backend.runSync({ functionName: "a" }, { timeoutMs: 10 }), null);
    backend.closeSync();
    backend.closeSync();
    const closed = { code: "ERR_CLOSED", message: /: the backend is closed$/ };
    assert.throws(() => backend.enqueueSync({ functionName: "a" }), closed);
    assert.throws(() => backend.tasks.dequeueSync("default"), closed);
    assert.throws(() => backend.results.waitSync("a"), closed);
    const { tasks, results } = backend.healthCheckSync();
    for (const { status, error } of [tasks, results]) {
      assert.equal(status, "disconnected");
      assert.match(error!, /the backend is closed$/);
    }
  });

  it("keeps claims apart: a late one is refused", () => {
    using backend = openBackendSync({ tasks: "memory:" });
    const id = backend.enqueueSync({ functionName: "a", maxRetries: 0 });
    const task = backend.tasks.dequeueSync("default")!;
    backend.tasks.heartbeatSync(task);
    assert.equal(backend.tasks.failSync(task, new TypeError("no")), "failed");
    assert.throws(() => backend.tasks.completeSync(task), { code: "ERR_LEASE_LOST" });
    assert.deepEqual(backend.tasks.getTaskSync(id)?.lastError, {
      type: "TypeError",
      message: "no",
    });
    assert.equal(backend.requeueSync(id), true);
    assert.equal(backend.deleteTaskSync(id), true);
  });
});
