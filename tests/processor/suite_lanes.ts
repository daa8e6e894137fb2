/** Concurrency: cases of the processor's suite. */

import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { JobEvent } from "../../src/gen/factories.ts";
import { JobEventProcessor } from "../../src/processor/processor.ts";
import { eventually } from "../helpers.ts";
import { numbered, pause, type Run } from "./bench.ts";

/** Declares the cases. */
export function laneSuite(name: string, run: Run): void {
  describe(`JobEventProcessor concurrency on ${name}`, () => {
    it("handles several jobs at a time, but the events of a job in order", () =>
      run({ concurrency: 4 }, async ({ storage, processor }) => {
        let running = 0;
        let maxRunning = 0;
        const seen = new Map<string, number[]>();
        processor.onAny(async (event) => {
          maxRunning = Math.max(maxRunning, ++running);
          await new Promise((resolve) => setTimeout(resolve, 2));
          running--;
          const list = seen.get(event.jobId) ?? [];
          seen.set(event.jobId, [...list, event.details!["retry_count"] as number]);
        });
        await processor.start();
        const steps = Array.from({ length: 10 }, (_, step) => step);
        await storage.storeEvents(
          steps.flatMap((step) => numbered(8).map((job) => JobEvent.maxRetriesExceeded(job, step))),
        );
        await eventually(() => processor.stats().processed === 80);
        assert.ok(maxRunning > 1 && maxRunning <= 4, `${maxRunning} at a time`);
        for (const job of numbered(8)) assert.deepEqual(seen.get(job), steps);
      }));

    it("uses every lane that there is work for", () =>
      run({ concurrency: 8 }, async ({ processor, store }) => {
        let running = 0;
        let release: () => void = () => {};
        const released = new Promise<void>((resolve) => release = resolve);
        processor.onAny(() => {
          running++;
          return released;
        });
        await processor.start();
        await store(...numbered(8), ...numbered(8));
        await eventually(() => running === 8);
        release();
        await eventually(() => processor.stats().processed === 16);
      }));

    it("gains with slow handlers what it has lanes", () =>
      run({ consumerName: "group" }, async ({ storage, store }) => {
        await store(...numbered(40));
        const elapsed = async (concurrency: number): Promise<number> => {
          const options = { consumerName: `lanes-${concurrency}`, concurrency };
          await using processor = new JobEventProcessor(storage, options);
          processor.onAny(() => pause(15));
          const begin = performance.now();
          await processor.start();
          await eventually(() => processor.stats().processed === 40);
          return performance.now() - begin;
        };
        const [one, eight] = [await elapsed(1), await elapsed(8)];
        // 600 ms against 75 ms, if nothing else ran on this machine.
        assert.ok(one > 3 * eight, `${one} ms with one lane, ${eight} ms with eight`);
      }));
  });
}
