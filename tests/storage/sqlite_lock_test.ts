import assert from "node:assert/strict";
import { after, describe, it } from "node:test";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { SqliteJobEventStorage } from "../../src/storage/sqlite.ts";
import { take, temporaryDirectory, within } from "../helpers.ts";
import { event, record } from "./events.ts";

const directory = await temporaryDirectory();
after(() => directory[Symbol.asyncDispose]());
let files = 0;

const nothing = (): Promise<void> => Promise.resolve();

/** A new storage, and a lock that another program has on its file. */
async function locked<Prepared>(
  prepare: (storage: SqliteJobEventStorage) => Promise<Prepared>,
  busyTimeoutMs = 5000,
) {
  const path = join(directory.path, `lock-${++files}.sqlite`);
  const storage = await SqliteJobEventStorage.open(path, { busyTimeoutMs });
  const prepared = await prepare(storage);
  const other = new DatabaseSync(path);
  other.exec("BEGIN IMMEDIATE");
  const unlock = (): void => {
    other.exec("ROLLBACK");
    other.close();
  };
  return { path, storage, prepared, unlock };
}

const pause = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));

describe("SqliteJobEventStorage: a file that another process keeps locked", () => {
  it("does not stop the thread, and loses no order", async () => {
    const { storage, unlock } = await locked(nothing);
    await using _ = storage;
    const started = performance.now();
    const storing = ["a", "b", "c"].map((job) => storage.storeEvent(event(job)));
    await pause(1);
    // Not the 5 s of busyTimeoutMs; the rest is for a machine that is busy itself.
    assert.ok(performance.now() - started < 1000);
    await pause(50);
    unlock();
    const late = storage.storeEvent(event("d"));
    const stored = await within(Promise.all([...storing, late]));
    assert.deepEqual(stored.map(({ natsSequence }) => natsSequence), [1, 2, 3, 4]);
  });

  it("keeps nobody waiting for longer than busyTimeoutMs, or than they want", async () => {
    const { storage, unlock } = await locked(nothing, 100);
    const started = performance.now();
    const results = await Promise.all([
      storage.append([record(storage, event("a"))]),
      storage.append([record(storage, event("b"))], { signal: AbortSignal.timeout(20) }),
      storage.deleteEvents("a").catch(({ code }) => code),
      storage.consumeEvents({ consumerName: "g" }).ready.catch(({ code }) => code),
    ]);
    assert.ok(performance.now() - started >= 95);
    const [[first], [second], ...codes] = results;
    assert.deepEqual([first?.status, second?.status], ["retry", "retry"]);
    assert.deepEqual(codes, ["ERR_UNAVAILABLE", "ERR_UNAVAILABLE"]);
    unlock();
    await storage.close();
  });

  it("has deliveries settled later, and once", async () => {
    const { storage, prepared, unlock } = await locked(async (storage) => {
      await storage.storeEvents([event("a"), event("b")]);
      const iterator = storage.consumeEvents({ consumerName: "g" })[Symbol.asyncIterator]();
      return [(await iterator.next()).value!, (await iterator.next()).value!] as const;
    });
    const [a, b] = prepared;
    const settling = [a.ack(), a.ack(), b.ack()];
    await pause(30);
    unlock();
    await within(Promise.all(settling));
    await storage.storeEvent(event("c"));
    const [next] = await take(storage.consumeEvents({ consumerName: "g" }), 1);
    assert.equal(next?.event.jobId, "c");
    await storage.close();
  });

  it("has close() wait for what is under way, and give back what is unsettled", async () => {
    const { path, storage, unlock } = await locked(async (storage) => {
      await storage.storeEvent(event("a"));
      await storage.consumeEvents({ consumerName: "g" })[Symbol.asyncIterator]().next();
    });
    const storing = storage.storeEvent(event("b"));
    const closing = storage.close();
    await pause(30);
    unlock();
    await within(closing);
    assert.equal((await storing).natsSequence, 2);
    await using again = await SqliteJobEventStorage.open(path);
    const taken = await take(again.consumeEvents({ consumerName: "g" }), 2);
    assert.deepEqual(taken.map((delivery) => delivery.event.jobId), ["a", "b"]);
  });

  it("has a spool, whose calls cannot be tried again later, wait in the call", async () => {
    const { storage, prepared: spool, unlock } = await locked(
      (storage) => Promise.resolve(storage.openSpool()),
      100,
    );
    const added = { ordinal: 1, ...record(storage, event("a")) };
    const started = performance.now();
    assert.throws(() => spool.add(added), /locked/);
    assert.ok(performance.now() - started >= 80);
    unlock();
    spool.add(added);
    spool.close();
    await storage.close();
  });
});
