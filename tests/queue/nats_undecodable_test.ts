import assert from "node:assert/strict";
import { after, describe, it } from "node:test";
import { natsSkipReason } from "../../scripts/nats_server.ts";
import { encodeSubjectToken } from "../../src/event/token.ts";
import type { NatsConnectionLike } from "../../src/nats/connection.ts";
import { jsApiRequest } from "../../src/nats/js_api.ts";
import { NatsTaskQueue } from "../../src/queue/nats.ts";
import { encodeRecord } from "../../src/queue/nats/codec.ts";
import { newRecord, type TaskRecord } from "../../src/queue/record.ts";
import type { UndecodableMessage } from "../../src/storage/storage.ts";
import { TestServer, TIMEOUT_MS, VERSIONS } from "../nats/accounts.ts";
import { claim, drain, task } from "./suite.ts";

const options = { skip: natsSkipReason(), timeout: TIMEOUT_MS };

const BUCKET = "$KV.naq-tasks";
const RECORD = newRecord(task("other"), 1);
const { generation: _, ...WITHOUT } = { ...RECORD, id: "bad" };
/** What may be stored of the task "bad". */
const DAMAGED: Readonly<Record<string, Uint8Array>> = {
  "no MessagePack": new Uint8Array([0xc1]),
  "half of a record": encodeRecord({ ...RECORD, id: "bad" }).subarray(0, 40),
  "a map of something else": new Uint8Array([0x81, 0xa1, 0x61, 0x01]),
  "a record without a field": encodeRecord(WITHOUT as TaskRecord),
  "a record with arguments that are none": encodeRecord({
    ...RECORD,
    id: "bad",
    body: new Uint8Array([0xc1]),
  }),
  "the record of another task": encodeRecord(RECORD),
};
const REFUSED = {
  name: "JobEventError",
  code: "ERR_DECODE",
  message: /^Cannot read key \$KV\.naq-tasks\.task\.bad: .+ or let deleteTask\("bad"\) delete it$/,
};

/** Puts bytes into the bucket as another program would. */
async function put(
  connection: NatsConnectionLike,
  key: string,
  payload: Uint8Array,
): Promise<void> {
  await connection.request(`${BUCKET}.${key}`, payload, { timeout: 5000 });
}

async function lastOf(connection: NatsConnectionLike, key: string): Promise<string | undefined> {
  const { message } = await jsApiRequest<{ message: { data?: string } }>(
    connection,
    "STREAM.MSG.GET.KV_naq-tasks",
    { last_by_subj: `${BUCKET}.${key}` },
  );
  return message.data;
}

/** How many tokens there are of a subject. */
async function tokensOf(connection: NatsConnectionLike, subject: string): Promise<number> {
  const { state } = await jsApiRequest<{ state: { subjects?: Readonly<Record<string, number>> } }>(
    connection,
    "STREAM.INFO.naq-tokens",
    { subjects_filter: subject },
  );
  return state.subjects?.[subject] ?? 0;
}

for (const version of VERSIONS) {
  const server = new TestServer(version);
  if (options.skip === false) await server.get();
  describe(`NatsTaskQueue: what cannot be decoded, on ${version}`, options, () => {
    after(() => server.stop());

    for (const [what, payload] of Object.entries(DAMAGED)) {
      it(`${what} is in nobody's way, is told of, and stays`, options, async () => {
        const connection = await server.connect();
        const told: UndecodableMessage[] = [];
        const onDecodeError = (message: UndecodableMessage): void => {
          told.push(message);
          throw new Error("It is ignored");
        };
        await using queue = await NatsTaskQueue.open(connection, { onDecodeError });
        await queue.enqueueMany([task("a"), task("bad"), task("b", { ttlMs: 1 }), task("c")]);
        await put(connection, "task.bad", payload);
        const before = await lastOf(connection, "task.bad");

        assert.deepEqual((await queue.listTasks()).map(({ id }) => id), ["a", "b", "c"]);
        assert.equal(await queue.countTasks({ functionName: "work" }), 3);
        assert.equal(await queue.cleanupExpiredTasks(), 1);
        assert.equal(told[0]?.subject, `${BUCKET}.task.bad`);
        assert.deepEqual(Uint8Array.from(told[0].payload), Uint8Array.from(payload));
        assert.equal(told[0].error.code, "ERR_DECODE");
        assert.equal(queue.decodeErrors, told.length);

        const first = await claim(queue);
        assert.equal(first.id, "a");
        const count = told.length;
        const second = await claim(queue);
        assert.equal(second.id, "c");
        assert.equal(told.length, count + 1);
        assert.equal(await queue.dequeue("q", { timeoutMs: 0 }), null);
        await queue.complete(first);
        await queue.release(second);
        assert.equal(await queue.purgeQueue("q"), 1);

        for (const call of ["getTask", "cancel", "requeue"] as const) {
          await assert.rejects(queue[call]("bad"), REFUSED, call);
        }
        assert.equal(await lastOf(connection, "task.bad"), before);
        assert.equal(await tokensOf(connection, "naq-tokens.ready.q.0.bad.0"), 1);
        assert.equal(await queue.deleteTask("bad"), true);
        assert.equal(await queue.getTask("bad"), null);
      });
    }

    it("a task is executed that takes the place of one that was deleted", options, async () => {
      const connection = await server.connect();
      await using queue = await NatsTaskQueue.open(connection);
      await queue.enqueue(task("bad"));
      await put(connection, "task.bad", new Uint8Array([0xc1]));
      assert.deepEqual(await drain(queue), []);
      await queue.deleteTask("bad");
      await queue.enqueue(task("bad", { queue: "r" }));
      assert.deepEqual(await drain(queue, "r"), ["bad"]);
    });

    it("who has a claim learns what is wrong with its task", options, async () => {
      const connection = await server.connect();
      await using queue = await NatsTaskQueue.open(connection);
      await using other = await NatsTaskQueue.open(connection);
      await queue.enqueue(task("bad"));
      const claimed = await claim(queue);
      await put(connection, "task.bad", new Uint8Array([0xc1]));
      for (const each of [queue, other]) await assert.rejects(each.complete(claimed), REFUSED);
      await assert.rejects(queue.enqueue(task("bad", { queue: "r" })), REFUSED);
    });

    it("a schedule that cannot be decoded is in nobody's way", options, async () => {
      const connection = await server.connect();
      await using queue = await NatsTaskQueue.open(connection);
      const recurrence = { everyMs: 3_600_000 };
      const { nextRunAt } = await queue.schedule("bad", recurrence, task("x"));
      await queue.schedule("good", recurrence, task("x"));
      const occurrence = `bad@${nextRunAt.toISOString()}`;
      await put(connection, "schedule.bad", new Uint8Array([0x80]));
      assert.deepEqual((await queue.listSchedules()).map(({ name }) => name), ["good"]);
      assert.equal(await queue.cleanupExpiredTasks(), 0);
      assert.equal(await queue.cancel(occurrence), true);
      await assert.rejects(queue.schedule("bad", recurrence, task("x")), {
        code: "ERR_DECODE",
        message: /schedule\.bad: .+ or let unschedule\("bad"\) delete it$/,
      });
      assert.equal(await queue.unschedule("bad"), true);
      await queue.schedule("bad", recurrence, task("x"));
      assert.equal((await queue.listSchedules()).length, 2);
    });

    it("an occurrence that cannot be decoded does not end a cleanup", options, async () => {
      const connection = await server.connect();
      await using queue = await NatsTaskQueue.open(connection);
      const { nextRunAt } = await queue.schedule("s", { everyMs: 3_600_000 }, task("x"));
      const id = `s@${nextRunAt.toISOString()}`;
      await put(connection, `task.${encodeSubjectToken(id)}`, new Uint8Array([0xc1]));
      await assert.rejects(queue.getTask(id), { code: "ERR_DECODE" });
      await jsApiRequest(connection, "STREAM.PURGE.naq-tokens");
      assert.equal(await queue.cleanupExpiredTasks(), 0);
    });
  });
}
