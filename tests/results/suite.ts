/** The one suite that every store of results passes. */

import assert from "node:assert/strict";
import { after, before, describe, it } from "node:test";
import type { TaskResult, TaskResultStorage } from "../../src/results/mod.ts";
import { eventually, within } from "../helpers.ts";
import { concurrently, type Meanwhile } from "../meanwhile.ts";

/** How the suite gets at a store, and what that store can do. */
export interface ResultsUnderTest {
  /** Opens a new, empty store. */
  open(
    options?: { readonly defaultTtlMs?: number; readonly maxResultBytes?: number },
  ): Promise<TaskResultStorage>;
  /** How somebody else calls while a call waits; there where that call blocks its thread. */
  readonly meanwhile?: Meanwhile<TaskResultStorage>;
}

const completed = (id: string, others: Partial<TaskResult> = {}): TaskResult => ({
  id,
  state: "completed",
  ...others,
});

const WHOLE: TaskResult = {
  id: "a task: with/any.name>*",
  state: "failed",
  value: { list: [1, null, "two", new Uint8Array([3]), 4n ** 30n], nested: { at: new Date(5) } },
  error: { name: "TypeError", message: "no address", code: "E_ADDRESS", stack: "at send" },
  queue: "mail",
  functionName: "send",
  workerId: "worker-1",
  attempts: 3,
  startedAt: new Date(1_700_000_000_000),
  finishedAt: new Date(1_700_000_000_250),
  durationMs: 250.5,
  tags: { tenant: "t1" },
  metadata: { trace: { id: 7 } },
  createdAt: new Date(1_700_000_000_300),
};

const ids = (results: readonly TaskResult[]): string[] => results.map(({ id }) => id);
const gone = (storage: TaskResultStorage, id: string): Promise<true> =>
  eventually(async () => await storage.get(id) === null, { timeoutMs: 10_000 }) as Promise<true>;

/** Declares the tests. */
export function resultsSuite(name: string, under: ResultsUnderTest): void {
  keepSuite(name, under);
  expireSuite(name, under);
  refuseSuite(name, under);
  listSuite(name, under);
  waitSuite(name, under);
}

function keepSuite(name: string, under: ResultsUnderTest): void {
  describe(`${name}: set() and get()`, () => {
    let storage: TaskResultStorage;
    before(async () => void (storage = await under.open()));
    after(() => storage.close());

    it("gives back every field", async () => {
      const begin = Date.now();
      await storage.set(WHOLE, { ttlMs: Infinity });
      assert.deepEqual(await storage.get(WHOLE.id), WHOLE);
      await storage.set(completed("small"));
      const { createdAt, expiresAt, ...others } = (await storage.get("small"))!;
      assert.deepEqual(others, completed("small"));
      assert.ok(createdAt!.getTime() >= begin && createdAt!.getTime() <= Date.now());
      assert.equal(expiresAt!.getTime() - createdAt!.getTime(), 86_400_000);
    });

    it("keeps a value of null and leaves out undefined", async () => {
      await storage.set(completed("null", { value: null }));
      assert.equal((await storage.get("null"))?.value, null);
      await storage.set({ ...completed("none"), value: undefined } as unknown as TaskResult);
      assert.equal("value" in (await storage.get("none"))!, false);
    });

    it("gives null for what is not there", async () => {
      assert.equal(await storage.get("nobody"), null);
      assert.equal(await storage.delete("nobody"), false);
      assert.equal((await storage.getMany(["nobody"])).size, 0);
      assert.equal((await storage.getMany([])).size, 0);
    });

    it("keeps the last one of a task", async () => {
      await storage.set(completed("twice", { value: 1 }));
      await storage.set(completed("twice", { value: 2 }));
      assert.equal((await storage.get("twice"))?.value, 2);
      assert.equal((await storage.list()).filter(({ id }) => id === "twice").length, 1);
    });

    it("is a snapshot", async () => {
      const value = { list: [1] };
      await storage.set(completed("snapshot", { value }));
      value.list.push(2);
      const read = await storage.get("snapshot");
      assert.deepEqual(read?.value, { list: [1] });
      assert.notEqual(await storage.get("snapshot"), read);
    });

    it("tells tasks apart whose ids look alike", async () => {
      for (const id of ["x", "x.y", "x.>", "X", "global"]) {
        await storage.set(completed(id, { value: id }));
      }
      const found = await storage.getMany(["x", "x.y", "x.>", "X", "global", "x", "y"]);
      assert.deepEqual([...found.values()].map(({ value }) => value).sort(), [
        "X",
        "global",
        "x",
        "x.>",
        "x.y",
      ]);
    });

    it("forgets what is deleted, and says whether it was there", async () => {
      await storage.set(completed("deleted"));
      assert.equal(await storage.delete("deleted"), true);
      assert.equal(await storage.get("deleted"), null);
      assert.equal(await storage.delete("deleted"), false);
      await storage.set(completed("deleted", { value: 2 }));
      assert.equal((await storage.get("deleted"))?.value, 2);
    });
  });
}

function expireSuite(name: string, under: ResultsUnderTest): void {
  describe(`${name}: time to live`, () => {
    it("hides what has expired everywhere, and frees it", async () => {
      await using storage = await under.open();
      await storage.set(completed("short"), { ttlMs: 50 });
      await storage.set(completed("long"), { ttlMs: 60_000 });
      assert.equal((await storage.get("long"))?.state, "completed");
      await gone(storage, "short");
      assert.deepEqual(ids(await storage.list()), ["long"]);
      assert.equal(await storage.count(), 1);
      assert.equal((await storage.getMany(["short", "long"])).size, 1);
      assert.equal(await storage.wait("short", { timeoutMs: 0 }), null);
      assert.equal(await storage.delete("short"), false);
      await storage.set(completed("short"), { ttlMs: 20 });
      await gone(storage, "short");
      // A server may have been quicker.
      assert.ok(await storage.cleanupExpired() <= 1);
      assert.equal((await storage.healthCheck()).messages, 1);
      assert.equal(await storage.cleanupExpired(), 0);
    });

    it("is the default unless something else is said", async () => {
      await using storage = await under.open({ defaultTtlMs: 5000 });
      const lifeOf = async (id: string): Promise<number> => {
        const { createdAt, expiresAt } = (await storage.get(id))!;
        return (expiresAt?.getTime() ?? Infinity) - createdAt!.getTime();
      };
      await storage.set(completed("default"));
      await storage.set(completed("given"), { ttlMs: 9000 });
      await storage.set(completed("ever"), { ttlMs: Infinity });
      assert.equal(await lifeOf("default"), 5000);
      assert.equal(await lifeOf("given"), 9000);
      assert.equal(await lifeOf("ever"), Infinity);
      const expiresAt = new Date(Date.now() + 30_000);
      await storage.set(completed("copied", { expiresAt }));
      assert.deepEqual((await storage.get("copied"))?.expiresAt, expiresAt);
    });

    it("may be over before the result is stored", async () => {
      await using storage = await under.open();
      await storage.set(completed("late", { value: 1 }));
      await storage.set(completed("late", { expiresAt: new Date(Date.now() - 5000) }));
      assert.equal(await storage.get("late"), null);
      assert.equal(await storage.count(), 0);
    });

    it("begins anew with each set()", async () => {
      await using storage = await under.open();
      await storage.set(completed("renewed"), { ttlMs: 100 });
      await storage.set(completed("other"), { ttlMs: 150 });
      await storage.set(completed("renewed"), { ttlMs: 60_000 });
      await gone(storage, "other");
      await storage.cleanupExpired();
      assert.equal((await storage.get("renewed"))?.state, "completed");
    });
  });
}

function refuseSuite(name: string, under: ResultsUnderTest): void {
  describe(`${name}: what is refused`, () => {
    let storage: TaskResultStorage;
    before(async () => void (storage = await under.open({ maxResultBytes: 2000 })));
    after(() => storage.close());

    it("names the size and the limit of what is too large", async () => {
      const large = completed("large", { value: "x".repeat(3000) });
      await assert.rejects(storage.set(large), (error: Error & { code?: string }) => {
        assert.equal(error.code, "ERR_EVENT_TOO_LARGE");
        assert.match(error.message, /"large".* 30\d\d bytes, more than the 2000 of maxResultBytes/);
        return true;
      });
      assert.equal(await storage.get("large"), null);
    });

    it("names the place of a value that cannot be stored", async () => {
      const circle: { self?: unknown } = {};
      circle.self = circle;
      let deep: unknown = 1;
      for (let level = 0; level < 40; level++) deep = [deep];
      for (
        const [value, pattern] of [
          // What blocks sends its arguments to a thread, where a function cannot go either.
          [{ a: [() => {}] }, /result\.value\.a\[0\]|cannot be sent/],
          [circle, /contains itself/],
          [deep, /deeper than 32 levels/],
        ] as const
      ) {
        const result = completed("odd", { value } as Partial<TaskResult>);
        await assert.rejects(storage.set(result), (error: Error) => {
          assert.equal(error.name, "TypeError");
          assert.match(error.message, pattern);
          return true;
        });
      }
    });

    it("checks fields, ids, lives and queries", async () => {
      const set = (result: object) => storage.set(result as TaskResult);
      await assert.rejects(set({ id: "a" }), /state must be completed, failed/);
      await assert.rejects(set({ id: "a", state: "running" }), TypeError);
      await assert.rejects(set({ state: "failed" }), TypeError);
      await assert.rejects(set(completed("a", { tags: { n: 1 } as never })), /tags must be/);
      await assert.rejects(set(completed("a", { startedAt: 5 as never })), /startedAt must be/);
      await assert.rejects(storage.set(completed("")), RangeError);
      await assert.rejects(storage.set(completed("x".repeat(300))), RangeError);
      await assert.rejects(storage.set(completed("a"), { ttlMs: 0 }), /ttlMs must be at least 1/);
      await assert.rejects(storage.set(completed("a"), { ttlMs: NaN }), RangeError);
      await assert.rejects(storage.get(""), RangeError);
      await assert.rejects(storage.wait("a", { timeoutMs: -1 }), RangeError);
      await assert.rejects(storage.list({ limit: -1 }), RangeError);
      await assert.rejects(storage.list({ state: "odd" as never }), TypeError);
      assert.equal(await storage.count(), 0);
    });

    it("says ERR_CLOSED after close()", async () => {
      const closed = await under.open();
      await closed.close();
      await closed.close();
      const code = { code: "ERR_CLOSED" };
      await assert.rejects(closed.set(completed("a")), code);
      await assert.rejects(closed.get("a"), code);
      await assert.rejects(closed.getMany(["a"]), code);
      await assert.rejects(closed.wait("a"), code);
      await assert.rejects(closed.delete("a"), code);
      await assert.rejects(closed.list(), code);
      await assert.rejects(closed.count(), code);
      await assert.rejects(closed.cleanupExpired(), code);
      assert.equal((await closed.healthCheck()).status, "disconnected");
    });
  });
}

function listSuite(name: string, under: ResultsUnderTest): void {
  describe(`${name}: list() and count()`, () => {
    let storage: TaskResultStorage;
    before(async () => {
      storage = await under.open();
      for (let index = 0; index < 30; index++) {
        await storage.set({
          id: `task-${index}`,
          state: index % 3 === 0 ? "failed" : "completed",
          queue: `queue-${index % 2}`,
          functionName: index < 10 ? "send" : "receive",
          workerId: `worker-${index % 5}`,
          tags: { tenant: `t${index % 4}` },
          createdAt: new Date(1_700_000_000_000 + index * 1000),
        });
      }
    });
    after(() => storage.close());

    const expected = (test: (index: number) => boolean): string[] =>
      Array.from({ length: 30 }, (_, index) => index).filter(test).map((index) => `task-${index}`);

    it("finds what a filter means", async () => {
      for (
        const [filter, test] of [
          [{}, () => true],
          [{ state: "failed" }, (index: number) => index % 3 === 0],
          [{ state: ["failed", "completed"] }, () => true],
          [{ state: [] }, () => false],
          [{ queue: "queue-1" }, (index: number) => index % 2 === 1],
          [
            { functionName: "send", state: "completed" },
            (index: number) => index < 10 && index % 3 !== 0,
          ],
          [{ workerId: "worker-4" }, (index: number) => index % 5 === 4],
          [{ tags: { tenant: "t3" } }, (index: number) => index % 4 === 3],
          [{ since: new Date(1_700_000_010_000) }, (index: number) => index >= 10],
          [{ until: new Date(1_700_000_010_000) }, (index: number) => index <= 10],
        ] as const
      ) {
        assert.deepEqual(ids(await storage.list(filter)), expected(test), JSON.stringify(filter));
        assert.equal(await storage.count(filter), expected(test).length);
      }
    });

    it("gives a part, from either end", async () => {
      assert.deepEqual(ids(await storage.list({ limit: 2 })), ["task-0", "task-1"]);
      assert.deepEqual(ids(await storage.list({ limit: 0 })), []);
      assert.deepEqual(ids(await storage.list({ offset: 28 })), ["task-28", "task-29"]);
      const newest = { order: "newest", state: "failed", offset: 1, limit: 2 } as const;
      assert.deepEqual(ids(await storage.list(newest)), ["task-24", "task-21"]);
    });

    it("tells in its health how many there are", async () => {
      const health = await storage.healthCheck();
      assert.equal(health.status, "healthy");
      assert.equal(health.messages, 30);
    });
  });
}

function waitSuite(name: string, under: ResultsUnderTest): void {
  const { meanwhile = concurrently } = under;
  const isBlocking = under.meanwhile !== undefined;
  const several = {
    timeout: 60_000,
    skip: isBlocking && "a thread that is blocked by one wait begins no other",
  };
  const aborted = { skip: isBlocking && "a thread that is blocked aborts nothing" };
  describe(`${name}: wait()`, () => {
    let storage: TaskResultStorage;
    before(async () => void (storage = await under.open()));
    after(() => storage.close());

    it("gives what is there, what comes, and null when the time is up", async () => {
      await storage.set(completed("there", { value: 1 }));
      assert.equal((await within(storage.wait("there")))?.value, 1);
      const coming = await meanwhile(
        storage,
        [[20, "set", completed("coming", { value: 2 })]],
        () => within(storage.wait("coming"), 10_000),
      );
      assert.equal(coming?.value, 2);
      assert.equal(await within(storage.wait("never", { timeoutMs: 30 })), null);
      assert.equal(await within(storage.wait("never", { timeoutMs: 0 })), null);
    });

    it("misses nothing that is stored while it begins", { timeout: 60_000 }, async () => {
      for (let round = 0; round < 50; round++) {
        const id = `race-${round}`;
        const result = await meanwhile(
          storage,
          [[round % 3, "set", completed(id)]],
          () => within(storage.wait(id, { timeoutMs: 30_000 }), 40_000),
        );
        assert.equal(result?.id, id);
      }
    });

    it("ends with the store", async () => {
      const closed = await under.open();
      const wait = (id: string) => assert.rejects(closed.wait(id), { code: "ERR_CLOSED" });
      const waits = () => within(Promise.all([wait("a"), wait("b")]), 10_000);
      await meanwhile(closed, [[20, "close"]], waits);
    });

    it("wakes all who wait for one task, and only them", several, async () => {
      const others = new AbortController();
      const other = storage.wait("other", { signal: others.signal });
      const waits = Array.from({ length: 500 }, () => storage.wait("shared"));
      await storage.set(completed("shared", { value: 3 }));
      const results = await within(Promise.all(waits), 20_000);
      assert.ok(results.every((result) => result?.value === 3));
      others.abort(new Error("enough"));
      await assert.rejects(within(other), /enough/);
    });

    it("waits for thousands of tasks at once", several, async () => {
      const ids = Array.from({ length: 5000 }, (_, index) => `many-${index}`);
      const waits = Promise.all(ids.map((id) => storage.wait(id, { timeoutMs: 50_000 })));
      await Promise.all(ids.map((id) => storage.set(completed(id))));
      assert.deepEqual((await waits).map((result) => result?.id), ids);
      assert.equal((await storage.getMany(ids)).size, ids.length);
    });

    it("rejects with the reason of an abort", aborted, async () => {
      const reason = new Error("enough");
      await assert.rejects(storage.wait("a", { signal: AbortSignal.abort(reason) }), reason);
      const controller = new AbortController();
      const waiting = storage.wait("a", { signal: controller.signal });
      controller.abort(reason);
      await assert.rejects(within(waiting), reason);
    });
  });
}
