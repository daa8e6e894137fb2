import assert from "node:assert/strict";
import { after, describe, it } from "node:test";
import { natsSkipReason } from "../../scripts/nats_server.ts";
import { openEventStream } from "../../src/nats/stream.ts";
import type { ConsumeOptions, JobEventDelivery } from "../../src/storage/storage.ts";
import { eventually, take, within } from "../helpers.ts";
import { event } from "../storage/events.ts";
import { openSmall, TestServer, TIMEOUT_MS, VERSIONS } from "./accounts.ts";

const skip = natsSkipReason();
const timeout = TIMEOUT_MS;

const jobs = (deliveries: readonly JobEventDelivery[]): string[] =>
  deliveries.map((delivery) => delivery.event.jobId);

interface ConsumerConfig {
  readonly ack_policy: string;
  readonly max_deliver: number;
  readonly durable_name: string;
  readonly filter_subject?: string;
  readonly filter_subjects?: readonly string[];
}

for (const version of VERSIONS) {
  describe(`consumeEvents() on NATS ${version}`, { skip, timeout }, () => {
    const server = new TestServer(version);
    after(() => server.stop());

    it("is a durable consumer that other programs can see and name", { timeout }, async () => {
      const connection = await server.connect();
      await using storage = await openSmall(connection);
      await using deliveries = storage.consumeEvents({
        consumerName: "mail group.1",
        eventType: "failed",
      });
      await deliveries.ready;
      const { request, name } = await openEventStream(connection);
      const { config } = await request<{ config: ConsumerConfig }>(
        `CONSUMER.INFO.${name}.mail=20group=2E1`,
      );
      assert.equal(config.ack_policy, "explicit");
      assert.equal(config.durable_name, "mail=20group=2E1");
      assert.equal(config.max_deliver, -1);
      const filters = config.filter_subjects?.toSorted() ?? [config.filter_subject];
      const narrow = storage.subjects.type("failed").toSorted();
      assert.deepEqual(filters, version === "floor" ? [storage.subjects.all()] : narrow);
    });

    it("a late ack is refused where the event was delivered again", async () => {
      await using storage = await server.open();
      const options = { consumerName: "late", ackWaitMs: 100 };
      const first = storage.consumeEvents(options)[Symbol.asyncIterator]();
      await storage.storeEvent(event("a"));
      const { value: old } = await within(first.next());
      const second = storage.consumeEvents(options);
      const [again] = await take(second, 1);
      assert.equal(again!.deliveryCount, 2);
      for (const call of [() => old!.ack(), () => old!.nak(), () => old!.inProgress()]) {
        await assert.rejects(call(), { name: "JobEventError", code: "ERR_LEASE_LOST" });
      }
      await again!.ack();
      await first.return!();
    });

    it("a late nak() or deadLetter() fails, a late ack() counts", async () => {
      await using storage = await server.open();
      const deliveries = storage.consumeEvents({ consumerName: "late", ackWaitMs: 60 });
      const iterator = deliveries[Symbol.asyncIterator]();
      const late = async (): Promise<JobEventDelivery> => {
        const { value } = await within(iterator.next());
        const begin = Date.now();
        await eventually(() => Date.now() - begin > 80);
        return value!;
      };
      await storage.storeEvents([event("a"), event("b")]);
      await assert.rejects((await late()).nak(), { code: "ERR_LEASE_LOST" });
      await assert.rejects((await late()).deadLetter("no"), { code: "ERR_LEASE_LOST" });
      assert.deepEqual(await storage.deadLetters.list(), []);
      for (let left = 2; left > 0; left--) await (await late()).ack();
      const next = iterator.next();
      await storage.storeEvent(event("c"));
      assert.equal((await within(next)).value?.event.jobId, "c");
      await iterator.return!();
    });

    it("takes over from a member that is gone without a word", async () => {
      const connection = await server.connect();
      const dying = await openSmall(connection);
      await using storage = await openSmall(await server.connect(server.lastAccount));
      await dying.storeEvents([event("a"), event("b")]);
      const options = { consumerName: "crash", ackWaitMs: 300, maxPending: 1 };
      const held = dying.consumeEvents(options)[Symbol.asyncIterator]();
      await within(held.next());
      await connection.close();
      const taken = await take(storage.consumeEvents({ ...options, maxPending: 2 }), 2);
      assert.deepEqual(jobs(taken).toSorted(), ["a", "b"]);
      const counts = new Map(taken.map(({ event, deliveryCount }) => [event.jobId, deliveryCount]));
      assert.equal(counts.get("a"), 2);
      assert.equal(counts.get("b"), 1);
      await assert.rejects(within(held.next()), { code: "ERR_CLOSED" });
    });

    it("no event is buried because members left that had it ahead", async () => {
      const connection = await server.connect();
      await using storage = await openSmall(connection);
      const names = Array.from({ length: 24 }, (_, at) => `job-${at}`);
      await storage.storeEvents(names.map((job) => event(job)));
      const seen = new Set<string>();
      while (seen.size < names.length) {
        // Another storage, as in another process: it does not know what was given back before.
        await using member = await openSmall(connection);
        const options = { consumerName: "group", maxDeliver: 2 };
        const deliveries = member.consumeEvents(options)[Symbol.asyncIterator]();
        for (let left = 3; left > 0 && seen.size < names.length; left--) {
          const { value: delivery } = await within(deliveries.next());
          seen.add(delivery!.event.jobId);
          await delivery!.ack();
        }
      }
      assert.deepEqual([...seen].toSorted(), names.toSorted());
      assert.deepEqual(await storage.deadLetters.list(), []);
    });

    it("gives back what it has ahead when nobody takes it", async () => {
      await using storage = await server.open();
      await using other = await openSmall(await server.connect(server.lastAccount));
      await storage.storeEvents(["a", "b", "c", "d"].map((job) => event(job)));
      const options = { consumerName: "group", ackWaitMs: 200 };
      const idle = storage.consumeEvents(options)[Symbol.asyncIterator]();
      for (let left = 2; left > 0; left--) await (await within(idle.next())).value!.ack();
      const seen: string[] = [];
      const read = async (): Promise<void> => {
        for await (const delivery of other.consumeEvents(options)) {
          seen.push(delivery.event.jobId);
          await delivery.ack();
          if (seen.length === 2) break;
        }
      };
      await within(read());
      assert.deepEqual(seen.toSorted(), ["c", "d"]);
      await idle.return!();
    });

    it("the filter of the member that joined last holds", async () => {
      await using storage = await server.open();
      const join = async (options: Partial<ConsumeOptions>): Promise<string> => {
        await using deliveries = storage.consumeEvents({
          consumerName: "group",
          // What a member has got ahead is behind the group's position.
          maxPending: 1,
          ...options,
        });
        const [delivery] = await take(deliveries, 1);
        await delivery!.ack();
        return delivery!.event.jobId;
      };
      await storage.storeEvents([event("a"), event("b", { eventType: "failed" }), event("c")]);
      assert.equal(await join({ eventType: "started" }), "a");
      assert.equal(await join({ eventType: "failed" }), "b");
      await storage.storeEvents([event("d"), event("e", { eventType: "failed", workerId: "w" })]);
      assert.equal(await join({ workerId: "w" }), "e");
    });

    it("refuses a consumer of that name which is no group", async () => {
      const connection = await server.connect();
      await using storage = await openSmall(connection);
      const { request } = await openEventStream(connection);
      await request("CONSUMER.DURABLE.CREATE.NAQ_JOB_EVENTS.foreign", {
        stream_name: "NAQ_JOB_EVENTS",
        config: { durable_name: "foreign", ack_policy: "none" },
      });
      const { ready } = storage.consumeEvents({ consumerName: "foreign" });
      await assert.rejects(ready, { code: "ERR_STREAM_CONFIG", message: /foreign/ });
    });
  });
}
