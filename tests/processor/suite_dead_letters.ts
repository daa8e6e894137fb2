/** What a processor gives up on: cases of its suite. */

import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { JobEventProcessor } from "../../src/processor/processor.ts";
import { eventually, take } from "../helpers.ts";
import { never, type Run } from "./bench.ts";

/** Declares the cases. */
export function deadLetterSuite(name: string, run: Run): void {
  describe(`JobEventProcessor.deadLetters on ${name}`, () => {
    const group = { consumerName: "group", backoffMs: 1, maxDeliver: 2 };

    it("has each event that failed too often, with its last error", () =>
      run(group, async ({ processor, deadLetters, store }) => {
        let calls = 0;
        processor.onAny(() => {
          throw new RangeError(`no ${++calls}`);
        });
        await processor.start();
        await store("poison");
        await eventually(() => deadLetters.length === 1);
        const [letter, ...more] = await processor.deadLetters.list();
        assert.equal(letter?.event?.jobId, "poison");
        assert.equal(letter?.reason, "RangeError: no 2");
        assert.equal(letter?.deliveryCount, 2);
        assert.equal(letter?.consumerName, "group");
        assert.deepEqual(more, []);
      }));

    it("replay() has the group handle them again, purge() forgets them", () =>
      run(group, async ({ processor, deadLetters, store }) => {
        const seen: string[] = [];
        let isMended = false;
        processor.onAny((event) => {
          seen.push(event.jobId);
          if (!isMended) throw new Error("not mended");
        });
        await processor.start();
        await store("a", "b", "c");
        await eventually(() => deadLetters.length === 3);
        isMended = true;
        seen.length = 0;
        const [first] = await processor.deadLetters.list();
        assert.equal(await processor.deadLetters.replay({ ids: [first!.id] }), 1);
        await eventually(() => processor.stats().processed === 1);
        assert.equal(await processor.deadLetters.purge({ jobId: "b" }), 1);
        assert.equal(await processor.deadLetters.replay(), 1);
        await eventually(() => processor.stats().processed === 2);
        assert.deepEqual(seen, ["a", "c"]);
        assert.deepEqual(await processor.deadLetters.list(), []);
      }));

    it("are those of its own group", () =>
      run(group, async ({ storage, processor, store }) => {
        await store("a");
        const [delivery] = await take(storage.consumeEvents({ consumerName: "other" }), 1);
        await delivery!.deadLetter("no");
        const [letter] = await storage.deadLetters.list();
        assert.deepEqual(await processor.deadLetters.list(), []);
        assert.equal(await processor.deadLetters.replay(), 0);
        assert.equal(await processor.deadLetters.purge({ ids: [letter!.id] }), 0);
        assert.equal((await storage.deadLetters.list()).length, 1);
      }));

    it("has an event whose handler never returns; the others go on", () =>
      run({ ...group, handlerTimeoutMs: 20 }, async ({ processor, deadLetters, store }) => {
        processor.onAny((event) => event.jobId === "hangs" ? never() : undefined);
        await processor.start();
        await store("hangs", "a", "hangs", "b");
        await eventually(() => deadLetters.length === 2 && processor.stats().processed === 2);
        const [letter] = await processor.deadLetters.list();
        assert.match(letter!.reason, /^JobEventError: A handler .* took longer than 20 ms/);
        assert.equal(processor.stats().pending, 0);
      }));

    it("has an event that ended every process which had it, and tells onDeadLetter", () => {
      const told: unknown[] = [];
      const options = { ...group, onDeadLetter: (_: unknown, error: unknown) => told.push(error) };
      return run(options, async ({ storage, processor, store }) => {
        await store("poison", "fine");
        // Two members that take the event and are never heard of again.
        for (let member = 0; member < 2; member++) {
          await take(storage.consumeEvents({ consumerName: "group", maxPending: 1 }), 1);
        }
        const seen: string[] = [];
        processor.onAny((event) => void seen.push(event.jobId));
        await processor.start();
        await eventually(() => processor.stats().processed === 1);
        assert.deepEqual(seen, ["fine"]);
        assert.equal(processor.stats().deadLetters, 1);
        assert.deepEqual(told.map((error) => (error as { code: string }).code), ["ERR_TIMEOUT"]);
        const [letter] = await processor.deadLetters.list();
        assert.equal(letter?.reason, "Not acknowledged in 2 deliveries");
      });
    });

    it("is only for a processor with a name", () =>
      run({}, ({ storage }) => {
        const processor = new JobEventProcessor(storage);
        assert.throws(() => processor.deadLetters, { code: "ERR_UNSUPPORTED" });
        return Promise.resolve();
      }));
  });
}
