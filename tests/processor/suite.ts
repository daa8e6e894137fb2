/** What a processor does on every storage. */

import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { JobEvent } from "../../src/gen/factories.ts";
import type { StoredJobEvent } from "../../src/gen/types.ts";
import type { JobEventProcessorOptions } from "../../src/processor/options.ts";
import { JobEventProcessor } from "../../src/processor/processor.ts";
import type { JobEventStorage } from "../../src/storage/storage.ts";
import { eventually } from "../helpers.ts";

/** Opens an empty storage; the function that comes with it frees it. */
export type OpenStorage = () => Promise<{
  readonly storage: JobEventStorage;
  readonly close: () => Promise<void>;
}>;

interface Bench {
  readonly storage: JobEventStorage;
  readonly processor: JobEventProcessor;
  readonly errors: { readonly error: unknown; readonly jobId: string | undefined }[];
  readonly deadLetters: string[];
  store(...jobs: string[]): Promise<void>;
}

const jobOf = (event: StoredJobEvent) => event.jobId;
const never = () => new Promise<void>(() => {});
const numbered = (count: number) => Array.from({ length: count }, (_, index) => `job-${index}`);

/** Runs every case on storages that `open` opens. */
export function processorSuite(name: string, open: OpenStorage): void {
  async function run(
    options: JobEventProcessorOptions,
    body: (bench: Bench) => Promise<void>,
  ): Promise<void> {
    const { storage, close } = await open();
    const errors: { error: unknown; jobId: string | undefined }[] = [];
    const deadLetters: string[] = [];
    const processor = new JobEventProcessor(storage, {
      onError: (error, event) => errors.push({ error, jobId: event?.jobId }),
      onDeadLetter: (event) => deadLetters.push(event.jobId),
      ...options,
    });
    const store = async (...jobs: string[]) => {
      await storage.storeEvents(jobs.map((job) => JobEvent.cancelled(job)));
    };
    try {
      await body({ storage, processor, errors, deadLetters, store });
    } finally {
      await processor.stop({ graceMs: 0 });
      await close();
    }
  }

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
        assert.throws(() => processor.on("nope" as "failed", handler), /not a job event type/);
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

    it("does nothing when it is not enabled", () =>
      run({ enabled: false }, async ({ processor, store }) => {
        await processor.start();
        await store("a");
        assert.equal(processor.stats().received, 0);
      }));
  });

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
  });

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
      run({ ...group, ackWaitMs: 150 }, async ({ processor, store }) => {
        processor.onAny(() => new Promise((resolve) => setTimeout(resolve, 600)));
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
  });

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

    it("waits for a handler that runs, no longer than its grace time", () =>
      run({}, async ({ processor, store }) => {
        let ended = false;
        let began = false;
        processor.onAny(async () => {
          began = true;
          await new Promise((resolve) => setTimeout(resolve, 30));
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
        await processor.stop({ graceMs: 10 });
      }));
  });

  describe(`JobEventProcessor.monitorJob() on ${name}`, () => {
    it("follows one job without start(), in order, until it is ended", () =>
      run({}, async ({ storage, processor, store }) => {
        const seen: string[] = [];
        const stop = processor.monitorJob("a", async (event) => {
          await new Promise((resolve) =>
            setTimeout(resolve, event.eventType === "enqueued" ? 20 : 0)
          );
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

    it("lets many wait at the same time, and stop() lets them go with null", () =>
      run({}, async ({ processor, store }) => {
        const waiting = numbered(50).map((job) => processor.waitForJobEvent(job, "cancelled"));
        await store(...numbered(40));
        const found = await Promise.all(waiting.slice(0, 40));
        assert.deepEqual(found.map((event) => jobOf(event!)), numbered(40));
        assert.equal(processor.stats().waiters, 10);
        await processor.stop();
        assert.deepEqual(await Promise.all(waiting.slice(40)), Array(10).fill(null));
      }));
  });
}
