/** The groups of the suite. */

import assert from "node:assert/strict";
import { after, before, describe, it } from "node:test";
import type {
  ConsumeOptions,
  JobEventDeadLetter,
  JobEventDelivery,
  JobEventStorage,
} from "../../src/storage/storage.ts";
import { eventually, take, within } from "../helpers.ts";
import { event } from "./events.ts";
import type { StorageUnderTest } from "./suite.ts";

const jobs = (deliveries: readonly JobEventDelivery[]): string[] =>
  deliveries.map((delivery) => delivery.event.jobId);

/** Takes deliveries and acknowledges each. */
async function consume(
  storage: JobEventStorage,
  consumerName: string,
  count: number,
): Promise<JobEventDelivery[]> {
  const taken: JobEventDelivery[] = [];
  await using deliveries = storage.consumeEvents({ consumerName });
  const read = async (): Promise<void> => {
    for await (const delivery of deliveries) {
      await delivery.ack();
      if (taken.push(delivery) === count) break;
    }
  };
  await within(read());
  return taken;
}

/** Declares the tests. */
export function groupSuite(name: string, under: StorageUnderTest): void {
  deliverySuite(name, under);
  settleSuite(name, under);
  endSuite(name, under);
}

function deliverySuite(name: string, under: StorageUnderTest): void {
  describe(`${name}: consumeEvents() delivers`, () => {
    it("everything from the beginning, in order, counted from 1", async () => {
      await using storage = await under.open();
      await storage.storeEvents([event("a"), event("b"), event("c")]);
      const deliveries = await consume(storage, "all", 3);
      assert.deepEqual(jobs(deliveries), ["a", "b", "c"]);
      assert.deepEqual(deliveries.map(({ deliveryCount }) => deliveryCount), [1, 1, 1]);
      assert.equal((await storage.healthCheck()).consumers, 1);
    });

    it("each event to one member of a group, and to every group", async () => {
      await using storage = await under.open();
      const seen = new Map<string, string[]>();
      const members = ["one", "one", "one", "two"].map((consumerName, index) => ({
        deliveries: storage.consumeEvents({ consumerName }),
        consumerName,
        index,
      }));
      const byMember = members.map(() => 0);
      const loops = members.map(async ({ deliveries, consumerName, index }) => {
        for await (const delivery of deliveries) {
          seen.set(consumerName, [...seen.get(consumerName) ?? [], delivery.event.jobId]);
          byMember[index]!++;
          await new Promise((resolve) => setTimeout(resolve, 1));
          await delivery.ack();
        }
      });
      await Promise.all(members.map(({ deliveries }) => deliveries.ready));
      const names = Array.from({ length: 60 }, (_, index) => `job-${index}`);
      await storage.storeEvents(names.map((jobId) => event(jobId)));
      await eventually(() => seen.get("one")?.length === 60 && seen.get("two")?.length === 60);
      for (const { deliveries } of members) await deliveries[Symbol.asyncDispose]();
      await within(Promise.all(loops));
      assert.deepEqual(seen.get("one")!.toSorted(), names.toSorted());
      assert.deepEqual(seen.get("two"), names);
      assert(byMember.every((count) => count > 0), `shared as ${byMember}`);
    });

    it("what its filter wants, and only that", async () => {
      await using storage = await under.open();
      await using deliveries = storage.consumeEvents({
        consumerName: "filtered",
        queueName: "mail",
        eventType: ["completed", "failed"],
        since: new Date(0),
        tags: { tenant: "a" },
      });
      await deliveries.ready;
      const tags = { tenant: "a" };
      await storage.storeEvents([
        event("no", { queueName: "mail", eventType: "completed" }),
        event("no", { queueName: "mail", eventType: "started", tags }),
        event("yes", { queueName: "mail", eventType: "failed", workerId: "w", tags }),
        event("no", { queueName: "post", eventType: "failed", tags }),
        event("yes", { queueName: "mail", eventType: "completed", tags }),
      ]);
      const taken = await take(deliveries, 2);
      assert.deepEqual(jobs(taken), ["yes", "yes"]);
      assert.deepEqual(taken.map((delivery) => delivery.event.natsSequence), [3, 5]);
    });

    it("from where a new group begins; one that is there goes on", async () => {
      await using storage = await under.open();
      await storage.storeEvents([event("a"), event("b")]);
      const begin = storage.consumeEvents({ consumerName: "late", from: "new" });
      await within(begin.ready);
      await begin[Symbol.asyncDispose]();
      await storage.storeEvent(event("c"));
      await using later = storage.consumeEvents({ consumerName: "late", from: "all" });
      assert.deepEqual(jobs(await take(later, 1)), ["c"]);
      await using second = storage.consumeEvents({ consumerName: "b", from: { sequence: 2 } });
      assert.deepEqual(jobs(await take(second, 2)), ["b", "c"]);
    });

    it("no more than maxPending at once", async () => {
      await using storage = await under.open();
      await storage.storeEvents(["a", "b", "c"].map((job) => event(job)));
      await using deliveries = storage.consumeEvents({ consumerName: "few", maxPending: 2 });
      const iterator = deliveries[Symbol.asyncIterator]();
      const [first, second] = [await iterator.next(), await iterator.next()];
      assert(!first.done && !second.done);
      const third: JobEventDelivery[] = [];
      const waiting = iterator.next().then(({ value }) => third.push(value!));
      await storage.storeEvent(event("d"));
      await take(storage.readEvents(), 4);
      assert.deepEqual(third, []);
      await second.value.ack();
      await within(waiting);
      assert.deepEqual(jobs(third), ["c"]);
    });

    it("refuses names and numbers that cannot be", async () => {
      await using storage = await under.open();
      const wrong = [{ consumerName: "" }, { ackWaitMs: 0 }, { maxDeliver: 0 }, {
        maxPending: 1.5,
      }];
      for (const options of wrong) {
        const open = async (): Promise<void> => {
          await storage.consumeEvents({ consumerName: "x", ...options }).ready;
        };
        await assert.rejects(open(), RangeError);
      }
    });
  });
}

function settleSuite(name: string, under: StorageUnderTest): void {
  describe(`${name}: consumeEvents() settles`, () => {
    let storage: JobEventStorage;
    before(async () => {
      storage = await under.open();
    });
    after(() => storage.close());

    const letters = (consumerName: string): Promise<JobEventDeadLetter[]> =>
      storage.deadLetters.list({ consumerName });
    const open = async (
      consumerName: string,
      options: Omit<ConsumeOptions, "consumerName"> = {},
    ): Promise<AsyncDisposable & { next(): Promise<JobEventDelivery> }> => {
      const deliveries = storage.consumeEvents({ consumerName, from: "new", ...options });
      await within(deliveries.ready);
      const iterator = deliveries[Symbol.asyncIterator]();
      return {
        next: async () => {
          const { value, done } = await within(iterator.next());
          if (done) throw new Error("The deliveries have ended");
          return value as JobEventDelivery;
        },
        [Symbol.asyncDispose]: () => deliveries[Symbol.asyncDispose](),
      };
    };

    it("delivers again what was not acknowledged in time, and counts", async () => {
      await using group = await open("wait", { ackWaitMs: 300 });
      const { natsSequence } = await storage.storeEvent(event("slow"));
      const first = await group.next();
      const second = await group.next();
      assert.equal(second.event.natsSequence, natsSequence);
      assert.equal(second.deliveryCount, 2);
      await assert.rejects(first.ack(), { code: "ERR_LEASE_LOST" });
      await second.ack();
      await second.ack();
      await storage.storeEvent(event("next"));
      assert.equal((await group.next()).event.jobId, "next");
    });

    it("inProgress() begins the time anew", async () => {
      await using group = await open("progress", { ackWaitMs: 600 });
      await storage.storeEvents([event("long"), event("after")]);
      const long = await group.next();
      const started = performance.now();
      while (performance.now() - started < 1500) {
        await long.inProgress();
        await new Promise((resolve) => setTimeout(resolve, 20));
      }
      const after = await group.next();
      assert.equal(after.event.jobId, "after");
      await after.ack();
      await long.ack();
      await long.inProgress();
    });

    it("nak() delivers again, after its delay", async () => {
      // Of several events a storage may have the next one ready when the first is given back.
      await using group = await open("nak", { maxPending: 1 });
      await storage.storeEvents([event("again"), event("other")]);
      await (await group.next()).nak();
      const again = await group.next();
      assert.equal(again.event.jobId, "again");
      assert.equal(again.deliveryCount, 2);
      const delayed = performance.now();
      await again.nak({ delayMs: 80 });
      await again.nak();
      const other = await group.next();
      assert.equal(other.event.jobId, "other");
      await other.ack();
      const third = await group.next();
      assert(performance.now() - delayed >= 75);
      assert.equal(third.event.jobId, "again");
      assert.equal(third.deliveryCount, 3);
      await assert.rejects(third.nak({ delayMs: -1 }), RangeError);
      await third.ack();
    });

    it("release() delivers again at once", async () => {
      await using group = await open("release");
      await storage.storeEvents([event("again"), event("other")]);
      const first = await group.next();
      await first.release();
      await first.release();
      const again = [await group.next(), await group.next()];
      assert.deepEqual(jobs(again).toSorted(), ["again", "other"]);
      for (const delivery of again) await delivery.ack();
      await storage.storeEvent(event("next"));
      assert.equal((await group.next()).event.jobId, "next");
    });

    it("makes a dead letter after maxDeliver, and goes on", async () => {
      await using group = await open("dead", { ackWaitMs: 300, maxDeliver: 2 });
      const [poison] = await storage.storeEvents([event("poison"), event("nak"), event("fine")]);
      const seen: string[] = [];
      for (let delivery = await group.next();; delivery = await group.next()) {
        const { jobId } = delivery.event;
        seen.push(`${jobId} ${delivery.deliveryCount}`);
        if (jobId === "fine") await delivery.ack();
        if (jobId === "nak") await delivery.nak();
        if (seen.length === 5) break;
      }
      assert.deepEqual(seen.toSorted(), ["fine 1", "nak 1", "nak 2", "poison 1", "poison 2"]);
      const next = group.next().catch(() => undefined);
      const dead = await eventually(async () => {
        const all = await letters("dead");
        return all.length === 2 && all;
      });
      await group[Symbol.asyncDispose]();
      await next;
      const letter = dead.find(({ natsSequence }) => natsSequence === poison!.natsSequence);
      assert.equal(letter?.consumerName, "dead");
      assert.equal(letter?.deliveryCount, 2);
      assert.match(letter!.reason, /2 deliveries/);
    });

    it("deadLetter() gives up at once, with its reason", async () => {
      await using group = await open("bury");
      const { natsSequence } = await storage.storeEvent(event("bad"));
      const bad = await group.next();
      await bad.deadLetter("no such tenant");
      await bad.ack();
      const [letter] = await letters("bury");
      assert.equal(letter?.reason, "no such tenant");
      assert.equal(letter?.natsSequence, natsSequence);
      assert.equal(letter?.deliveryCount, 1);
      assert.equal(await storage.deleteEvents("bad"), 1);
      assert.deepEqual(await letters("bury"), []);
    });

    it("does not deliver what was deleted meanwhile", async () => {
      await using group = await open("deleted");
      await storage.storeEvents([event("gone"), event("stays")]);
      const gone = await group.next();
      await storage.deleteEvents("gone");
      await gone.nak().catch(({ code }) => assert.equal(code, "ERR_LEASE_LOST"));
      assert.equal((await group.next()).event.jobId, "stays");
    });
  });
}

function endSuite(name: string, under: StorageUnderTest): void {
  describe(`${name}: consumeEvents() ends`, () => {
    it("what a member leaves unsettled goes to another at once", async () => {
      await using storage = await under.open();
      await storage.storeEvents([event("a"), event("b"), event("c")]);
      const first = storage.consumeEvents({ consumerName: "group" });
      const iterator = first[Symbol.asyncIterator]();
      const taken = [await iterator.next(), await iterator.next()];
      await taken[0]!.value!.ack();
      await using second = storage.consumeEvents({ consumerName: "group" });
      const reading = take(second, 2);
      await first[Symbol.asyncDispose]();
      const rest = await reading;
      assert.deepEqual(jobs(rest).toSorted(), ["b", "c"]);
      assert.equal(rest.find((delivery) => delivery.event.jobId === "b")?.deliveryCount, 2);
    });

    it("breaking out of the loop gives the event back", async () => {
      await using storage = await under.open();
      await storage.storeEvent(event("a"));
      const options = { consumerName: "break" };
      const [first] = await take(storage.consumeEvents(options), 1);
      const [second] = await take(storage.consumeEvents(options), 1);
      assert.equal(first?.deliveryCount, 1);
      assert.equal(second?.deliveryCount, 2);
      // The work went on after the loop, and nobody has the event now: this still counts.
      await second!.ack();
      await storage.storeEvent(event("b"));
      assert.deepEqual(jobs(await take(storage.consumeEvents(options), 1)), ["b"]);
    });

    it("a signal ends the deliveries, also without events", async () => {
      await using storage = await under.open();
      const controller = new AbortController();
      const deliveries = storage.consumeEvents({
        consumerName: "signal",
        signal: controller.signal,
      });
      await within(deliveries.ready);
      const reading = take(deliveries, 1);
      controller.abort();
      assert.deepEqual(await reading, []);
    });

    it("a group goes on where it was", async () => {
      await using storage = await under.open();
      await storage.storeEvents(["a", "b", "c", "d"].map((job) => event(job)));
      assert.deepEqual(jobs(await consume(storage, "resume", 2)), ["a", "b"]);
      assert.deepEqual(jobs(await consume(storage, "resume", 2)), ["c", "d"]);
    });

    const { reopen } = under;
    const skip = reopen === undefined && "its events do not outlive it";
    it("a group goes on where it was after a restart", { skip }, async () => {
      const storage = await under.open();
      await storage.storeEvents(["a", "b", "c", "d"].map((job) => event(job)));
      assert.deepEqual(jobs(await consume(storage, "restart", 2)), ["a", "b"]);
      const iterator = storage.consumeEvents({ consumerName: "restart" })[Symbol.asyncIterator]();
      const unsettled = await iterator.next();
      assert.equal(unsettled.value?.event.jobId, "c");
      await storage.close();
      await using reopened = await reopen!(storage);
      const rest = await consume(reopened, "restart", 2);
      const counts = rest.map(({ deliveryCount }) => deliveryCount);
      if (under.countsUnseen === undefined) {
        assert.deepEqual(jobs(rest), ["c", "d"]);
        assert.deepEqual(counts, [2, 1]);
      } else {
        // In the order in which they were given back.
        assert.deepEqual(jobs(rest).toSorted(), ["c", "d"]);
        assert(counts[jobs(rest).indexOf("c")]! >= 2, under.countsUnseen);
      }
    });
  });
}
