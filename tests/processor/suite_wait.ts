/** Following and waiting for one job: cases of the processor's suite. */

import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { JobEvent } from "../../src/gen/factories.ts";
import { JobEventProcessor } from "../../src/processor/processor.ts";
import type { JobEventStorage, StreamOptions } from "../../src/storage/storage.ts";
import { eventually } from "../helpers.ts";
import { numbered, pause, type Run } from "./bench.ts";

/** A storage that counts the live streams that are opened on it, and those that are open. */
function counting(storage: JobEventStorage): {
  readonly source: JobEventStorage;
  readonly streams: { opened: number; open: number };
  /** Resolves when the last stream misses nothing. */
  readonly ready: () => Promise<void>;
} {
  const streams = { opened: 0, open: 0 };
  let ready = Promise.resolve();
  const streamEvents = (options: StreamOptions) => {
    streams.opened++;
    streams.open++;
    const stream = storage.streamEvents(options);
    ready = stream.ready;
    return {
      ready: stream.ready,
      [Symbol.asyncIterator]: () => stream[Symbol.asyncIterator](),
      [Symbol.asyncDispose]: async () => {
        await stream[Symbol.asyncDispose]();
        streams.open--;
      },
    };
  };
  const source = new Proxy(storage, {
    get(target, key) {
      const value: unknown = Reflect.get(target, key, target);
      if (key === "streamEvents") return streamEvents;
      return typeof value === "function" ? value.bind(target) : value;
    },
  });
  return { source, streams, ready: () => ready };
}

/** Declares the cases. */
export function waitSuite(name: string, run: Run): void {
  describe(`JobEventProcessor.monitorJob() on ${name}`, () => {
    it("follows one job without start(), in order, until it is ended", () =>
      run({}, async ({ storage, processor, store }) => {
        const seen: string[] = [];
        const stop = processor.monitorJob("a", async (event) => {
          await pause(event.eventType === "enqueued" ? 20 : 0);
          seen.push(event.eventType);
        }, { eventTypes: ["enqueued", "cancelled"] });
        await storage.storeEvent(JobEvent.enqueued("a", "q"));
        await storage.storeEvent(JobEvent.started("a", "w", "async"));
        await store("other", "a");
        await eventually(() => seen.length === 2);
        stop();
        assert.equal(processor.stats().monitors, 0);
        await store("a");
        assert.equal((await processor.waitForJobEvent("a", "started"))?.eventType, "started");
        assert.deepEqual(seen, ["enqueued", "cancelled"]);
      }));

    it("misses nothing that is stored after the call, by a later monitor either", () =>
      run({}, async ({ processor, store }) => {
        const seen: string[] = [];
        processor.monitorJob("first", () => {});
        for (let round = 0; round < 30; round++) {
          const stop = processor.monitorJob(`job-${round}`, ({ jobId }) => void seen.push(jobId));
          await store(`job-${round}`);
          await eventually(() => seen.length === round + 1);
          stop();
        }
        assert.deepEqual(seen, numbered(30));
      }));

    it("does not go back to what was stored before it is ready", () =>
      run({}, async ({ processor, store }) => {
        const seen: string[] = [];
        processor.monitorJob("b", () => {});
        await store("a");
        const monitor = processor.monitorJob("a", ({ natsSequence }) => {
          seen.push(String(natsSequence));
        });
        await monitor.ready;
        await store("a");
        await eventually(() => seen.length > 0);
        assert.deepEqual(seen, ["2"]);
        await assert.doesNotReject(monitor.ready);
      }));
  });

  describe(`JobEventProcessor.waitForJobEvent() on ${name}`, () => {
    it("finds what is stored already, unless it is not to look back", () =>
      run({}, async ({ processor, store }) => {
        await store("a");
        assert.equal((await processor.waitForJobEvent("a", "cancelled"))?.jobId, "a");
        const options = { includePast: false, timeoutMs: 50 };
        assert.equal(await processor.waitForJobEvent("a", "cancelled", options), null);
      }));

    it("finds an event that is stored at any moment", () =>
      run({}, async ({ processor, store }) => {
        for (let moment = 0; moment < 100; moment++) {
          const job = `job-${moment}`;
          const waiting = processor.waitForJobEvent(job, ["cancelled", "failed"], {
            timeoutMs: 5000,
          });
          for (let step = 0; step < moment; step++) await Promise.resolve();
          await store(job);
          assert.equal((await waiting)?.jobId, job, `at moment ${moment}`);
        }
        assert.equal(processor.stats().waiters, 0);
      }));

    it("gives null when the time is up, and rejects with the signal's reason", () =>
      run({}, async ({ processor }) => {
        assert.equal(await processor.waitForJobEvent("a", "failed", { timeoutMs: 20 }), null);
        const reason = new Error("enough");
        const abort = new AbortController();
        const waiting = processor.waitForJobEvent("a", "failed", { signal: abort.signal });
        abort.abort(reason);
        await assert.rejects(waiting, reason);
        const aborted = processor.waitForJobEvent("a", "failed", { signal: abort.signal });
        await assert.rejects(aborted, reason);
        assert.equal(processor.stats().waiters, 0);
      }));

    it("waits for longer than a timer can be set", () =>
      run({}, async ({ processor, store }) => {
        const waits = [Infinity, 30 * 86_400_000].map((timeoutMs) =>
          processor.waitForJobEvent("a", "cancelled", { timeoutMs, includePast: false })
        );
        const early = await Promise.race([...waits, pause(20)]);
        assert.equal(early, undefined);
        await store("a");
        assert.deepEqual((await Promise.all(waits)).map((event) => event?.jobId), ["a", "a"]);
      }));

    it("does not give what was stored before it was called, unless it may look back", () =>
      run({}, async ({ storage, processor, store }) => {
        const stop = processor.monitorJob("other", () => {});
        for (let round = 0; round < 5; round++) {
          const past = await storage.storeEvents(
            Array.from({ length: 200 }, () => JobEvent.cancelled("a")),
          );
          const waiting = processor.waitForJobEvent("a", "cancelled", { includePast: false });
          const seen: number[] = [];
          const stopMonitor = processor.monitorJob("a", (event) => {
            seen.push(event.natsSequence);
          });
          await pause(20);
          await store("a");
          const last = past.at(-1)!.natsSequence;
          assert.equal((await waiting)?.natsSequence, last + 1);
          await eventually(() => seen.length > 0);
          assert.deepEqual(seen, [last + 1]);
          stopMonitor();
        }
        stop();
      }));

    it("refuses what is no type", () =>
      run({}, async ({ processor }) => {
        const types = "nope" as "failed";
        const options = { includePast: false, timeoutMs: 1 };
        await assert.rejects(processor.waitForJobEvent("a", types, options), TypeError);
        const wrong = { eventTypes: types };
        assert.throws(() => processor.monitorJob("a", () => {}, wrong), TypeError);
        assert.equal(processor.stats().waiters, 0);
      }));

    it("lets many wait at the same time, and stop() lets them go with null", () =>
      run({}, async ({ processor, store }) => {
        const waiting = numbered(50).map((job) => processor.waitForJobEvent(job, "cancelled"));
        await store(...numbered(40));
        const found = await Promise.all(waiting.slice(0, 40));
        assert.deepEqual(found.map((event) => event!.jobId), numbered(40));
        assert.equal(processor.stats().waiters, 10);
        await processor.stop();
        assert.deepEqual(await Promise.all(waiting.slice(40)), Array(10).fill(null));
      }));

    it("many share one subscription, and nothing is left of them", () =>
      run({}, async ({ storage, store }) => {
        const { source, streams, ready } = counting(storage);
        await using processor = new JobEventProcessor(source);
        const seen: string[] = [];
        const stops = numbered(50).map((job) =>
          processor.monitorJob(job, (event) => void seen.push(event.jobId))
        );
        const options = { includePast: false, timeoutMs: 5000 };
        const waiting = numbered(200).map((job) =>
          processor.waitForJobEvent(job, "cancelled", options)
        );
        const lost = processor.waitForJobEvent("lost", "cancelled", { timeoutMs: 1 });
        assert.deepEqual(streams, { opened: 1, open: 1 });
        assert.equal(await lost, null);
        await ready();
        await store(...numbered(200));
        const found = await Promise.all(waiting);
        assert.deepEqual(found.map((event) => event?.jobId), numbered(200));
        await eventually(() => seen.length === 50);
        for (const stop of stops) stop();
        await eventually(() => streams.open === 0);
        assert.equal(streams.opened, 1);
        const { waiters, monitors, pending } = processor.stats();
        assert.deepEqual({ waiters, monitors, pending }, { waiters: 0, monitors: 0, pending: 0 });
      }));
  });
}
