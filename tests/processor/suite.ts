/** What a processor does on every storage. */

import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { JobEvent } from "../../src/gen/factories.ts";
import type { JobEventProcessorOptions } from "../../src/processor/options.ts";
import { JobEventProcessor } from "../../src/processor/processor.ts";
import { eventually } from "../helpers.ts";
import { never, numbered, type OpenStorage, pause, type Run, runOn } from "./bench.ts";
import { deadLetterSuite } from "./suite_dead_letters.ts";
import { faultSuite } from "./suite_faults.ts";
import { groupSuite } from "./suite_group.ts";
import { laneSuite } from "./suite_lanes.ts";
import { stopSuite } from "./suite_stop.ts";
import { waitSuite } from "./suite_wait.ts";

/** Runs every case on storages that `open` opens. */
export function processorSuite(name: string, open: OpenStorage): void {
  const run = runOn(open);
  handlerSuite(name, run);
  laneSuite(name, run);
  groupSuite(name, run);
  deadLetterSuite(name, run);
  waitSuite(name, run);
  stopSuite(name, run);
  faultSuite(name, run);
}

function handlerSuite(name: string, run: Run): void {
  describe(`JobEventProcessor handlers on ${name}`, () => {
    it("on() gets events of its types, onAny() all, until they are removed", () =>
      run({}, async ({ storage, processor }) => {
        const seen: string[] = [];
        const remove = processor.on(
          ["failed", "cancelled"],
          (e) => void seen.push(`on ${e.jobId}`),
        );
        const removeAny = processor.onAny((event) => void seen.push(`any ${event.jobId}`));
        await processor.start();
        await storage.storeEvent(JobEvent.cancelled("a"));
        await storage.storeEvent(JobEvent.enqueued("b", "q"));
        await eventually(() => seen.length === 3);
        remove();
        await storage.storeEvent(JobEvent.cancelled("c"));
        await eventually(() => seen.length === 4);
        removeAny();
        await storage.storeEvent(JobEvent.cancelled("d"));
        await eventually(() => processor.stats().processed === 4);
        assert.deepEqual(seen, ["on a", "any a", "any b", "any c"]);
      }));

    it("addHandler() and removeHandler() say whether they did something", () =>
      run({}, ({ processor }) => {
        const handler = () => {};
        assert.equal(processor.addHandler("failed", handler), true);
        assert.equal(processor.addHandler("failed", handler), false);
        assert.equal(processor.removeHandler("failed", handler), true);
        assert.equal(processor.removeHandler("failed", handler), false);
        assert.equal(processor.addGlobalHandler(handler), true);
        assert.equal(processor.removeGlobalHandler(handler), true);
        assert.equal(processor.removeGlobalHandler(handler), false);
        const wrong = ["cancelled", "nope" as "failed"] as const;
        assert.throws(() => processor.on(wrong, handler), /not a job event type/);
        assert.equal(processor.addHandler("cancelled", handler), true);
        return Promise.resolve();
      }));

    it("a handler that throws, rejects or hangs stops no other", () =>
      run({ handlerTimeoutMs: 50 }, async ({ processor, errors, store }) => {
        const seen: string[] = [];
        processor.onAny(() => {
          throw new Error("thrown");
        });
        processor.onAny(() => Promise.reject(new Error("rejected")));
        processor.onAny(never);
        processor.onAny((event) => void seen.push(event.jobId));
        await processor.start();
        await store("a", "b");
        await eventually(() => processor.stats().failed === 2);
        assert.deepEqual(seen, ["a", "b"]);
        const messages = errors.map(({ error }) => (error as Error).message);
        assert.deepEqual(messages.slice(0, 2), ["thrown", "rejected"]);
        assert.match(messages[2]!, /A handler of cancelled took longer than 50 ms on job a/);
        const { handlerErrors, handlerTimeouts } = processor.stats();
        assert.deepEqual({ handlerErrors, handlerTimeouts }, {
          handlerErrors: 6,
          handlerTimeouts: 2,
        });
        assert.deepEqual(errors.map(({ jobId }) => jobId), ["a", "a", "a", "b", "b", "b"]);
      }));

    it("start() without a name takes nothing from before, misses nothing from then on", () =>
      run({}, async ({ processor, store }) => {
        const seen: string[] = [];
        processor.onAny((event) => void seen.push(event.jobId));
        await store("before");
        await processor.start();
        await processor.start();
        await store(...numbered(300));
        await eventually(() => seen.length >= 300);
        assert.deepEqual(seen, numbered(300));
      }));

    it("takes only what the filter lets through", () =>
      run({ filter: { queueName: "q" } }, async ({ storage, processor }) => {
        const seen: string[] = [];
        processor.onAny((event) => void seen.push(event.jobId));
        await processor.start();
        await storage.storeEvent(JobEvent.enqueued("a", "other"));
        await storage.storeEvent(JobEvent.dequeued("b", "q", "w"));
        await eventually(() => seen.length > 0);
        assert.deepEqual(seen, ["b"]);
      }));

    it("processEvent() gives an event to the handlers and never rejects", () =>
      run({}, async ({ storage, processor, errors }) => {
        const seen: string[] = [];
        processor.on("cancelled", (event) => void seen.push(event.jobId));
        processor.on("cancelled", () => Promise.reject(new Error("no")));
        await processor.processEvent(await storage.storeEvent(JobEvent.cancelled("a")));
        assert.deepEqual(seen, ["a"]);
        assert.equal(errors.length, 1);
      }));

    it("waits for a handler without end where it is told so", () =>
      run({ handlerTimeoutMs: Infinity }, async ({ processor, errors, store }) => {
        processor.onAny(() => pause(50));
        await processor.start();
        await store("a");
        await eventually(() => processor.stats().pending === 1);
        await processor.stop({ graceMs: Infinity });
        assert.equal(processor.stats().processed, 1);
        assert.deepEqual(errors, []);
      }));

    it("refuses numbers that are none, before it starts", () =>
      run({}, ({ storage }) => {
        const wrong: JobEventProcessorOptions[] = [
          { concurrency: 1.1 },
          { concurrency: Infinity },
          { maxDeliver: 2.5 },
          { ackWaitMs: 100.5 },
          { handlerTimeoutMs: 0 },
          { backoffMs: -1 },
        ];
        for (const options of wrong) {
          assert.throws(() => new JobEventProcessor(storage, options), RangeError);
        }
        return Promise.resolve();
      }));

    it("does nothing when it is not enabled", () =>
      run({ enabled: false }, async ({ processor, store }) => {
        await processor.start();
        await store("a");
        assert.equal(processor.stats().received, 0);
      }));
  });
}
