import assert from "node:assert/strict";
import { after, describe, it } from "node:test";
import { natsSkipReason } from "../../scripts/nats_server.ts";
import { TaskBackend } from "../../src/backend/mod.ts";
import { JobEventLogger } from "../../src/logger/logger.ts";
import { NatsTaskQueue, type TaskQueueOptions } from "../../src/queue/mod.ts";
import { NatsTaskResultStorage } from "../../src/results/mod.ts";
import { MemoryJobEventStorage } from "../../src/storage/memory.ts";
import type { JobEventSink } from "../../src/storage/storage.ts";
import { Worker } from "../../src/worker/mod.ts";
import { eventually } from "../helpers.ts";
import { TestServer, TIMEOUT_MS, VERSIONS } from "../nats/accounts.ts";
import { LOGGER, workerSuite } from "./suite.ts";

const skip = natsSkipReason();

for (const version of VERSIONS) {
  const server = new TestServer(version);
  // Here, because a first start may take longer than Bun lets a test of the suite take.
  if (skip === false) await server.get();
  const open = async (events: JobEventSink, options?: TaskQueueOptions): Promise<TaskBackend> => {
    const connection = await server.connect();
    const tasks = await NatsTaskQueue.open(connection, options);
    const results = await NatsTaskResultStorage.open(connection);
    const logger = new JobEventLogger(events, LOGGER);
    const closers = [() => logger.stop(), () => results.close(), () => tasks.close()];
    return new TaskBackend({ tasks, results, events, logger, closers });
  };
  describe(`worker on NATS ${version}`, { skip, timeout: TIMEOUT_MS }, () => {
    after(() => server.stop());
    workerSuite(`Worker on NATS ${version}`, { open });

    it("goes on after the server was killed", { timeout: 60_000 }, async () => {
      const events = new MemoryJobEventStorage();
      await using backend = await open(events);
      await using worker = new Worker(backend, { work: (args) => args });
      const ids = await backend.enqueueMany(
        Array.from({ length: 60 }, (_, n) => ({ functionName: "work", args: n })),
      );
      worker.start();
      const results = Promise.all(
        ids.map((id) => backend.waitForResult(id, { timeoutMs: 50_000 })),
      );
      await eventually(() => worker.stats().completed >= 10, { timeoutMs: 20_000 });
      const nats = await server.get();
      await nats.kill("SIGKILL");
      await nats.restart();
      assert.deepEqual((await results).map((result) => result?.value), ids.map((_, n) => n));
    });
  });
}
