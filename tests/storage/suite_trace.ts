/** Trace context, which goes through a storage beside its event. */

import assert from "node:assert/strict";
import { describe, it } from "node:test";
import type { JobEventStorage } from "../../src/storage/storage.ts";
import type { StoredJobEvent } from "../../src/gen/types.ts";
import { take, within } from "../helpers.ts";
import { event, record } from "./events.ts";
import type { StorageUnderTest } from "./suite.ts";

const TRACE = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";

/** The next delivery of a group, which is made a dead letter or acknowledged. */
async function receive(
  storage: JobEventStorage,
  consumerName: string,
  isBuried: boolean,
): Promise<StoredJobEvent> {
  await using deliveries = storage.consumeEvents({ consumerName });
  const next = await within(deliveries[Symbol.asyncIterator]().next());
  const delivery = next.value!;
  await (isBuried ? delivery.deadLetter("no") : delivery.ack());
  return delivery.event;
}

/** Declares the tests. */
export function traceSuite(name: string, under: StorageUnderTest): void {
  describe(`${name}: trace context`, () => {
    it("comes back on every way of reading, and only with its event", async () => {
      await using storage = await under.open();
      await storage.append([
        { ...record(storage, event("a")), traceparent: TRACE },
        record(storage, event("b")),
      ]);
      const [a, b] = await storage.listEvents();
      assert.equal(a?.traceparent, TRACE);
      assert.equal("traceparent" in b!, false);
      const [live] = await take(storage.streamEvents({ from: "all" }), 1);
      assert.deepEqual(live, a);
      assert.deepEqual(await receive(storage, "group", false), a);
    });

    it("stays with a dead letter, also when it is replayed without its event", async () => {
      await using storage = await under.open();
      await storage.append([{ ...record(storage, event("a")), traceparent: TRACE }]);
      const first = await receive(storage, "group", true);
      assert.equal(first.traceparent, TRACE);
      const [letter] = await storage.deadLetters.list();
      assert.equal(letter?.event?.traceparent, TRACE);
      await storage.cleanupExpiredEvents({ olderThan: new Date(Date.now() + 1000) });
      await storage.deadLetters.replay();
      assert.equal((await receive(storage, "group", false)).traceparent, TRACE);
    });

    it("that is not valid is left out; the event is stored", async () => {
      await using storage = await under.open();
      await storage.append([{ ...record(storage, event("a")), traceparent: "a\r\nb" }]);
      const [a] = await storage.listEvents();
      assert.equal("traceparent" in a!, false);
    });
  });
}
