import assert from "node:assert/strict";
import { join } from "node:path";
import { describe, it } from "node:test";
import { JobEvent } from "../../src/gen/factories.ts";
import { SqliteJobEventStorage } from "../../src/storage/sqlite.ts";
import { type Child, runChild } from "../child.ts";
import { eventually, seededRandom, temporaryDirectory, testSeed } from "../helpers.ts";
import { numbered } from "./bench.ts";

const script = new URL("./sqlite_child.ts", import.meta.url);
const EVENTS = 400;
const ROUNDS = 2;

const reported = (children: readonly Child[], word: string): string[] =>
  children.flatMap(({ lines }) => lines).filter((line) => line.startsWith(`${word} `)).map((line) =>
    line.slice(word.length + 1)
  );

describe("JobEventProcessor: several processes on one file", { timeout: 60_000 }, () => {
  it("SIGKILL of workers with events unacknowledged loses none", { timeout: 60_000 }, async () => {
    const seed = testSeed();
    const random = seededRandom(seed);
    await using directory = await temporaryDirectory();
    const path = join(directory.path, "killed.sqlite");
    await using storage = await SqliteJobEventStorage.open(path);
    const start = (): Child => runChild(script, path, "30");
    const killed: Child[] = [];
    await storage.storeEvents(numbered(EVENTS).map((job) => JobEvent.cancelled(job)));
    for (let round = 0; round < ROUNDS; round++) {
      await using one = start();
      await using other = start();
      // One after the other: the second goes on while the first is dead.
      for (const worker of [one, other]) {
        const enough = reported([worker], "begin").length + 1 + random(8);
        await eventually(() => reported([worker], "begin").length >= enough, {
          timeoutMs: 20_000,
          what: `work in round ${round}, TEST_SEED=${seed} ${worker.errors}`,
        });
        await worker.kill();
        killed.push(worker);
      }
    }
    await using steady = start();
    const interrupted = killed.flatMap((child) => {
      const ended = new Set(reported([child], "end"));
      return reported([child], "begin").filter((job) => !ended.has(job));
    });
    assert.ok(interrupted.length > 0, `no handler was interrupted, TEST_SEED=${seed}`);
    const done = (): Set<string> => new Set(reported([steady, ...killed], "end"));
    await eventually(() => done().size === EVENTS, {
      timeoutMs: 30_000,
      what: `the end of all events, TEST_SEED=${seed}, ${done().size} ${steady.errors}`,
    });
    const begins = reported([steady, ...killed], "begin");
    for (const job of interrupted) {
      assert.ok(begins.filter((begun) => begun === job).length > 1, `${job} began once`);
    }
    assert.deepEqual(reported([steady, ...killed], "error"), []);
    assert.deepEqual(await storage.deadLetters.list(), []);
  });
});
