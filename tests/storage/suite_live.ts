/** The live streams of the suite. */

import assert from "node:assert/strict";
import { after, before, describe, it } from "node:test";
import type { StoredJobEvent } from "../../src/gen/types.ts";
import type { JobEventStorage, StreamStart } from "../../src/storage/storage.ts";
import { eventually, take, within } from "../helpers.ts";
import { event } from "./events.ts";
import type { StorageUnderTest } from "./suite.ts";

const jobs = (events: readonly StoredJobEvent[]): string[] => events.map(({ jobId }) => jobId);

/** Declares the tests. */
export function liveSuite(name: string, under: StorageUnderTest): void {
  describe(`${name}: streamEvents()`, () => {
    let storage: JobEventStorage;
    before(async () => {
      storage = await under.open();
      await storage.storeEvents([event("past-1"), event("past-2")]);
    });
    after(() => storage.close());

    it("ready means that nothing later is missed", async () => {
      for (let round = 0; round < 20; round++) {
        const stream = storage.streamEvents({ jobId: `ready-${round}` });
        await within(stream.ready);
        await storage.storeEvent(event(`ready-${round}`));
        assert.equal((await take(stream, 1)).length, 1);
      }
    });

    it("begins at the call: what is stored right after it comes", async () => {
      for (let round = 0; round < 30; round++) {
        const stream = storage.streamEvents({ jobId: `call-${round}` });
        const stored = await storage.storeEvent(event(`call-${round}`));
        assert.deepEqual(await take(stream, 1), [stored]);
      }
    });

    it("gives each event once and in order, while they are stored", async () => {
      const stream = storage.streamEvents({ eventType: "completed" });
      await within(stream.ready);
      const reading = take(stream, 600, 10_000);
      for (let batch = 0; batch < 30; batch++) {
        const types = ["started", "completed"] as const;
        await storage.storeEvents(
          Array.from({ length: 40 }, (_, at) => event("flow", { eventType: types[at % 2]! })),
        );
      }
      const wanted = await storage.getEvents("flow", { eventType: "completed" });
      assert.deepEqual(await reading, wanted);
    });

    it("begins where `from` says", async () => {
      await using other = await under.open();
      const [first] = await other.storeEvents([event("a"), event("b")]);
      const stored = Date.now();
      await eventually(() => Date.now() > stored);
      const time = new Date();
      await other.storeEvents([event("c"), event("d")]);
      const from = async (start: StreamStart, count: number): Promise<string[]> => {
        const stream = other.streamEvents({ from: start });
        await within(stream.ready);
        return jobs(await take(stream, count));
      };
      assert.deepEqual(await from("all", 4), ["a", "b", "c", "d"]);
      assert.deepEqual(await from({ sequence: first!.natsSequence + 1 }, 3), ["b", "c", "d"]);
      assert.deepEqual(await from({ sequence: 0 }, 1), ["a"]);
      assert.deepEqual(await from({ time }, 2), ["c", "d"]);
      assert.deepEqual(await from({ time: new Date(0) }, 1), ["a"]);
      const ahead = other.streamEvents({ from: { sequence: 6 } });
      const reading = take(ahead, 1);
      await other.storeEvents([event("e"), event("f")]);
      assert.deepEqual(jobs(await reading), ["f"]);
    });

    it("refuses a `from` that is none", async () => {
      const wrong: [unknown, RegExp][] = [
        ["old", /TypeError/],
        [{ sequence: -1 }, /RangeError/],
        [{ time: new Date(NaN) }, /TypeError/],
      ];
      for (const [from, name] of wrong) {
        const open = async (): Promise<void> => {
          await storage.streamEvents({ from: from as StreamStart }).ready;
        };
        await assert.rejects(open(), (error: Error) => name.test(error.name));
      }
    });

    it("ends at once when its signal aborts, also without events", async () => {
      const controller = new AbortController();
      const stream = storage.streamEvents({ signal: controller.signal });
      await within(stream.ready);
      const reading = take(stream, 1);
      controller.abort();
      assert.deepEqual(await reading, []);
      const late = storage.streamEvents({ from: "all", signal: controller.signal });
      assert.deepEqual(await take(late, 1), []);
    });

    it("ends at once when it is disposed of, and a pending read with it", async () => {
      const stream = storage.streamEvents();
      const reading = take(stream, 1);
      await stream[Symbol.asyncDispose]();
      await stream[Symbol.asyncDispose]();
      assert.deepEqual(await reading, []);
      assert.deepEqual(await take(stream, 1), []);
    });

    it("a pending next() ends with return()", async () => {
      const iterator = storage.streamEvents()[Symbol.asyncIterator]();
      const pending = iterator.next();
      const more = iterator.next();
      assert.equal((await within(iterator.return!())).done, true);
      assert.equal((await within(pending)).done, true);
      assert.equal((await within(more)).done, true);
    });

    it("is over after its loop, and refuses a second loop beside the first", async () => {
      const stream = storage.streamEvents({ from: "all" });
      const iterator = stream[Symbol.asyncIterator]();
      await iterator.next();
      await assert.rejects(take(stream, 1), /Took 0/);
      await iterator.return!();
      assert.deepEqual(await take(stream, 1), []);
    });

    it("many streams each get everything", async () => {
      const streams = Array.from({ length: 10 }, () => storage.streamEvents());
      await Promise.all(streams.map(({ ready }) => ready));
      const reading = streams.map((stream) => take(stream, 3));
      await storage.storeEvents([event("x"), event("y"), event("z")]);
      for (const events of await Promise.all(reading)) {
        assert.deepEqual(jobs(events), ["x", "y", "z"]);
      }
    });

    it("neither streams nor delivers nor counts what is older than maxAgeMs", async () => {
      await using storage = await under.open({ maxAgeMs: 1000 });
      await storage.storeEvents([event("old"), event("old")]);
      await using held = storage.consumeEvents({ consumerName: "group" });
      const { value: delivery } = await held[Symbol.asyncIterator]().next();
      await eventually(async () => await storage.countEvents() === 0);
      const { messages, firstSequence } = await storage.healthCheck();
      assert.deepEqual([messages, firstSequence === 1], [0, false]);
      await delivery!.nak().catch(() => {});
      const stream = take(storage.streamEvents({ from: "all" }), 1);
      const first = take(storage.consumeEvents({ consumerName: "other" }), 1);
      const next = take(storage.consumeEvents({ consumerName: "group" }), 1);
      // A turn to look in, before the next append removes what is too old.
      await new Promise((resolve) => setTimeout(resolve, 20));
      await storage.storeEvent(event("new"));
      assert.deepEqual((await stream).map(({ jobId }) => jobId), ["new"]);
      for (const [taken] of [await first, await next]) assert.equal(taken?.event.jobId, "new");
    });
  });
}
