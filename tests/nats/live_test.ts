import assert from "node:assert/strict";
import { after, describe, it } from "node:test";
import { natsSkipReason } from "../../scripts/nats_server.ts";
import type { NatsConnectionLike } from "../../src/nats/connection.ts";
import { openEventStream } from "../../src/nats/stream.ts";
import type { NatsJobEventStorage } from "../../src/storage/nats.ts";
import { eventually, take, within } from "../helpers.ts";
import { event, record } from "../storage/events.ts";
import { openSmall, TestServer, TIMEOUT_MS, VERSIONS } from "./accounts.ts";
import { spyOn } from "./spy.ts";

const skip = natsSkipReason();
const timeout = TIMEOUT_MS;

/** The names of the consumers of the stream. */
async function consumers(connection: NatsConnectionLike): Promise<string[]> {
  const stream = await openEventStream(connection);
  const { consumers } = await stream.request<{ consumers: string[] | null }>(
    `CONSUMER.NAMES.${stream.name}`,
  );
  return consumers ?? [];
}

async function noConsumers(connection: NatsConnectionLike): Promise<void> {
  const what = "no consumers";
  await eventually(async () => (await consumers(connection)).length === 0, { what });
}

/** Stores numbered events until it is told to stop; what is not stored is tried again. */
function writer(storage: NatsJobEventStorage, jobId: string): { stop(): Promise<number> } {
  let isOver = false;
  let count = 0;
  const write = async (): Promise<void> => {
    while (!isOver) {
      const next = record(storage, event(jobId, { message: String(count) }), `${jobId}-${count}`);
      const [outcome] = await storage.append([next]);
      if (outcome?.status === "stored" || outcome?.status === "duplicate") count++;
      else await new Promise((resolve) => setTimeout(resolve, 20));
    }
  };
  const done = write();
  return {
    async stop() {
      isOver = true;
      await done;
      return count;
    },
  };
}

for (const version of VERSIONS) {
  describe(`streamEvents() on NATS ${version}`, { skip, timeout }, () => {
    const server = new TestServer(version);
    after(() => server.stop());

    it("has no gap and nothing twice over kills of the server", { timeout }, async () => {
      await using storage = await server.open();
      const messages: string[] = [];
      const sequences: number[] = [];
      const stream = storage.streamEvents({ jobId: "flow" });
      await stream.ready;
      const reading = (async () => {
        for await (const { message, natsSequence } of stream) {
          messages.push(message!);
          sequences.push(natsSequence);
        }
      })();
      const writing = writer(storage, "flow");
      const process = await server.get();
      for (let round = 0; round < 2; round++) {
        const before = messages.length;
        await eventually(() => messages.length > before + 50, { timeoutMs: 15_000 });
        await process.kill();
        await process.restart();
      }
      const before = messages.length;
      await eventually(() => messages.length > before, { timeoutMs: 15_000 });
      const count = await writing.stop();
      await eventually(() => messages.length >= count, { timeoutMs: 15_000 });
      await stream[Symbol.asyncDispose]();
      await within(reading);
      assert.deepEqual(messages, Array.from({ length: count }, (_, at) => String(at)));
      assert.deepEqual(sequences, sequences.toSorted((left, right) => left - right));
    });

    it("goes on when somebody deletes its consumer, and a filter holds", async () => {
      const connection = await server.connect();
      await using storage = await openSmall(connection);
      const options = { eventType: ["failed", "completed"], from: "all" } as const;
      await using stream = storage.streamEvents(options);
      const iterator = stream[Symbol.asyncIterator]();
      for (let round = 0; round < 3; round++) {
        await storage.storeEvents([
          event("no"),
          event(`yes-${round}`, { eventType: "failed" }),
          event("no"),
        ]);
        const { value } = await within(iterator.next());
        assert.equal(value?.jobId, `yes-${round}`);
        const [name] = await consumers(connection);
        const { request } = await openEventStream(connection);
        await request(`CONSUMER.DELETE.NAQ_JOB_EVENTS.${name}`);
      }
    });

    it("asks for no more than it can hold while the reader is slow", async () => {
      const { connection, traffic } = spyOn(await server.connect());
      await using storage = await openSmall(connection);
      const count = 1000;
      await storage.storeEvents(Array.from({ length: count }, () => event("a")));
      traffic.received.length = 0;
      const iterator = storage.streamEvents({ from: "all" })[Symbol.asyncIterator]();
      await within(iterator.next());
      // An answer to this comes behind everything that the server has sent by then.
      for (let round = 0; round < 5; round++) await connection.flush();
      const held = traffic.received.filter(({ data }) => data.length > 0).length;
      assert(held <= 128, `${held} messages are held`);
      let taken = 1;
      while (taken < count && !(await within(iterator.next())).done) taken++;
      assert.equal(taken, count);
    });

    it("leaves no consumer behind: break, abort, dispose, return, close", async () => {
      const connection = await server.connect();
      const storage = await openSmall(connection);
      await storage.storeEvents([event("a"), event("b")]);
      const controller = new AbortController();
      const { signal } = controller;
      await take(storage.streamEvents({ from: "all" }), 1);
      const aborted = storage.streamEvents({ signal });
      const disposed = storage.streamEvents();
      const returned = storage.streamEvents({ from: "all" })[Symbol.asyncIterator]();
      await returned.next();
      await Promise.all([aborted.ready, disposed.ready]);
      assert.equal((await consumers(connection)).length >= 3, true);
      controller.abort();
      await disposed[Symbol.asyncDispose]();
      await returned.return!();
      await noConsumers(connection);
      // Ended before it has begun.
      const early = storage.streamEvents();
      await early[Symbol.asyncDispose]();
      await storage.streamEvents().ready;
      storage.streamEvents();
      await storage.close();
      assert.deepEqual(await consumers(connection), []);
    });

    it("begins ahead of the end of the stream, and not before", async () => {
      await using storage = await server.open();
      await storage.storeEvents([event("1"), event("2")]);
      const stream = storage.streamEvents({ from: { sequence: 5 } });
      await within(stream.ready);
      await storage.storeEvents(["3", "4", "5"].map((job) => event(job)));
      assert.equal((await take(stream, 1))[0]?.jobId, "5");
    });

    it("removes a consumer that is made while the stream ends", async () => {
      const connection = await server.connect();
      const controller = new AbortController();
      const request: NatsConnectionLike["request"] = (subject, ...rest) => {
        const answer = connection.request(subject, ...rest);
        if (subject.includes("CONSUMER.CREATE")) controller.abort();
        return answer;
      };
      await using storage = await openSmall(Object.assign(Object.create(connection), { request }));
      await storage.streamEvents({ signal: controller.signal }).ready;
      assert.equal(controller.signal.aborted, true);
      await noConsumers(connection);
    });

    it("ends at once while the server is away, and so does close()", async () => {
      const storage = await server.open();
      const stream = storage.streamEvents();
      await stream.ready;
      const reading = take(stream, 1);
      const waiting = take(storage.streamEvents(), 1);
      const process = await server.get();
      await process.kill();
      try {
        await stream[Symbol.asyncDispose]();
        assert.deepEqual(await within(reading, 1000), []);
        await within(storage.close(), 3000);
        assert.deepEqual(await within(waiting, 1000), []);
      } finally {
        await process.restart();
      }
    });
  });
}
