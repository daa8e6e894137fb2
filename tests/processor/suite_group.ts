/** Groups: cases of the processor's suite. */

import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { JobEventProcessor } from "../../src/processor/processor.ts";
import { eventually, take } from "../helpers.ts";
import { never, numbered, pause, type Run } from "./bench.ts";

/** Declares the cases. */
export function groupSuite(name: string, run: Run): void {
  describe(`JobEventProcessor groups on ${name}`, () => {
    const group = { consumerName: "group", backoffMs: 1 };

    it("gets what came while nobody ran, and not again after a restart", () =>
      run(group, async ({ storage, processor, store }) => {
        const seen: string[] = [];
        processor.onAny((event) => void seen.push(event.jobId));
        await store("a", "b");
        await processor.start();
        await eventually(() => seen.length === 2);
        await processor.stop();
        await store("c");
        await using second = new JobEventProcessor(storage, group);
        second.onAny((event) => void seen.push(event.jobId));
        await second.start();
        await eventually(() => seen.length >= 3);
        assert.deepEqual(seen, ["a", "b", "c"]);
      }));

    it("shares the events of one name, and gives all to each of two names", () =>
      run(group, async ({ storage, processor, store }) => {
        const shared: string[] = [];
        const other: string[] = [];
        await using member = new JobEventProcessor(storage, group);
        await using alone = new JobEventProcessor(storage, { consumerName: "other" });
        processor.onAny((event) => void shared.push(event.jobId));
        member.onAny((event) => void shared.push(event.jobId));
        alone.onAny((event) => void other.push(event.jobId));
        await Promise.all([processor.start(), member.start(), alone.start()]);
        await store(...numbered(100));
        await eventually(() => shared.length >= 100 && other.length >= 100);
        assert.deepEqual(shared.toSorted(), numbered(100).toSorted());
        assert.deepEqual(other.toSorted(), numbered(100).toSorted());
      }));

    it("delivers again after a failure, until every handler has succeeded", () =>
      run(group, async ({ processor, store }) => {
        let calls = 0;
        processor.onAny(() => {
          if (++calls < 3) throw new Error("not yet");
        });
        await processor.start();
        await store("a");
        await eventually(() => processor.stats().processed === 1);
        const { failed, redelivered, deadLetters } = processor.stats();
        assert.deepEqual({ failed, redelivered, deadLetters }, {
          failed: 2,
          redelivered: 2,
          deadLetters: 0,
        });
      }));

    it("makes a dead letter of an event that fails maxDeliver times; the others go on", () =>
      run({ ...group, maxDeliver: 3 }, async ({ processor, deadLetters, store }) => {
        const seen: string[] = [];
        processor.onAny((event) => {
          seen.push(event.jobId);
          if (event.jobId === "poison") throw new Error("no");
        });
        await processor.start();
        await store("a", "poison", "b");
        await eventually(() => deadLetters.length === 1);
        await eventually(() => processor.stats().processed === 2);
        assert.deepEqual(deadLetters, ["poison"]);
        assert.equal(seen.filter((job) => job === "poison").length, 3);
        assert.ok(seen.includes("a") && seen.includes("b"));
      }));

    it("keeps an event while its handler runs longer than ackWaitMs", () =>
      run({ ...group, ackWaitMs: 600 }, async ({ processor, store }) => {
        processor.onAny(() => pause(1500));
        await processor.start();
        await store("a");
        await eventually(() => processor.stats().processed === 1);
        assert.equal(processor.stats().redelivered, 0);
      }));

    it("stop() gives back what is unfinished, for another member to take", () =>
      run(group, async ({ storage, processor, store }) => {
        let began = false;
        processor.onAny(() => {
          began = true;
          return never();
        });
        await processor.start();
        await store("a", "b");
        await eventually(() => began);
        await processor.stop({ graceMs: 10 });
        const { abandoned, pending } = processor.stats();
        assert.deepEqual({ abandoned, pending }, { abandoned: 1, pending: 0 });
        const seen: string[] = [];
        await using member = new JobEventProcessor(storage, group);
        member.onAny((event) => void seen.push(event.jobId));
        await member.start();
        await eventually(() => seen.length === 2);
        assert.deepEqual(seen.toSorted(), ["a", "b"]);
      }));

    it("takes nothing more while stop() waits for a handler", () =>
      run(group, async ({ storage, processor, store }) => {
        let release: () => void = () => {};
        processor.onAny(() => new Promise((resolve) => release = resolve));
        await processor.start();
        await store("slow");
        await eventually(() => processor.stats().pending === 1);
        const stopping = processor.stop();
        await store(...numbered(10));
        await using other = storage.consumeEvents({ consumerName: "group" });
        // One may have been under way to the processor.
        const taken = await take(other, 9);
        assert.deepEqual(taken.map(({ deliveryCount }) => deliveryCount), Array(9).fill(1));
        release();
        await stopping;
      }));

    it("keeps events that wait behind slow handlers for longer than ackWaitMs", () =>
      run({ ...group, ackWaitMs: 600 }, async ({ processor, errors, store }) => {
        processor.onAny(() => pause(160));
        await processor.start();
        await store(...numbered(8));
        await eventually(() => processor.stats().processed === 8);
        assert.equal(processor.stats().redelivered, 0);
        assert.deepEqual(errors, []);
      }));

    it("does not handle an event that another member got while it waited", () =>
      run({ ...group, ackWaitMs: 600 }, async ({ storage, processor, errors, store }) => {
        const seen: string[] = [];
        let release: () => void = () => {};
        processor.onAny((event) => {
          seen.push(event.jobId);
          if (event.jobId === "slow") return new Promise((resolve) => release = resolve);
        });
        await processor.start();
        await store("slow", "waits");
        await eventually(() => processor.stats().pending === 2);
        // Everything is given anew: what the processor holds is void, and it finds out.
        await using other = storage.consumeEvents({ ...group, reset: true, from: "new" });
        await other.ready;
        await eventually(() => errors.length === 2);
        release();
        await eventually(() => processor.stats().pending === 0);
        assert.deepEqual(seen, ["slow"]);
        for (const { error } of errors) {
          assert.equal((error as { code: string }).code, "ERR_LEASE_LOST");
        }
      }));
  });

  describe(`JobEventProcessor.reset() on ${name}`, () => {
    const group = { consumerName: "group" };

    it("sets the group to a position or a time, also while it runs", () =>
      run(group, async ({ storage, processor, store }) => {
        const seen: string[] = [];
        processor.onAny((event) => void seen.push(event.jobId));
        await store("a", "b");
        await eventually(async () => (await storage.healthCheck()).lastSequence === 2);
        const time = new Date(Date.now() + 5);
        await eventually(() => Date.now() > time.getTime() + 5);
        await store("c");
        await processor.start();
        await eventually(() => processor.stats().processed === 3);
        await processor.reset({ sequence: 2 });
        await eventually(() => processor.stats().processed === 5);
        await processor.stop();
        await processor.reset({ time });
        await processor.start();
        await eventually(() => processor.stats().processed === 6);
        assert.deepEqual(seen, ["a", "b", "c", "b", "c", "c"]);
        assert.equal(processor.stats().redelivered, 0);
      }));

    it("is only for a processor with a name", () =>
      run({}, async ({ processor }) => {
        await assert.rejects(processor.reset("all"), { code: "ERR_UNSUPPORTED" });
      }));
  });
}
