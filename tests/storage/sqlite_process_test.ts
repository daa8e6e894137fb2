import assert from "node:assert/strict";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { describe, it } from "node:test";
import { SqliteJobEventStorage } from "../../src/storage/sqlite.ts";
import { runChild } from "../child.ts";
import {
  eventually,
  seededRandom,
  take,
  temporaryDirectory,
  testSeed,
  within,
} from "../helpers.ts";
import { event } from "./events.ts";

const script = new URL("./sqlite_child.ts", import.meta.url);
const KILLS = 8;

/** Fails unless everything that a writer reported is there once, and no batch is there in part. */
async function checkReported(
  storage: SqliteJobEventStorage,
  name: string,
  lines: readonly string[],
): Promise<void> {
  const events = await storage.getEvents(name);
  const numbers = events.map(({ eventId }) => Number(eventId.slice(name.length + 1)));
  // Appended in order, by one writer: the numbers must be 1, 2, 3 … without a gap or a repetition.
  assert.deepEqual(numbers, Array.from({ length: numbers.length }, (_, index) => index + 1));
  const [, last] = (lines.at(-1) ?? "0 0").split(" ").map(Number);
  assert(numbers.length >= last!, `${name}: ${last} reported, ${numbers.length} stored`);
  // A batch of n events follows one of n - 1, up to 40, so the ends of batches are known.
  let end = 0;
  for (let size = 1; end < numbers.length; size = size % 40 + 1) end += size;
  assert.equal(numbers.length, end, `${name}: the last batch is there in part`);
}

describe("SqliteJobEventStorage: several processes", () => {
  it("SIGKILL of a writer loses nothing that was reported stored", async () => {
    const seed = testSeed();
    const random = seededRandom(seed);
    await using directory = await temporaryDirectory();
    const path = join(directory.path, "killed.sqlite");
    let reported = 0;
    try {
      // Two writers on a file that neither finds: they make it at the same time.
      await using other = runChild(script, "append", path, "other");
      for (let round = 0; round < KILLS; round++) {
        const name = `writer${round}`;
        await using writer = runChild(script, "append", path, name);
        await eventually(() => writer.lines.length > 0, {
          timeoutMs: 10_000,
          what: `a report of ${name} ${writer.errors}`,
        });
        const until = performance.now() + random(120);
        await eventually(() => performance.now() >= until);
        await writer.kill();
        assert.equal(writer.errors, "");
        await using storage = await SqliteJobEventStorage.open(path);
        await checkReported(storage, name, writer.lines);
        reported += writer.lines.length;
      }
      await other.kill();
      assert.equal(other.errors, "");
      await using storage = await SqliteJobEventStorage.open(path);
      await checkReported(storage, "other", other.lines);
      assert(reported > KILLS, `only ${reported} batches were reported`);
    } catch (error) {
      throw new Error(`Failed with TEST_SEED=${seed}`, { cause: error });
    }
    const database = new DatabaseSync(path);
    assert.deepEqual({ ...database.prepare("PRAGMA integrity_check").get() }, {
      integrity_check: "ok",
    });
    database.close();
  });

  it("a reader follows live while another process writes", async () => {
    await using directory = await temporaryDirectory();
    const path = join(directory.path, "live.sqlite");
    await using storage = await SqliteJobEventStorage.open(path, { pollIntervalMs: 10 });
    const stream = storage.streamEvents();
    await stream.ready;
    const reading = take(stream, 60, 10_000);
    await using writer = runChild(script, "trickle", path, "live", "60");
    const jobs = (await reading).map(({ jobId }) => jobId);
    assert.deepEqual(jobs, Array.from({ length: 60 }, (_, index) => `live-${index}`));
    assert.equal(await writer.ended(), 0);
  });

  it("a read-only reader follows too", async () => {
    await using directory = await temporaryDirectory();
    const path = join(directory.path, "read.sqlite");
    await using writer = await SqliteJobEventStorage.open(path);
    await using reader = await SqliteJobEventStorage.open(path, {
      readOnly: true,
      pollIntervalMs: 5,
    });
    const reading = take(reader.streamEvents(), 1);
    await writer.storeEvent(event("seen"));
    assert.equal((await reading)[0]?.jobId, "seen");
  });

  it("members in several processes share a group; what a killed one held comes again", async () => {
    await using directory = await temporaryDirectory();
    const path = join(directory.path, "group.sqlite");
    await using storage = await SqliteJobEventStorage.open(path, { pollIntervalMs: 10 });
    const held = storage.consumeEvents({ consumerName: "shared", ackWaitMs: 300 });
    const first = held[Symbol.asyncIterator]();
    await using one = runChild(script, "consume", path, "shared");
    await using two = runChild(script, "consume", path, "shared");
    for (const child of [one, two]) {
      await eventually(() => child.lines.length > 0, { timeoutMs: 10_000, what: child.errors });
    }
    await storage.storeEvents(Array.from({ length: 50 }, (_, index) => event(`job-${index}`)));
    const mine = await within(first.next());
    const settled = (): string[] => [...one.lines, ...two.lines].filter((line) => line !== "ready");
    // Mine was never acknowledged: its time ends, and a child gets it as the second delivery.
    await eventually(() => settled().length >= 50, { what: "all deliveries" });
    const counts = new Map(settled().map((line) => line.split(" ") as [string, string]));
    assert.equal(counts.size, 50);
    const mineSequence = mine.value!.event.natsSequence;
    for (const [sequence, count] of counts) {
      assert.equal(count, Number(sequence) === mineSequence ? "2" : "1");
    }
    await held[Symbol.asyncDispose]();
    await storage.storeEvents([event("last"), event("last")]);
    // Either child may take both: the one that is left is ended by its disposal.
    await eventually(() => settled().length >= 51);
  });

  it("a process ends by itself after close()", async () => {
    await using directory = await temporaryDirectory();
    const path = join(directory.path, "leave.sqlite");
    await using storage = await SqliteJobEventStorage.open(path);
    await storage.storeEvent(event("a"));
    await using child = runChild(script, "leave", path);
    assert.equal(await child.ended(), 0, child.errors);
    assert.deepEqual(child.lines, ["done"]);
  });
});
