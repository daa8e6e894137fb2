/** What stop() does: cases of the processor's suite. */

import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { JobEventProcessor } from "../../src/processor/processor.ts";
import { eventually, within } from "../helpers.ts";
import { never, numbered, pause, type Run } from "./bench.ts";

/** Declares the cases. */
export function stopSuite(name: string, run: Run): void {
  describe(`JobEventProcessor.stop() on ${name}`, () => {
    it("is prompt without traffic, idempotent, and start() may follow", () =>
      run({}, async ({ processor, store }) => {
        const seen: string[] = [];
        processor.onAny((event) => void seen.push(event.jobId));
        await processor.start();
        await processor.stop();
        await processor.stop();
        await store("missed");
        await processor.start();
        await store("a");
        await eventually(() => seen.length > 0);
        assert.deepEqual(seen, ["a"]);
      }));

    it("can be hurried by a second call, and start() waits for it", () =>
      run({}, async ({ processor, store }) => {
        const seen: string[] = [];
        processor.on("cancelled", (event) => event.jobId === "hangs" ? never() : undefined);
        processor.onAny((event) => void seen.push(event.jobId));
        await processor.start();
        await store("hangs");
        await eventually(() => seen.length === 1);
        const patient = processor.stop({ graceMs: 60_000 });
        const starting = processor.start();
        await within(processor.stop({ graceMs: 1 }), 1000);
        await within(patient, 1000);
        await within(starting, 1000);
        await processor.start();
        await store("a");
        await eventually(() => seen.length === 2);
        const unwatched = processor.start();
        await Promise.all([processor.stop(), unwatched]);
        await store("missed");
        assert.deepEqual(seen, ["hangs", "a"]);
      }));

    it("loses nothing that is stored once a start() has resolved that was called meanwhile", () =>
      run({}, async ({ processor, store }) => {
        const seen: string[] = [];
        processor.onAny(async (event) => {
          await (event.jobId === "slow" ? never() : pause(1));
          seen.push(event.jobId);
        });
        await processor.start();
        await store("slow");
        await eventually(() => processor.stats().pending === 1);
        const stopping = processor.stop({ graceMs: 30 });
        await processor.start();
        await store(...numbered(3));
        await stopping;
        await eventually(() => seen.length === 3);
        assert.deepEqual(seen, numbered(3));
      }));

    it("a second call waits for the handlers, too", () =>
      run({}, async ({ processor, store }) => {
        let ended = false;
        processor.onAny(async () => {
          await pause(50);
          ended = true;
        });
        await processor.start();
        await store("a");
        await eventually(() => processor.stats().pending === 1);
        const first = processor.stop();
        await processor.stop();
        assert.equal(ended, true);
        await first;
      }));

    it("waits for a handler that runs, no longer than its grace time", () =>
      run({}, async ({ processor, store }) => {
        let ended = false;
        let began = false;
        processor.onAny(async () => {
          began = true;
          await pause(30);
          ended = true;
        });
        await processor.start();
        await store("a");
        await eventually(() => began);
        await processor.stop();
        assert.equal(ended, true);
        processor.onAny(never);
        await processor.start();
        await store(...numbered(100));
        await eventually(() => processor.stats().pending > 0);
        const stopping = performance.now();
        await within(processor.stop({ graceMs: 10 }), 1000);
        assert.ok(performance.now() - stopping >= 9);
        assert.equal(processor.stats().pending, 0);
      }));
  });

  drainSuite(name, run);
  releaseSuite(name, run);
}

function drainSuite(name: string, run: Run): void {
  describe(`JobEventProcessor.stop() without a name on ${name}`, () => {
    it("goes on until what was stored before is handled", () =>
      run({ filter: { eventType: "cancelled" } }, async ({ processor, store }) => {
        const seen: string[] = [];
        processor.onAny((event) => void seen.push(event.jobId));
        await store("before");
        await processor.start();
        await store(...numbered(100));
        await processor.stop();
        assert.deepEqual(seen, numbered(100));
        await store("after");
        await processor.start();
        await store("b");
        await processor.stop();
        assert.deepEqual(seen.slice(100), ["b"]);
      }));

    it("handles the past that it began with", () =>
      run({ from: "all" }, async ({ storage, processor, store }) => {
        await store(...numbered(50));
        await using second = new JobEventProcessor(storage, { from: { sequence: 41 } });
        const seen: string[] = [];
        second.onAny((event) => void seen.push(event.jobId));
        await Promise.all([processor.start(), second.start()]);
        await Promise.all([processor.stop(), second.stop()]);
        assert.equal(processor.stats().processed, 50);
        assert.deepEqual(seen, numbered(50).slice(40));
      }));

    it("is over after its grace time, also where the source does not answer", () =>
      run({}, async ({ storage, store }) => {
        const silent = new Proxy(storage, {
          get(target, key) {
            const value: unknown = Reflect.get(target, key, target);
            if (key === "listEvents") return never;
            return typeof value === "function" ? value.bind(target) : value;
          },
        });
        await using processor = new JobEventProcessor(silent);
        await processor.start();
        await within(processor.stop({ graceMs: 20 }), 1000);
        await processor.start();
        await store("a");
        await eventually(() => processor.stats().processed === 1);
        await within(processor.stop({ graceMs: 20 }), 1000);
      }));
  });
}

function releaseSuite(name: string, run: Run): void {
  const group = { consumerName: "group", maxDeliver: 20 };
  describe(`JobEventProcessor.stop() of a member on ${name}`, () => {
    it("leaves to others what comes while it waits for a handler", () =>
      run(group, async ({ storage, processor, store }) => {
        let release: () => void = () => {};
        processor.onAny(() => new Promise((resolve) => release = resolve));
        await processor.start();
        await store("slow");
        await eventually(() => processor.stats().pending === 1);
        const stopping = processor.stop({ graceMs: 60_000 });
        await store(...numbered(8));
        await using second = new JobEventProcessor(storage, group);
        const seen: string[] = [];
        second.onAny((event) => void seen.push(event.jobId));
        await second.start();
        // One may have been under way to the processor, which gives it back.
        await eventually(() => seen.length >= 7);
        release();
        await stopping;
        await eventually(() => seen.length === 8);
        assert.deepEqual(seen.toSorted(), numbered(8));
        assert.equal(processor.stats().processed, 1);
      }));

    it("gives back what no handler has begun", () =>
      run(group, async ({ storage, processor, store }) => {
        processor.onAny(never);
        await processor.start();
        await store(...numbered(10));
        await eventually(() => processor.stats().pending === 10);
        await processor.stop({ graceMs: 1 });
        assert.equal(processor.stats().abandoned, 1);
        await using second = new JobEventProcessor(storage, group);
        const seen: string[] = [];
        second.onAny((event) => void seen.push(event.jobId));
        await second.start();
        await eventually(() => seen.length === 10);
        assert.deepEqual(seen.toSorted(), numbered(10));
      }));
  });
}

/** The cases of storages that can take back a delivery, at once and with its count. */
export function uncountedSuite(name: string, run: Run): void {
  describe(`JobEventProcessor.stop() of a member on ${name}`, () => {
    it("gives back at once what comes while it waits for a handler", () =>
      run({ consumerName: "group" }, async ({ storage, processor, store }) => {
        let release: () => void = () => {};
        processor.onAny(() => new Promise((resolve) => release = resolve));
        await processor.start();
        await store("slow");
        await eventually(() => processor.stats().pending === 1);
        const stopping = processor.stop({ graceMs: 60_000 });
        await store(...numbered(8));
        await using second = new JobEventProcessor(storage, { consumerName: "group" });
        const seen: string[] = [];
        second.onAny((event) => void seen.push(event.jobId));
        await second.start();
        await eventually(() => seen.length === 8);
        assert.deepEqual(seen.toSorted(), numbered(8));
        release();
        await stopping;
        assert.equal(processor.stats().processed, 1);
        assert.equal(second.stats().redelivered, 0);
      }));

    it("uses up no delivery of an event that no handler has begun", () =>
      run({}, async ({ storage, store }) => {
        await store(...numbered(10));
        const options = { consumerName: "group", maxDeliver: 2 };
        for (let round = 0; round < 3; round++) {
          const processor = new JobEventProcessor(storage, options);
          processor.on("cancelled", (event) => event.jobId === "job-0" ? never() : undefined);
          await processor.start();
          // Behind a job that hangs, in the one lane there is.
          if (round < 2) await eventually(() => processor.stats().pending === 10);
          else await eventually(() => processor.stats().processed === 9);
          const { redelivered, deadLetters } = processor.stats();
          assert.deepEqual([redelivered, deadLetters], [[0, 0], [1, 0], [0, 1]][round]);
          await processor.stop({ graceMs: 0 });
        }
      }));
  });
}
