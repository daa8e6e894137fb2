import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { natsSkipReason } from "../../scripts/nats_server.ts";
import { seededRandom } from "../../scripts/random.ts";
import { currentRuntime } from "../../scripts/runtimes.ts";
import { checkSoak, type Leftovers } from "../../scripts/soak/check.ts";
import { runSoak } from "../../scripts/soak/run.ts";
import { MemoryJobEventStorage } from "../../src/storage/memory.ts";
import { JobEventLogger } from "../../src/logger/logger.ts";
import { MemoryTaskQueue } from "../../src/queue/mod.ts";
import { testSeed } from "../helpers.ts";

const LEASE_MS = 1000;

/** What is left of one task that went well, with a worker that was lost at its first claim. */
async function leftovers(change: (log: JobEventLogger, at: number) => void): Promise<Leftovers> {
  await using storage = new MemoryJobEventStorage();
  await using queue = new MemoryTaskQueue();
  await queue.enqueue({ id: "t", functionName: "double", args: 4 });
  const claim = await queue.dequeue("default", { workerId: "b" });
  await queue.complete(claim!);
  const at = Date.now() / 1000;
  await using logger = new JobEventLogger(storage);
  logger.logJobEnqueued("t", "default", { timestamp: at });
  logger.logJobDequeued("t", "default", "a", { timestamp: at + 1 });
  logger.logJobDequeued("t", "default", "b", { timestamp: at + 3 });
  logger.logJobStarted("t", "b", "async", { timestamp: at + 4 });
  change(logger, at);
  await logger.flush();
  return {
    ids: ["t"],
    tasks: await queue.listTasks(),
    results: [{ id: "t", state: "completed", value: 8 }],
    events: await storage.listEvents(),
    leaseMs: LEASE_MS,
    killed: new Set(["a"]),
  };
}

describe("checkSoak()", () => {
  const completed = (log: JobEventLogger, at: number, by = "b"): boolean =>
    log.logJobCompleted("t", by, 1, { timestamp: at + 5 });

  it("accepts what went well in spite of a lost worker", async () => {
    const fine = await leftovers((log, at) => completed(log, at));
    assert.deepEqual(checkSoak(fine), { problems: [], repeated: 1, untold: 0 });
    const silent = await leftovers(() => {});
    const killed = { ...silent, killed: new Set(["b"]) };
    assert.deepEqual(checkSoak(killed), { problems: [], repeated: 1, untold: 1 });
  });

  it("finds each way in which it went wrong", async () => {
    const find = async (
      change: (log: JobEventLogger, at: number) => void,
      with_: Partial<Leftovers> = {},
    ): Promise<string> => checkSoak({ ...await leftovers(change), ...with_ }).problems.join("; ");
    const well = (log: JobEventLogger, at: number): void => void completed(log, at);
    assert.equal(await find(() => {}), "t has no event completed");
    assert.match(await find(well, { results: [] }), /^t has the result none$/);
    assert.match(
      await find(well, { results: [{ id: "t", state: "completed", value: 7 }] }),
      /the value 7/,
    );
    assert.match(await find(well, { tasks: [] }), /^t is gone/);
    assert.match(await find(well, { ids: ["t", "u"] }), /u is gone.*u has no events/);
    assert.match(
      await find((log, at) => {
        completed(log, at);
        completed(log, at);
      }),
      /was completed twice/,
    );
    assert.match(await find((log, at) => void completed(log, at, "a")), /completed by a, while b/);
    assert.match(
      await find((log, at) => {
        completed(log, at);
        log.logJobDequeued("t", "default", "c", { timestamp: at + 9 });
      }),
      /claimed by c after b completed it/,
    );
    assert.match(
      await find((log, at) => {
        completed(log, at);
        log.logJobDequeued("t", "default", "c", { timestamp: at + 3.5 });
      }),
      /claimed by c 500 ms after b, whose claim held 1000 ms/,
    );
    assert.match(
      await find((log, at) => {
        completed(log, at);
        log.logJobEnqueued("t", "default", { timestamp: at + 6 });
      }),
      /enqueued twice/,
    );
    assert.match(
      await find((log, at) => {
        completed(log, at);
        log.logJobMaxRetriesExceeded("t", 1, { timestamp: at + 6 });
      }),
      /has an event max_retries_exceeded/,
    );
  });
});

const skip = natsSkipReason() ||
  (currentRuntime() === "deno" ? false : "its workers run on all runtimes; Deno starts them");

describe("deno task soak", { skip, timeout: 120_000 }, () => {
  it("finds every task completed once though workers and the server are killed", {
    timeout: 120_000,
  }, async () => {
    const seed = testSeed();
    const result = await runSoak({
      tasks: 300,
      workers: 3,
      killEveryMs: 500,
      maxKills: 3,
      restarts: 1,
      random: seededRandom(seed),
      log: () => {},
    });
    assert.deepEqual(result.problems, [], `TEST_SEED=${seed}`);
    assert.ok(result.kills > 0);
  });
});
