/** Sources that fail, and callbacks that do: cases of the processor's suite. */

import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { JobEventError, type JobEventErrorCode } from "../../src/errors.ts";
import type { JobEventProcessorOptions } from "../../src/processor/options.ts";
import { JobEventProcessor } from "../../src/processor/processor.ts";
import type { ConsumeOptions, JobEventStorage, StreamOptions } from "../../src/storage/storage.ts";
import { eventually, within } from "../helpers.ts";
import { never, numbered, type Run } from "./bench.ts";

type Feed = AsyncIterable<unknown> & AsyncDisposable & { readonly ready: Promise<void> };

/** A storage whose feeds can be made to fail. */
class Flaky {
  readonly source: JobEventStorage;
  opened = 0;
  /** How often opening a feed still fails. */
  refusals = 0;
  #code: JobEventErrorCode = "ERR_UNAVAILABLE";
  #broken = Promise.withResolvers<never>();

  constructor(storage: JobEventStorage) {
    const open: Readonly<Record<string, unknown>> = {
      streamEvents: (options: StreamOptions) => this.#wrap(storage.streamEvents(options)),
      consumeEvents: (options: ConsumeOptions) => this.#wrap(storage.consumeEvents(options)),
    };
    this.source = new Proxy(storage, {
      get(target, key) {
        const value: unknown = open[String(key)] ?? Reflect.get(target, key, target);
        return typeof value === "function" ? value.bind(target) : value;
      },
    });
    this.#broken.promise.catch(() => {});
  }

  /** Has all feeds fail. */
  fail(code: JobEventErrorCode): void {
    const { reject } = this.#broken;
    this.#code = code;
    this.#broken = Promise.withResolvers<never>();
    this.#broken.promise.catch(() => {});
    reject(new JobEventError(code, "Broken"));
  }

  #wrap(feed: Feed): Feed {
    this.opened++;
    if (this.refusals-- > 0) throw new JobEventError(this.#code, "Refused");
    const broken = this.#broken.promise;
    return {
      ready: feed.ready,
      [Symbol.asyncIterator]: () => {
        const iterator = feed[Symbol.asyncIterator]();
        return {
          next: () => Promise.race([iterator.next(), broken]),
          return: () => iterator.return!(),
        };
      },
      [Symbol.asyncDispose]: () => feed[Symbol.asyncDispose](),
    };
  }
}

/** Declares the cases. */
export function faultSuite(name: string, run: Run): void {
  describe(`JobEventProcessor on ${name}, when the feed breaks`, () => {
    for (const [kind, options] of [["without a name", {}], ["of a group", { consumerName: "g" }]]) {
      it(`goes on where it was, ${kind}`, () =>
        run({}, async ({ storage, store }) => {
          const flaky = new Flaky(storage);
          const errors: string[] = [];
          const onError = (error: unknown) => void errors.push((error as JobEventError).code);
          const all: JobEventProcessorOptions = { ...options as object, onError };
          await using processor = new JobEventProcessor(flaky.source, all);
          const seen: string[] = [];
          processor.onAny((event) => void seen.push(event.jobId));
          await processor.start();
          flaky.refusals = 1;
          flaky.fail("ERR_UNAVAILABLE");
          await eventually(() => errors.length > 0);
          await store("a");
          await eventually(() => seen.length === 1);
          flaky.fail("ERR_TIMEOUT");
          await eventually(() => errors.length === 3);
          await store(...numbered(5));
          await eventually(() => seen.length === 6);
          assert.deepEqual(seen, ["a", ...numbered(5)]);
          assert.deepEqual(errors, ["ERR_UNAVAILABLE", "ERR_UNAVAILABLE", "ERR_TIMEOUT"]);
          assert.equal(flaky.opened, 4);
        }));
    }

    it("gives back what no handler has begun", () =>
      run({}, async ({ storage, store }) => {
        const flaky = new Flaky(storage);
        const options = { consumerName: "g", onError: () => {} };
        await using processor = new JobEventProcessor(flaky.source, options);
        let release: () => void = () => {};
        const seen: string[] = [];
        processor.onAny((event) => {
          seen.push(event.jobId);
          if (event.jobId === "slow") return new Promise((resolve) => release = resolve);
        });
        await processor.start();
        await store("slow", "waits");
        await eventually(() => processor.stats().pending === 2);
        flaky.fail("ERR_NOT_FOUND");
        await using second = new JobEventProcessor(storage, { consumerName: "g" });
        second.onAny((event) => void seen.push(`second ${event.jobId}`));
        await second.start();
        await eventually(() => seen.includes("second waits"));
        release();
        await processor.stop();
        assert.ok(!seen.includes("waits"));
      }));

    it("is prompt to stop while it waits to try again", () =>
      run({}, async ({ storage }) => {
        const flaky = new Flaky(storage);
        await using processor = new JobEventProcessor(flaky.source, { onError: () => {} });
        await processor.start();
        flaky.refusals = 1000;
        flaky.fail("ERR_UNAVAILABLE");
        await eventually(() => flaky.opened > 3);
        await within(processor.stop(), 1000);
        const { opened } = flaky;
        flaky.refusals = 0;
        await processor.start();
        assert.equal(flaky.opened, opened + 1);
      }));

    it("can be started again after an error for good", () =>
      run({}, async ({ storage, store }) => {
        const flaky = new Flaky(storage);
        const errors: unknown[] = [];
        const options = { onError: (error: unknown) => errors.push(error) };
        await using processor = new JobEventProcessor(flaky.source, options);
        await processor.start();
        flaky.fail("ERR_NOT_FOUND");
        await eventually(() => errors.length === 1);
        await processor.start();
        await store("a");
        await eventually(() => processor.stats().processed === 1);
        flaky.refusals = 1;
        flaky.fail("ERR_NOT_FOUND");
        await eventually(() => errors.length === 2);
        await assert.rejects(processor.start(), { code: "ERR_NOT_FOUND" });
        await processor.start();
      }));

    it("says so when its source is closed", () =>
      run({}, async ({ storage, processor }) => {
        await processor.start();
        await storage.close();
        await eventually(() =>
          processor.start().then(() => false, (error) => error.code === "ERR_CLOSED")
        );
        assert.throws(() => processor.monitorJob("a", () => {}), { code: "ERR_CLOSED" });
        await assert.rejects(processor.waitForJobEvent("a", "failed"), { code: "ERR_CLOSED" });
        const { monitors, waiters } = processor.stats();
        assert.deepEqual([monitors, waiters], [0, 0]);
      }));

    it("stop() does not wait for a source that is never ready", () =>
      run({}, async ({ storage }) => {
        const feed = { ready: never(), [Symbol.asyncDispose]: () => Promise.resolve() };
        const source = Object.assign(Object.create(storage), { streamEvents: () => feed });
        const processor = new JobEventProcessor(source);
        const starting = processor.start();
        await within(processor.stop({ graceMs: 10 }), 1000);
        await within(starting, 1000);
      }));
  });

  callbackSuite(name, run);
}

function callbackSuite(name: string, run: Run): void {
  describe(`JobEventProcessor callbacks on ${name}`, () => {
    it("may throw or reject", async (context) => {
      const warn = context.mock.method(console, "warn", () => {});
      const fail = (): Promise<void> => Promise.reject(new Error("in the callback"));
      const options = { consumerName: "g", maxDeliver: 1, onError: fail, onDeadLetter: fail };
      await run(options, async ({ processor, store }) => {
        processor.onAny(() => {
          throw new Error("no");
        });
        await processor.start();
        await store("a");
        await eventually(() => processor.stats().deadLetters === 1);
        await eventually(() => warn.mock.callCount() > 0);
      });
      assert.match(String(warn.mock.calls[0]!.arguments[0]), /in the callback/);
    });
  });
}

/** The cases of storages in which something can be that is no event. */
export function undecodableSuite(name: string, run: Run): void {
  describe(`JobEventProcessor on ${name}, what is no event`, () => {
    it("is reported once by a processor without a name, which goes on", () =>
      run({}, async ({ processor, errors, store, storeUndecodable }) => {
        const seen: string[] = [];
        processor.onAny((event) => void seen.push(event.jobId));
        const monitored: string[] = [];
        processor.monitorJob("poison", (event) => void monitored.push(event.jobId));
        const waiting = processor.waitForJobEvent("poison", "cancelled");
        await processor.start();
        await store("a");
        await storeUndecodable("poison");
        await store("poison", "b");
        await eventually(() => seen.length === 3);
        assert.deepEqual(seen, ["a", "poison", "b"]);
        assert.equal((await waiting)?.natsSequence, 3);
        const found = await processor.waitForJobEvent("poison", "cancelled");
        assert.equal(found?.natsSequence, 3);
        await eventually(() => monitored.length === 1);
        assert.deepEqual(errors.map(({ error }) => (error as JobEventError).code), ["ERR_DECODE"]);
      }));

    it("is a dead letter of a group and reported once", () =>
      run({ consumerName: "g" }, async ({ processor, errors, store, storeUndecodable }) => {
        const seen: string[] = [];
        processor.onAny((event) => void seen.push(event.jobId));
        await store("a");
        await storeUndecodable("poison");
        await store("b");
        await processor.start();
        await eventually(() => processor.stats().processed === 2);
        assert.deepEqual(seen, ["a", "b"]);
        assert.deepEqual(errors.map(({ error }) => (error as JobEventError).code), ["ERR_DECODE"]);
        assert.equal(processor.stats().deadLetters, 1);
        const [letter] = await processor.deadLetters.list();
        assert.equal(letter?.event, undefined);
      }));
  });
}
