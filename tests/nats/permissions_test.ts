import assert from "node:assert/strict";
import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, it } from "node:test";
import { type NatsServer, natsSkipReason, startNatsServer } from "../../scripts/nats_server.ts";
import { JobEvent } from "../../src/gen/factories.ts";
import { NatsJobEventPublisher } from "../../src/nats/publisher.ts";
import { NatsTaskQueue } from "../../src/queue/nats.ts";
import { NatsJobEventStorage } from "../../src/storage/nats.ts";
import { VERSIONS } from "./accounts.ts";
import { connect, record, type TestConnection, TIMEOUT_MS } from "./publishing.ts";

const skip = natsSkipReason();
const DOCUMENT = new URL("../../docs/nats.md", import.meta.url);
const PASSWORDS = /\$(EMITTER|READER|WORKER|OPERATOR)_PASSWORD/g;

/** The configuration of docs/nats.md, with another directory and passwords and a free port. */
async function sampleConfig(storeDir: string): Promise<string> {
  const [, sample] = /```conf\n(.*?)```/s.exec(await readFile(DOCUMENT, "utf8")) ?? [];
  assert.ok(sample, "docs/nats.md has a configuration");
  const config = sample
    .replace('"/var/lib/nats"', JSON.stringify(storeDir))
    .replace('"127.0.0.1:8080"', '"127.0.0.1:-1"')
    .replaceAll(PASSWORDS, (_, user: string) => `"${user.toLowerCase()}-password"`);
  assert.ok(config.includes(storeDir) && !/8080|_PASSWORD/.test(config));
  return config;
}

for (const version of VERSIONS) {
  describe(
    `The configuration of docs/nats.md on NATS ${version}`,
    { skip, timeout: TIMEOUT_MS },
    () => {
      let storeDir = "";
      let server: NatsServer;
      const as = (user: string): Promise<TestConnection> =>
        connect(server.url, { user, password: `${user}-password`, inboxPrefix: `_INBOX_${user}` });

      before(async () => {
        storeDir = await mkdtemp(join(tmpdir(), "naq-events-permissions-"));
        server = await startNatsServer({
          version,
          jetStream: false,
          config: await sampleConfig(storeDir),
        });
        await using connection = await as("operator");
        await using _ = await NatsJobEventStorage.open(connection, {
          stream: { maxBytes: 64 * 1024 * 1024 },
        });
      }, { timeout: TIMEOUT_MS });
      after(async () => {
        await server?.stop();
        await rm(storeDir, { recursive: true, force: true });
      });

      it("lets the emitter emit and nothing else", async () => {
        await using connection = await as("emitter");
        await using publisher = new NatsJobEventPublisher(connection);
        const event = record(publisher.subjects, "emitted", "first");
        const [outcome] = await publisher.append([event]);
        assert.equal(outcome?.status, "stored");
        await assert.rejects(NatsJobEventStorage.open(connection, { timeoutMs: 500 }), {
          code: "ERR_PERMISSION",
          message: /\$JS\.API\.STREAM\.INFO\.NAQ_JOB_EVENTS/,
        });
        await using spy = new NatsJobEventPublisher(connection, { inboxPrefix: "_INBOX" });
        const [refused] = await spy.append([{ ...event, eventId: "second" }]);
        assert.ok(refused?.status === "rejected" && refused.error.code === "ERR_PERMISSION");
      });

      it("lets the worker enqueue, execute and manage tasks, and see no events", async () => {
        await using connection = await as("worker");
        await using queue = await NatsTaskQueue.open(connection);
        const input = { functionName: "f", queue: "q" };
        const ids = await queue.enqueueMany([input, { ...input, delayMs: 1 }, input]);
        const claimed = await queue.dequeue("q", { timeoutMs: 10_000 });
        assert(claimed !== null);
        assert.equal(claimed.id, ids[0]);
        await queue.heartbeat(claimed);
        assert.equal(await queue.fail(claimed, "no", { delayMs: 0 }), "retry");
        assert.equal(await queue.cancel(ids[2]!), true);
        assert.equal(await queue.requeue(ids[2]!), true);
        for (let left = ids.length; left > 0; left--) {
          const next = await queue.dequeue("q", { timeoutMs: 10_000 });
          assert(next !== null);
          await queue.complete(next);
        }
        assert.deepEqual(await queue.queueInfo("q"), { pending: 0, running: 0, delayed: 0 });
        assert.equal((await queue.listTasks({ state: "completed" })).length, 3);
        await queue.schedule("s", { everyMs: 3_600_000 }, input);
        assert.equal(await queue.unschedule("s"), true);
        assert.equal(await queue.deleteTask(ids[0]!), true);
        assert.equal(await queue.cleanupExpiredTasks(), 0);
        assert.equal(await queue.countTasks(), 2);
        await assert.rejects(NatsJobEventStorage.open(connection, { timeoutMs: 500 }), {
          code: "ERR_PERMISSION",
        });
      });

      it("lets the reader read, follow and process, and neither store nor delete", async () => {
        await using boss = await as("operator");
        await using store = await NatsJobEventStorage.open(boss);
        await store.storeEvents([
          JobEvent.enqueued("read", "mail"),
          JobEvent.started("read", "w", "async"),
        ]);

        await using connection = await as("reader");
        await using storage = await NatsJobEventStorage.open(connection);
        assert.equal((await storage.getEvents("read")).length, 2);
        assert.equal((await storage.listEvents({ order: "newest", limit: 1 })).length, 1);
        assert.equal(
          (await storage.listEvents({ jobId: "read", eventType: ["started"] })).length,
          1,
        );
        assert.equal(await storage.countEvents({ jobId: "read" }), 2);
        assert.equal((await storage.healthCheck()).status, "healthy");

        await using live = storage.streamEvents({ jobId: "read" });
        await live.ready;
        await store.storeEvent(JobEvent.completed("read", "w", 1));
        for await (const event of live) {
          assert.equal(event.eventType, "completed");
          break;
        }

        await using group = storage.consumeEvents({ consumerName: "group", jobId: "read" });
        let delivered = 0;
        for await (const delivery of group) {
          if (delivered === 1) await delivery.deadLetter("no use");
          else await delivery.ack();
          if (++delivered === 3) break;
        }
        assert.equal(delivered, 3);

        const refused = { code: "ERR_PERMISSION" };
        await assert.rejects(storage.storeEvent(JobEvent.cancelled("read")), refused);
        await assert.rejects(storage.deleteEvents("read"), refused);
        await assert.rejects(storage.deleteEvents("read", { erase: true }), refused);
        await assert.rejects(storage.cleanupExpiredEvents({ olderThan: new Date() }), refused);
        assert.equal(await store.countEvents({ jobId: "read" }), 3);
      });

      it("lets the operator do all of it", async () => {
        await using connection = await as("operator");
        await using storage = await NatsJobEventStorage.open(connection);
        await storage.storeEvent(JobEvent.enqueued("kept", "mail"));
        assert.equal(await storage.deleteEvents("read"), 3);
        assert.equal(await storage.deleteEvents("emitted", { erase: true }), 1);
        assert.equal(await storage.cleanupExpiredEvents({ olderThan: new Date() }), 1);
        assert.equal(await storage.countEvents(), 0);
      });
    },
  );
}
