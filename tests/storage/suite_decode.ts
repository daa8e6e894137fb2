/** What the suite asks of bytes that are no event. */

import assert from "node:assert/strict";
import { after, before, describe, it } from "node:test";
import type { StoredJobEvent } from "../../src/gen/types.ts";
import type { JobEventStorage, UndecodableMessage } from "../../src/storage/storage.ts";
import { take } from "../helpers.ts";
import { event } from "./events.ts";
import type { StorageUnderTest } from "./suite.ts";

type Counting = JobEventStorage & { readonly decodeErrors: number };

const jobs = (events: readonly StoredJobEvent[]): string[] => events.map(({ jobId }) => jobId);

/** Declares the tests. */
export function decodeSuite(name: string, under: StorageUnderTest): void {
  const { storeUndecodable } = under;
  // There is nothing to test where nobody can store what is no event.
  if (storeUndecodable === undefined) return;
  describe(`${name}: a message that is no event`, () => {
    let storage: Counting;
    const told: UndecodableMessage[] = [];
    before(async () => {
      const onDecodeError = (message: UndecodableMessage): void => {
        told.push(message);
        throw new Error("in the callback");
      };
      storage = await under.open({ onDecodeError }) as Counting;
      await storage.storeEvent(event("a"));
      await storeUndecodable(storage, "poison");
      await storage.storeEvents([event("b"), event("c")]);
    });
    after(() => storage.close());

    it("is skipped by reads, counted and reported", async () => {
      assert.equal(storage.decodeErrors, 0);
      assert.deepEqual(jobs(await storage.listEvents()), ["a", "b", "c"]);
      assert.equal(storage.decodeErrors, 1);
      const [{ sequence, subject, payload, error }, ...more] = told as [UndecodableMessage];
      assert.deepEqual(more, []);
      assert.equal(sequence, 2);
      assert.equal(storage.subjects.parse(subject)?.jobId, "poison");
      assert.deepEqual([...payload], [0xc0, 0xff, 0xee]);
      assert.equal(error.code, "ERR_DECODE");
      assert.deepEqual(await storage.getEvents("poison"), []);
      assert.equal(storage.decodeErrors, 2);
    });

    it("does not count in a limit or an offset", async () => {
      const list = async (query: Parameters<JobEventStorage["listEvents"]>[0]) =>
        jobs(await storage.listEvents(query));
      assert.deepEqual(await list({ limit: 2 }), ["a", "b"]);
      assert.deepEqual(await list({ limit: 1, offset: 1 }), ["b"]);
      assert.deepEqual(await list({ limit: 1, offset: 2 }), ["c"]);
      assert.deepEqual(await list({ limit: 3, order: "newest" }), ["c", "b", "a"]);
      const read: StoredJobEvent[] = [];
      for await (const event of storage.readEvents({ limit: 2 })) read.push(event);
      assert.deepEqual(jobs(read), ["a", "b"]);
    });

    it("is skipped by streams, which report it, too", async () => {
      const before = storage.decodeErrors;
      const ofStream: number[] = [];
      const stream = storage.streamEvents({
        from: "all",
        onDecodeError: ({ sequence }) => void ofStream.push(sequence),
      });
      assert.deepEqual(jobs(await take(stream, 3)), ["a", "b", "c"]);
      assert.deepEqual(ofStream, [2]);
      assert.equal(storage.decodeErrors, before + 1);
    });

    it("becomes a dead letter of a group at once, and is in nobody's way", async () => {
      const before = storage.decodeErrors;
      const taken = await take(storage.consumeEvents({ consumerName: "group" }), 3);
      assert.deepEqual(taken.map((delivery) => delivery.event.jobId), ["a", "b", "c"]);
      assert.equal(storage.decodeErrors, before + 1);
      const [letter, ...more] = await storage.deadLetters.list({ consumerName: "group" });
      assert.deepEqual(more, []);
      assert.equal(letter?.event, undefined);
      assert.equal(letter?.natsSequence, 2);
      assert.deepEqual([...letter!.payload], [0xc0, 0xff, 0xee]);
      assert.equal(letter?.deliveryCount, 1);
    });
  });
}
