import assert from "node:assert/strict";
import { after, describe, it } from "node:test";
import { natsSkipReason } from "../../scripts/nats_server.ts";
import type { NatsConnectionLike } from "../../src/nats/connection.ts";
import { jsApiRequest } from "../../src/nats/js_api.ts";
import { NatsTaskQueue } from "../../src/queue/nats.ts";
import { encodeRecord } from "../../src/queue/nats/codec.ts";
import { newRecord } from "../../src/queue/record.ts";
import { eventually } from "../helpers.ts";
import { TestServer, TIMEOUT_MS, VERSIONS } from "../nats/accounts.ts";
import { spyOn } from "../nats/spy.ts";
import { claim, drain, SOON_MS, task } from "./suite.ts";

const options = { skip: natsSkipReason(), timeout: TIMEOUT_MS };

/** One message stays in the stream of tokens. */
const PIN = 1;

interface StreamInfo {
  readonly state: { readonly messages: number };
}

async function messagesIn(connection: NatsConnectionLike, stream: string): Promise<number> {
  const { state } = await jsApiRequest<StreamInfo>(connection, `STREAM.INFO.${stream}`);
  return state.messages;
}

/** Deletes the record of a task behind the queue's back. */
async function deleteRecord(connection: NatsConnectionLike, key: string): Promise<void> {
  const filter = `$KV.naq-tasks.task.${key}`;
  await jsApiRequest(connection, "STREAM.PURGE.KV_naq-tasks", { filter });
}

for (const version of VERSIONS) {
  const server = new TestServer(version);
  if (options.skip === false) await server.get();
  describe(`NatsTaskQueue: streams on ${version}`, options, () => {
    after(() => server.stop());

    it("two prefixes never meet", options, async () => {
      const connection = await server.connect();
      const prefixes = ["a", "a.b", "a-tokens", "a-tasks", "A", "a=2Eb", "KV_a", "*", ">"];
      const queues = await Promise.all(
        prefixes.map((prefix) => NatsTaskQueue.open(connection, { prefix })),
      );
      await Promise.all(queues.map((queue, at) => queue.enqueue(task("same", { args: at }))));
      for (const [at, queue] of queues.entries()) {
        assert.equal((await claim(queue)).args, at);
        assert.equal(await queue.dequeue("q", { timeoutMs: 0 }), null);
        assert.equal(await queue.countTasks(), 1);
        assert.deepEqual(await queue.listQueues(), ["q"]);
      }
      await Promise.all(queues.map((queue) => queue.close()));
      await assert.rejects(NatsTaskQueue.open(connection, { prefix: "" }), RangeError);
    });

    it("a token is nothing but its name, and a band a durable consumer", options, async () => {
      const connection = await server.connect();
      await using queue = await NatsTaskQueue.open(connection);
      await queue.enqueue(task("a", { args: "of the record", priority: 7 }));
      const { message } = await jsApiRequest<{ message: { subject: string; data?: string } }>(
        connection,
        "STREAM.MSG.GET.naq-tokens",
        { last_by_subj: "naq-tokens.ready.>" },
      );
      assert.equal(message.subject, "naq-tokens.ready.q.7.a.0");
      assert.equal(message.data ?? "", "");
      const { config } = await jsApiRequest<{ config: { retention: string } }>(
        connection,
        "STREAM.INFO.naq-tokens",
      );
      assert.equal(config.retention, "workqueue");
      const consumer = await jsApiRequest<{ config: { durable_name?: string } }>(
        connection,
        "CONSUMER.INFO.naq-tokens.q@7",
      );
      assert.equal(consumer.config.durable_name, "q@7");
    });

    it("enqueueMany() waits for no answer before it sends the next task", options, async () => {
      const { connection, traffic } = spyOn(await server.connect());
      await using queue = await NatsTaskQueue.open(connection);
      await queue.enqueue(task("first"));
      const [sent, received] = [traffic.sent.length, traffic.received.length];
      const tasks = Array.from({ length: 500 }, (_, at) => task(`t-${at}`));
      const enqueueing = queue.enqueueMany(tasks);
      await eventually(() => traffic.received.length > received);
      // A token and a record of each.
      assert.equal(traffic.sent.length - sent, 1000);
      await enqueueing;
    });

    it("leaves nothing in the stream of tokens when all is done", options, async () => {
      const connection = await server.connect();
      await using queue = await NatsTaskQueue.open(connection);
      const tasks = Array.from({ length: 40 }, (_, at) =>
        task(`t-${at}`, {
          priority: at % 3,
          retryDelayMs: at % 2,
          maxRetries: 1,
          ...(at % 5 === 0 ? { delayMs: 20 } : {}),
        }));
      await queue.enqueueMany(tasks);
      await queue.enqueueMany(tasks);
      await queue.cancel("t-1");
      await queue.deleteTask("t-5");
      for (let ended = 2; ended < tasks.length;) {
        const claimed = await claim(queue);
        if (claimed.attempts === 1 && Number(claimed.id.slice(2)) % 4 === 2) {
          await queue.fail(claimed, "no");
          continue;
        }
        ended++;
        if (ended % 2 === 0) await queue.complete(claimed);
        else await queue.fail(claimed, "no", { retry: false });
      }
      await eventually(async () => await messagesIn(connection, "naq-tokens") === PIN);
      assert.equal(await queue.countTasks(), 39);
      assert.equal(await queue.countTasks({ state: ["completed", "failed"] }), 38);
    });

    it("an aborted wait gives back at once what was on its way", options, async () => {
      const connection = await server.connect();
      const other = await server.connect(server.lastAccount);
      await using queue = await NatsTaskQueue.open(connection, { leaseMs: 60_000 });
      await using elsewhere = await NatsTaskQueue.open(other, { leaseMs: 60_000 });
      for (let round = 0; round < 20; round++) {
        const controller = new AbortController();
        const waiting = Array.from(
          { length: 3 },
          () => queue.dequeue(["q", "r"], { signal: controller.signal }).catch(() => null),
        );
        const enqueued = elsewhere.enqueue(task(`t-${round}`));
        if (round % 2 === 0) await enqueued;
        controller.abort();
        const claimed = (await Promise.all(waiting)).find((each) => each !== null) ??
          await claim(elsewhere);
        assert.equal(claimed.id, `t-${round}`);
        await queue.complete(claimed);
      }
    });

    it("a task that is too large is refused, and the connection stays", options, async () => {
      const connection = await server.connect();
      await using queue = await NatsTaskQueue.open(connection);
      const large = new Uint8Array(1024 * 1024);
      await assert.rejects(queue.enqueue(task("a", { args: large })), {
        code: "ERR_EVENT_TOO_LARGE",
      });
      assert.equal(await messagesIn(connection, "naq-tokens"), PIN);
      await queue.enqueue(task("b", { args: large.subarray(0, 1_000_000) }));
      const claimed = await claim(queue);
      await assert.rejects(queue.complete(claimed, large), { code: "ERR_EVENT_TOO_LARGE" });
      await queue.complete(claimed);
    });

    it("a task that is taken can be claimed, and fail, however large it is", options, async () => {
      const connection = await server.connect();
      await using queue = await NatsTaskQueue.open(connection);
      const tooLarge = { code: "ERR_EVENT_TOO_LARGE", message: /less 32768 for what is added/ };
      const enqueue = (size: number) => queue.enqueue(task("a", { args: new Uint8Array(size) }));
      let size = 1024 * 1024;
      while (await enqueue(size).then(() => false, () => true)) size -= 1024;
      await assert.rejects(
        queue.enqueue(task("b", { args: new Uint8Array(size + 1024) })),
        tooLarge,
      );
      const error = Object.assign(new Error("€".repeat(5000)), { name: "€".repeat(5000) });
      assert.equal(await queue.fail(await claim(queue), error, { delayMs: 0 }), "retry");
      await queue.complete(await claim(queue));
    });

    it("a token without a record is in nobody's way", options, async () => {
      const connection = await server.connect();
      await using queue = await NatsTaskQueue.open(connection);
      await queue.enqueueMany([task("a"), task("b")]);
      await deleteRecord(connection, "a");
      assert.deepEqual(await drain(queue), ["b"]);
      // Whoever sent the token may still be about to store the record.
      await queue.enqueue(task("a"));
      assert.equal((await claim(queue)).id, "a");
    });

    it("cleanupExpiredTasks() brings back a task whose token was lost", options, async () => {
      const connection = await server.connect();
      await using queue = await NatsTaskQueue.open(connection);
      const record = newRecord(task("lost"), Date.now() - 120_000);
      await connection.request("$KV.naq-tasks.task.lost", encodeRecord(record), { timeout: 2000 });
      assert.equal(await queue.dequeue("q", { timeoutMs: 0 }), null);
      assert.equal(await queue.cleanupExpiredTasks(), 0);
      assert.equal((await claim(queue)).id, "lost");
    });

    // A floor server says nothing of it: there it takes the time of a request.
    const skip = options.skip || (version === "floor" ? "takes seven seconds here" : false);
    it("a consumer that was deleted is made again", { ...options, skip }, async () => {
      const connection = await server.connect();
      await using queue = await NatsTaskQueue.open(connection);
      await queue.enqueue(task("a"));
      await queue.complete(await claim(queue));
      const waiting = claim(queue);
      await connection.flush();
      await jsApiRequest(connection, "CONSUMER.DELETE.naq-tokens.q@0");
      await queue.enqueue(task("b"));
      assert.equal((await waiting).id, "b");
    });

    it("who has a shorter lease gets lost tasks back after it", options, async () => {
      const connection = await server.connect();
      await using patient = await NatsTaskQueue.open(connection, { leaseMs: 60_000 });
      await patient.enqueue(task("a"));
      await using quick = await NatsTaskQueue.open(connection, { leaseMs: 200 });
      await claim(quick);
      const again = await quick.dequeue("q", { timeoutMs: SOON_MS });
      assert.equal(again?.attempts, 2);
    });
  });
}
