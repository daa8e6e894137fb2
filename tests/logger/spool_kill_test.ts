import assert from "node:assert/strict";
import { readFileSync, truncateSync } from "node:fs";
import { join } from "node:path";
import { describe, it } from "node:test";
import { JobEventLogger } from "../../src/logger/logger.ts";
import { SqliteJobEventStorage } from "../../src/storage/sqlite.ts";
import { type Child, runChild } from "../child.ts";
import { eventually, seededRandom, temporaryDirectory, testSeed } from "../helpers.ts";

const script = new URL("./spool_child.ts", import.meta.url);
const MODES = ["outage", "fine", "lossy"];
const ROUNDS = 9;

/** The jobs that a child said were accepted, in their order. */
function accepted(child: Child): readonly string[] {
  return child.lines.filter((line) => line !== "ready");
}

/** Lets a child log for a while and kills it in the middle of it. */
async function logAndDie(child: Child, forMs: number): Promise<readonly string[]> {
  await eventually(() => accepted(child).length > 0, {
    timeoutMs: 10_000,
    what: `an accepted event ${child.errors}`,
  });
  const until = performance.now() + forMs;
  await eventually(() => performance.now() >= until);
  await child.kill();
  assert.equal(child.errors, "");
  return accepted(child);
}

/** The next start: forwards what the spool has. */
async function forward(
  target: SqliteJobEventStorage,
  spool: string | SqliteJobEventStorage,
): Promise<number> {
  const errors: Error[] = [];
  const logger = new JobEventLogger(target, { spool, onError: (error) => errors.push(error) });
  const { recovered } = logger.stats();
  const report = await logger.stop({ timeoutMs: 30_000 });
  assert.equal(report.undelivered, 0);
  assert.deepEqual(errors, []);
  return recovered;
}

describe("JobEventLoggerOptions.spool when the process is killed", () => {
  for (const isInStorage of [false, true]) {
    const where = isInStorage ? "the file of a storage" : "a file of its own";
    it(`loses nothing that was accepted, and stores nothing twice: ${where}`, {
      timeout: 60_000,
    }, async () => {
      const seed = testSeed();
      const random = seededRandom(seed);
      await using directory = await temporaryDirectory();
      const spool = join(directory.path, "spool.sqlite");
      const targetPath = join(directory.path, "target.sqlite");
      const all: string[] = [];
      try {
        for (let round = 0; round < ROUNDS; round++) {
          const mode = MODES[round % MODES.length]!;
          const args = [`r${round}`, mode, `${random(1e6)}`, isInStorage ? "yes" : "no"];
          await using child = runChild(script, spool, targetPath, ...args);
          all.push(...await logAndDie(child, random(100)));
        }
        await using target = await SqliteJobEventStorage.open(targetPath);
        if (isInStorage) {
          await using storage = await SqliteJobEventStorage.open(spool);
          await forward(target, storage);
        } else await forward(target, spool);
        const events = await target.listEvents();
        const stored = events.map(({ jobId }) => jobId);
        assert(all.length > ROUNDS * 5, `only ${all.length} events were accepted`);
        assert.equal(new Set(stored).size, stored.length, "an event is stored twice");
        const reported = new Set(all);
        // Each child may have died between accepting an event and saying so.
        assert(stored.length - all.length <= ROUNDS);
        assert.deepEqual(stored.filter((job) => reported.has(job)), all);
      } catch (cause) {
        throw new Error(`Failed with TEST_SEED=${seed}`, { cause });
      }
    });
  }

  it("keeps what comes before a torn end of the file", { timeout: 60_000 }, async () => {
    const seed = testSeed();
    const random = seededRandom(seed);
    await using directory = await temporaryDirectory();
    const spool = join(directory.path, "spool.sqlite");
    const targetPath = join(directory.path, "target.sqlite");
    try {
      await using child = runChild(script, spool, targetPath, "torn", "outage", `${seed}`);
      const all = await logAndDie(child, 30);
      const log = `${spool}-wal`;
      const { length } = readFileSync(log);
      truncateSync(log, length - 1 - random(Math.min(length / 2, 20_000)));
      await using target = await SqliteJobEventStorage.open(targetPath);
      await forward(target, spool);
      const stored = (await target.listEvents()).map(({ jobId }) => jobId);
      assert(stored.length < all.length + 1 && stored.length > 0, `${stored.length} events`);
      assert.deepEqual(stored, all.slice(0, stored.length));
    } catch (cause) {
      throw new Error(`Failed with TEST_SEED=${seed}`, { cause });
    }
  });
});
