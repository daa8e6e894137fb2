import { headers as makeHeaders } from "@nats-io/nats-core";
import assert from "node:assert/strict";
import { after, describe, it } from "node:test";
import { natsSkipReason } from "../../scripts/nats_server.ts";
import { encodeJobEvent } from "../../src/event/encode.ts";
import { JOB_EVENT_TYPES } from "../../src/gen/types.ts";
import type { NatsHeadersLike } from "../../src/nats/connection.ts";
import type { UndecodableMessage } from "../../src/storage/storage.ts";
import { take, within } from "../helpers.ts";
import { event } from "../storage/events.ts";
import { openSmall, TestServer, TIMEOUT_MS, VERSIONS } from "./accounts.ts";
import { spyOn } from "./spy.ts";

const skip = natsSkipReason();
const timeout = TIMEOUT_MS;
const ODD_IDS = [
  "a.b",
  "a",
  "*",
  ">",
  "x y",
  "global",
  "😀",
  "é",
  "=2A",
  "a*",
  "A",
  "x".repeat(250),
];
const encoder = new TextEncoder();

for (const version of VERSIONS) {
  describe(`reads on NATS ${version}`, { skip, timeout }, () => {
    const server = new TestServer(version);
    after(() => server.stop());

    it("keep odd ids of jobs, workers and queues apart", { timeout }, async () => {
      await using storage = await server.open();
      for (const id of ODD_IDS) {
        await storage.storeEvents([
          event(id),
          event("worker", { workerId: id }),
          event("queue", { queueName: id, workerId: "w" }),
          event("queue", { queueName: id }),
        ]);
      }
      for (const id of ODD_IDS) {
        assert.deepEqual((await storage.getEvents(id)).map(({ jobId }) => jobId), [id]);
        const worker = await storage.listEvents({ workerId: id, eventType: "started" });
        assert.deepEqual(worker.map(({ workerId }) => workerId), [id]);
        const queue = await storage.listEvents({ queueName: id, order: "newest" });
        assert.deepEqual(queue.map(({ queueName }) => queueName), [id, id]);
        assert.equal(await storage.countEvents({ jobId: id }), 1);
        assert.equal(await storage.countEvents({ workerId: id }), 1);
        assert.equal(await storage.countEvents({ queueName: id }), 2);
        assert.equal((await take(storage.streamEvents({ jobId: id, from: "all" }), 1)).length, 1);
      }
      for (const call of [storage.getEvents.bind(storage), storage.deleteEvents.bind(storage)]) {
        for (const id of ["", "x".repeat(300), "\ud800"]) {
          await assert.rejects(async () => await call(id), { name: /TypeError|RangeError/ });
        }
      }
    });

    it('deleteEvents("*") deletes the job named "*" alone, erased or not', async () => {
      await using storage = await server.open();
      for (const erase of [false, true]) {
        for (const wild of ["*", ">"]) {
          await storage.storeEvents(ODD_IDS.map((id) => event(id)));
          const before = await storage.countEvents();
          assert.equal(await storage.deleteEvents(wild, { erase }), 1);
          assert.equal(await storage.countEvents(), before - 1);
          assert.equal((await storage.getEvents(wild)).length, 0);
          await storage.storeEvent(event(wild));
          for (const id of ODD_IDS) await storage.deleteEvents(id);
          assert.equal(await storage.countEvents(), 0);
        }
      }
    });

    it("deleteEvents() takes nothing from groups and live streams of other jobs", async () => {
      await using storage = await server.open();
      const stream = storage.streamEvents();
      await stream.ready;
      await storage.consumeEvents({ consumerName: "late" })[Symbol.asyncDispose]();
      const deliveries = storage.consumeEvents({ consumerName: "group" });
      await deliveries.ready;
      await storage.storeEvents([event("gone"), event("kept"), event("gone"), event("kept")]);
      assert.equal(await storage.deleteEvents("gone"), 2);
      const jobs = (await take(deliveries, 2)).map(({ event }) => event.jobId);
      assert.deepEqual(jobs, ["kept", "kept"]);
      const seen = (await take(stream, 2)).map(({ natsSequence }) => natsSequence);
      // It may have seen what was deleted later, but it must not miss the rest.
      assert(seen.includes(2), `saw ${seen}`);
    });

    it("erase: true leaves no byte of the event in the stream", async () => {
      const connection = await server.connect();
      await using storage = await openSmall(connection);
      const [secret] = await storage.storeEvents([
        event("secret", { message: "very private words" }),
        event("other"),
      ]);
      const { sent } = { sent: [] as string[] };
      const spied = spyOn(connection);
      await using eraser = await openSmall(spied.connection);
      assert.equal(await eraser.deleteEvents("secret", { erase: true }), 1);
      sent.push(...spied.traffic.sent);
      assert.equal(sent.filter((subject) => subject.includes("STREAM.MSG.DELETE")).length, 1);
      assert.equal(sent.filter((subject) => subject.includes("PURGE.NAQ_JOB_EVENTS")).length, 0);
      const body = encoder.encode(JSON.stringify({ seq: secret!.natsSequence }));
      const api = "$JS.API.STREAM.MSG.GET.NAQ_JOB_EVENTS";
      const { data } = await connection.request(api, body, { timeout: 2000 });
      assert.match(new TextDecoder().decode(data), /"code":404/);
      assert.equal(await storage.countEvents(), 1);
    });

    it("skip what is no event, count it and report it", async () => {
      const reports: UndecodableMessage[] = [];
      const connection = await server.connect();
      await using storage = await openSmall(connection, {
        onDecodeError: (message) => {
          reports.push(message);
          throw new Error("a callback that fails");
        },
      });
      const { prefix } = storage.subjects;
      await storage.storeEvent(event("job"));
      const spoofed = makeHeaders() as NatsHeadersLike;
      for (const name of ["Nats-Sequence", "Nats-Last-Sequence", "Nats-Num-Pending"]) {
        spoofed.set(name, "1");
      }
      spoofed.set("Nats-Subject", `${prefix}.other.started`);
      const junk: [string, Uint8Array][] = [
        [`${prefix}.job.started`, encoder.encode("not an event")],
        [`${prefix}.job.started`, new Uint8Array()],
        [`${prefix}.job.what.ever.this.is`, new Uint8Array(5000)],
      ];
      for (const [subject, data] of junk) connection.publish(subject, data);
      connection.publish(`${prefix}.job.started`, encodeJobEvent(event("job")), {
        headers: spoofed,
      });
      await connection.flush();
      await storage.storeEvent(event("job"));
      for (const order of ["oldest", "newest"] as const) {
        const events = await storage.listEvents({ jobId: "job", order });
        const sequences = events.map(({ natsSequence }) => natsSequence);
        assert.deepEqual(sequences.toSorted(), [1, 5, 6]);
        const foreign = events.find(({ natsSequence }) => natsSequence === 5);
        assert.equal(foreign?.natsSubject, `${prefix}.job.started`);
        assert.equal(foreign.eventId, "sequence-5");
      }
      assert.equal(storage.decodeErrors, 6);
      const shown = reports.slice(0, 3).map(({ sequence, subject, payload, error }) =>
        [sequence, subject, payload.length, error.code] as const
      );
      assert.deepEqual(
        shown,
        junk.map(([subject, data], at) => [at + 2, subject, data.length, "ERR_DECODE"]),
      );
      assert.equal((await take(storage.streamEvents({ from: "all" }), 3)).length, 3);
    });

    it("newest first does not read what is before", async () => {
      const { connection, traffic } = spyOn(await server.connect());
      await using storage = await openSmall(connection);
      const many = Array.from(
        { length: 4000 },
        (_, at) => event(`job-${at % 7}`, { eventType: at % 50 === 0 ? "failed" : "started" }),
      );
      const stored = await storage.storeEvents(many);
      const check = async (most: number, query: object, wanted: number[]): Promise<void> => {
        traffic.received.length = 0;
        const events = await storage.listEvents({ order: "newest", ...query });
        assert.deepEqual(events.map(({ natsSequence }) => natsSequence), wanted);
        const { length } = traffic.received;
        assert(length <= most, `${length} messages for ${JSON.stringify(query)}`);
      };
      const last = stored.map(({ natsSequence }) => natsSequence).reverse();
      await check(60, { limit: 3 }, last.slice(0, 3));
      await check(60, { limit: 3, jobId: "job-6" }, last.filter((at) => at % 7 === 0).slice(0, 3));
      await check(200, { limit: 2, offset: 1, eventType: "failed" }, [3901, 3851]);
    });

    it("a job is read event by event or in pages, with the same result", async () => {
      const { connection, traffic } = spyOn(await server.connect());
      await using storage = await openSmall(connection);
      for (const [jobId, count] of [["few", 16], ["many", 17]] as const) {
        const stored = await storage.storeEvents(Array.from({ length: count }, () => event(jobId)));
        const [other] = await storage.storeEvents([event(jobId, { eventType: "failed" })]);
        await storage.storeEvent(event("another"));
        traffic.sent.length = 0;
        assert.deepEqual(await storage.getEvents(jobId), [...stored, other]);
        const gets = traffic.sent.filter((subject) => subject.includes("DIRECT.GET")).length;
        assert.equal(gets, jobId === "few" ? 17 : version === "floor" ? 0 : 1);
        const afterSequence = stored[3]!.natsSequence;
        const order = "newest";
        const newest = await storage.getEvents(jobId, { order, afterSequence, limit: 3 });
        assert.deepEqual(newest, [other, ...stored.toReversed()].slice(0, 3));
        const failed = await storage.getEvents(jobId, { eventType: "failed" });
        assert.deepEqual(failed, [other]);
        assert.deepEqual(
          await storage.getEvents(jobId, { afterSequence: other!.natsSequence }),
          [],
        );
      }
    });

    it("work on a stream that does not allow Direct Get", async () => {
      const connection = await server.connect();
      const config = { name: "PLAIN", subjects: ["naq.jobs.events.>"], storage: "memory" };
      const body = encoder.encode(JSON.stringify(config));
      await connection.request("$JS.API.STREAM.CREATE.PLAIN", body, { timeout: 2000 });
      const spied = spyOn(connection);
      await using storage = await openSmall(spied.connection, { streamName: "PLAIN" });
      const stored = await storage.storeEvents(["a", "b", "a", "c"].map((job) => event(job)));
      assert.deepEqual(await storage.listEvents(), stored);
      assert.deepEqual(await storage.getEvents("a"), [stored[0], stored[2]]);
      assert.deepEqual(await storage.listEvents({ order: "newest", limit: 1 }), [stored[3]]);
      assert(!spied.traffic.sent.some((subject) => subject.includes("DIRECT.GET")));
    });

    it("counts without reading where subjects suffice", async () => {
      const { connection, traffic } = spyOn(await server.connect());
      await using storage = await openSmall(connection);
      await storage.storeEvents(
        Array.from(
          { length: 300 },
          (_, at) => event(`job-${at % 3}`, at % 2 === 0 ? { workerId: "w" } : { queueName: "q" }),
        ),
      );
      traffic.received.length = 0;
      assert.equal(await storage.countEvents(), 300);
      assert.equal(await storage.countEvents({ jobId: "job-1" }), 100);
      assert.equal(await storage.countEvents({ workerId: "w", eventType: ["started"] }), 150);
      assert.equal(await storage.countEvents({ eventType: "started", jobId: "job-2" }), 100);
      assert.equal(await storage.countEvents({ eventType: "failed" }), 0);
      assert.equal(traffic.received.length, 0);
      assert.equal(await storage.countEvents({ queueName: "q" }), 150);
      assert(traffic.received.length > 0, "a queue cannot be counted by subject");
    });

    it("counts by many types, also where no consumer can be made", async () => {
      const connection = await server.connect();
      for (const name of ["FREE", "FULL"]) {
        const subjectPrefix = name.toLowerCase();
        const config = { name, subjects: [`${subjectPrefix}.>`], storage: "memory" };
        const limit = name === "FULL" ? { max_consumers: 1 } : {};
        const body = encoder.encode(JSON.stringify({ ...config, ...limit }));
        await connection.request(`$JS.API.STREAM.CREATE.${name}`, body, { timeout: 2000 });
        await using storage = await openSmall(connection, { streamName: name, subjectPrefix });
        const stored = await storage.storeEvents(
          JOB_EVENT_TYPES.map((eventType, at) => event(`job-${at}`, { eventType, workerId: "w" })),
        );
        await using stream = storage.streamEvents();
        await stream.ready;
        const types = JOB_EVENT_TYPES.slice(0, 9);
        assert.equal(await storage.countEvents({ eventType: types }), 9);
        assert.equal(await storage.countEvents({ eventType: types, workerId: "w" }), 9);
        assert.equal(await storage.countEvents({ workerId: "w" }), stored.length);
        assert.equal(await storage.countEvents({ workerId: "x" }), 0);
        const { consumers } = await storage.healthCheck();
        assert.equal(consumers, 1, "that of the live stream");
      }
    });

    it("leave the other subjects of a shared stream alone", async () => {
      const connection = await server.connect();
      const config = {
        name: "SHARED",
        subjects: ["naq.jobs.events.>", "other"],
        storage: "memory",
      };
      const request = async (subject: string, body: object): Promise<void> => {
        const payload = encoder.encode(JSON.stringify(body));
        await connection.request(subject, payload, { timeout: 2000 });
      };
      await request("$JS.API.STREAM.CREATE.SHARED", { ...config, allow_direct: true });
      await using storage = await openSmall(connection, { streamName: "SHARED" });
      await request("other", {});
      await storage.storeEvents([event("a"), event("b")]);
      await request("other", {});
      assert.equal(await storage.countEvents(), 2);
      assert.equal((await storage.listEvents()).length, 2);
      const olderThan = new Date(Date.now() + 60_000);
      assert.equal(await storage.cleanupExpiredEvents({ olderThan }), 2);
      assert.equal((await storage.healthCheck()).messages, 2);
    });

    it("healthCheck() ends in its time and says what is wrong", async () => {
      const connection = await server.connect();
      await using storage = await openSmall(connection);
      await connection.request("$JS.API.STREAM.DELETE.NAQ_JOB_EVENTS", undefined, {
        timeout: 2000,
      });
      const deleted = await storage.healthCheck();
      assert.equal(deleted.status, "error");
      assert.match(deleted.error!, /stream not found/);
      await connection.close();
      const closed = await within(storage.healthCheck({ timeoutMs: 100 }), 300);
      assert.equal(closed.status, "disconnected");
    });
  });
}
