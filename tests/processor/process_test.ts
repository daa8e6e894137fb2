import assert from "node:assert/strict";
import { join } from "node:path";
import { after, describe, it } from "node:test";
import { natsSkipReason } from "../../scripts/nats_server.ts";
import { JobEvent } from "../../src/gen/factories.ts";
import { JobEventProcessor } from "../../src/processor/processor.ts";
import { SqliteJobEventStorage } from "../../src/storage/sqlite.ts";
import type { JobEventStorage } from "../../src/storage/storage.ts";
import { type Child, runChild } from "../child.ts";
import { eventually, seededRandom, temporaryDirectory, testSeed } from "../helpers.ts";
import { openSmall, TestServer, TIMEOUT_MS, VERSIONS } from "../nats/accounts.ts";
import { numbered, pause } from "./bench.ts";

const script = new URL("./worker_child.ts", import.meta.url);
const skip = natsSkipReason();
const timeout = TIMEOUT_MS;
const EVENTS = 400;
const ROUNDS = 2;

const reported = (children: readonly Child[], word: string): string[] =>
  children.flatMap(({ lines }) => lines).filter((line) => line.startsWith(`${word} `)).map((line) =>
    line.slice(word.length + 1)
  );

/** Kills workers of a group until one is left to do the rest. */
async function killWorkers(storage: JobEventStorage, url: string): Promise<void> {
  const seed = testSeed();
  const random = seededRandom(seed);
  const start = (): Child => runChild(script, url, "30");
  const killed: Child[] = [];
  let stored = 0;
  const store = (count: number): Promise<unknown> =>
    storage.storeEvents(
      Array.from({ length: count }, () => JobEvent.cancelled(`job-${stored++}`)),
    );
  for (let round = 0; round < ROUNDS; round++) {
    await using one = start();
    await using other = start();
    // One after the other: the second goes on while the first is dead.
    for (const worker of [one, other]) {
      const enough = reported([worker], "begin").length + 1 + random(8);
      // Else the others could do it all, before this one has begun.
      const works = async (): Promise<boolean> => {
        if (reported([worker], "begin").length >= enough) return true;
        await store(2);
        return false;
      };
      await eventually(works, {
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
  await eventually(() => done().size === stored, {
    timeoutMs: 30_000,
    what: `the end of all events, TEST_SEED=${seed}, ${done().size} of ${stored} ${steady.errors}`,
  });
  const begins = reported([steady, ...killed], "begin");
  for (const job of interrupted) {
    assert.ok(begins.filter((begun) => begun === job).length > 1, `${job} began once`);
  }
  assert.deepEqual(reported([steady, ...killed], "error"), []);
  assert.deepEqual(await storage.deadLetters.list(), []);
}

const LOSES_NONE = "SIGKILL of workers with events unacknowledged loses none";

describe("JobEventProcessor: several processes on one file", { timeout }, () => {
  it(LOSES_NONE, { timeout }, async () => {
    await using directory = await temporaryDirectory();
    const path = join(directory.path, "killed.sqlite");
    await using storage = await SqliteJobEventStorage.open(path);
    await killWorkers(storage, `sqlite:${path}`);
  });
});

for (const version of VERSIONS) {
  describe(`JobEventProcessor: several processes on NATS ${version}`, { skip, timeout }, () => {
    const server = new TestServer(version);
    after(() => server.stop());

    it(LOSES_NONE, { timeout }, async () => {
      await using storage = await server.open();
      const { url } = await server.get();
      const user = `u${server.lastAccount}:p@`;
      await killWorkers(storage, url.replace("://", `://${user}`));
    });

    it("SIGKILL of the server while handlers run loses none", { timeout }, async () => {
      await using storage = await openSmall(await server.connect());
      const handled: string[] = [];
      const seen: string[] = [];
      await using processor = new JobEventProcessor(storage, {
        consumerName: "workers",
        concurrency: 8,
        ackWaitMs: 1000,
        onError: () => {},
      });
      processor.onAny(async ({ jobId }) => {
        seen.push(jobId);
        await pause(20);
        handled.push(jobId);
      });
      await using live = new JobEventProcessor(storage, { onError: () => {} });
      const followed: number[] = [];
      live.onAny(({ natsSequence }) => void followed.push(natsSequence));
      await live.start();
      await processor.start();
      await storage.storeEvents(numbered(EVENTS).map((job) => JobEvent.cancelled(job)));
      for (const enough of [20, 100, 200]) {
        await eventually(() => seen.length >= enough, { timeoutMs: 30_000 });
        const process = await server.get();
        await process.kill();
        await process.restart();
      }
      await eventually(() => new Set(handled).size === EVENTS, { timeoutMs: 30_000 });
      // Live, each once and in order; in a group, at least once.
      await eventually(() => followed.length >= EVENTS, { timeoutMs: 30_000 });
      assert.deepEqual(followed, numbered(EVENTS).map((_, at) => at + 1));
      assert.deepEqual(await storage.deadLetters.list(), []);
    });
  });
}
