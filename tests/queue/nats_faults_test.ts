import assert from "node:assert/strict";
import { describe, it } from "node:test";
import {
  type NatsServer,
  type NatsServerVersion,
  natsSkipReason,
  startNatsServer,
} from "../../scripts/nats_server.ts";
import type { NatsConnectionLike } from "../../src/nats/connection.ts";
import { NatsTaskQueue, type NatsTaskQueueOptions } from "../../src/queue/mod.ts";
import { runChild } from "../child.ts";
import { eventually, seededRandom, testSeed, within } from "../helpers.ts";
import { connect, TIMEOUT_MS } from "../nats/publishing.ts";
import { assertLost, claim, SOON_MS, task } from "./suite.ts";

const options = { skip: natsSkipReason(), timeout: TIMEOUT_MS };
const VERSIONS: readonly NatsServerVersion[] = ["current", "floor"];
const LEASE_MS = 400;
const TASKS = 240;
const WORKERS = 6;
const KILLS = 2;
const ROUNDS = 20;

/** What became of the tasks: who completed which. */
class Ledger {
  readonly completed = new Map<string, number>();
  readonly claims: { id: string; from: number; until: number }[] = [];

  /** Claims and completes until all is done; now and then it forgets what it claimed. */
  async work(queue: NatsTaskQueue, random: (limit: number) => number): Promise<void> {
    while (this.completed.size < TASKS) {
      const claimed = await queue.dequeue("q", { timeoutMs: 200 }).catch(passing);
      if (claimed === null) continue;
      const held = { id: claimed.id, from: Date.now(), until: claimed.leaseUntil.getTime() };
      this.claims.push(held);
      if (random(20) === 0) continue;
      const isDone = await queue.complete(claimed).then(() => true, (error) => {
        passing(error);
        return false;
      });
      if (isDone) this.completed.set(claimed.id, (this.completed.get(claimed.id) ?? 0) + 1);
      held.until = Math.min(Date.now(), held.until);
    }
  }
}

/** What a server that is killed makes of a call; everything else is a mistake. */
function passing(error: { readonly code?: string }): null {
  assert.ok(
    ["ERR_UNAVAILABLE", "ERR_TIMEOUT", "ERR_LEASE_LOST"].includes(String(error.code)),
    String(error),
  );
  return null;
}

async function restart(server: NatsServer): Promise<void> {
  await server.kill();
  await server.restart();
}

describe("NatsTaskQueue and a server that is killed", options, () => {
  for (const version of VERSIONS) {
    it(`loses no task and gives none to two holders on ${version}`, options, async () => {
      const seed = testSeed();
      await using server = await startNatsServer({ version });
      await using one = await connect(server.url);
      await using other = await connect(server.url);
      await using queue = await NatsTaskQueue.open(one, { leaseMs: LEASE_MS });
      await using workers = await NatsTaskQueue.open(other, { leaseMs: LEASE_MS });
      const ledger = new Ledger();
      const working = Array.from(
        { length: WORKERS },
        (_, at) => ledger.work(at % 2 === 0 ? queue : workers, seededRandom(seed + at)),
      );
      const ids: string[] = [];
      let kills = 0;
      let restarting: Promise<void> = Promise.resolve();
      while (ids.length < TASKS) {
        const batch = Array.from({ length: 20 }, (_, at) => `t-${ids.length + at}`);
        const tasks = batch.map((id) => task(id, { maxRetries: 50, retryDelayMs: 0 }));
        // The same ids again until all are accepted.
        while (await queue.enqueueMany(tasks).catch(passing) === null);
        ids.push(...batch);
        if (ids.length > (kills + 1) * TASKS / (KILLS + 1) && kills < KILLS) {
          kills++;
          restarting = restarting.then(() => restart(server));
        }
      }
      await restarting;
      await within(Promise.all(working), 60_000).catch((cause) => {
        const missing = ids.filter((id) => !ledger.completed.has(id));
        throw new Error(`TEST_SEED=${seed}: not completed: ${missing}`, { cause });
      });
      assert.deepEqual([...ledger.completed.keys()].sort(), ids.sort());
      assert.deepEqual([...ledger.completed.values()].filter((count) => count > 1), []);
      assertNoTwoHolders(ledger.claims);
      await eventually(async () => {
        const { pending, running, delayed } = await queue.queueInfo("q");
        // Tokens of tasks that are completed may have come back with the server.
        await queue.dequeue("q", { timeoutMs: 0 });
        return pending + running + delayed === 0;
      }, { timeoutMs: SOON_MS });
      assert.equal(await queue.countTasks({ state: "completed" }), TASKS);
    });

    it(`keeps delayed tasks, and is not early, on ${version}`, options, async () => {
      await using server = await startNatsServer({ version });
      await using connection = await connect(server.url);
      await using queue = await NatsTaskQueue.open(connection);
      await queue.enqueueMany([
        task("soon", { delayMs: 1000 }),
        task("days", { delayMs: 3 * 86_400_000 }),
      ]);
      const waiting = queue.dequeue("q", { timeoutMs: 30_000 });
      await restart(server);
      const claimed = await within(waiting, 30_000);
      assert.equal(claimed?.id, "soon");
      assert.ok(Date.now() >= claimed.runAt.getTime());
      await queue.complete(claimed);
      assert.deepEqual(await queue.queueInfo("q"), { pending: 0, running: 0, delayed: 1 });
    });
  }
});

function assertNoTwoHolders(claims: Ledger["claims"]): void {
  const byId = Map.groupBy(claims, ({ id }) => id);
  for (const [id, held] of byId) {
    held.sort((left, right) => left.from - right.from);
    for (const [at, { from }] of held.entries()) {
      const before = held[at - 1];
      assert.ok(before === undefined || before.until <= from, `${id} had two holders`);
    }
  }
}

describe("NatsTaskQueue and a claimer that is lost", options, () => {
  const script = new URL("./nats_claimer.ts", import.meta.url);
  for (const version of VERSIONS) {
    it(
      `gets the task of a killed process back after its lease, on ${version}`,
      options,
      async () => {
        await using server = await startNatsServer({ version });
        await using connection = await connect(server.url);
        await using queue = await NatsTaskQueue.open(connection, { leaseMs: 1000 });
        await queue.enqueue(task("a"));
        {
          await using child = runChild(script, server.url, "1000", "child");
          await eventually(() => child.lines.includes("claimed a"), { timeoutMs: 20_000 });
          await child.kill();
          assert.equal(child.errors, "");
        }
        const held = await queue.getTask("a");
        assert.equal(held?.workerId, "child");
        const again = await claim(queue);
        assert.ok(Date.now() >= held.leaseUntil!.getTime());
        assert.equal(again.attempts, 2);
        await queue.complete(again);
      },
    );
  }

  it("gets the task of a lost connection back, and fences its claim", options, async () => {
    await using server = await startNatsServer();
    await using connection = await connect(server.url);
    await using queue = await NatsTaskQueue.open(connection, { leaseMs: LEASE_MS });
    const lost = await connect(server.url);
    const holder = await NatsTaskQueue.open(lost, { leaseMs: LEASE_MS });
    await queue.enqueue(task("a"));
    const first = await claim(holder);
    await lost.close();
    await assert.rejects(holder.complete(first), { name: "JobEventError" });
    await holder.close();
    const second = await claim(queue);
    assert.equal(second.attempts, 2);
    await assertLost(queue.complete(first));
    await queue.complete(second);
  });
});

/** A connection that sends so many messages, and then nothing any more: its program has ended. */
class EndingConnection {
  readonly connection: NatsConnectionLike;
  readonly ended: Promise<void>;
  #left = Infinity;
  #end = (): void => {};

  constructor(connection: NatsConnectionLike) {
    this.ended = new Promise((resolve) => this.#end = resolve);
    const own: Partial<NatsConnectionLike> = {
      publish: (...args) => {
        if (this.#isUp()) connection.publish(...args);
      },
      request: (...args) =>
        this.#isUp() ? connection.request(...args) : Promise.reject(new Error("ended")),
    };
    this.connection = Object.assign(Object.create(connection), own);
  }

  /** Ends after so many messages more. */
  endAfter(count: number): void {
    this.#left = count;
  }

  #isUp(): boolean {
    if (this.#left-- > 0) return true;
    this.#end();
    return false;
  }
}

describe("NatsTaskQueue and a program that ends between any two messages", options, () => {
  const QUICK: NatsTaskQueueOptions = { leaseMs: 1000, timeoutMs: 3000, patienceMs: 1000 };

  for (const version of VERSIONS) {
    it(`loses no task that was accepted, on ${version}`, options, async () => {
      await using server = await startNatsServer({ version });
      await using healthy = await connect(server.url);
      await using other = await connect(server.url);
      const round = async (count: number): Promise<boolean> => {
        const prefix = `end-${count}`;
        await using queue = await NatsTaskQueue.open(healthy, { ...QUICK, prefix });
        const accepted = new Set<string>();
        const ending = new EndingConnection(other);
        const program = await NatsTaskQueue.open(ending.connection, { ...QUICK, prefix });
        ending.endAfter(count);
        const living = live(program, accepted).then(() => true, () => false);
        const wasWhole = await Promise.race([living, ending.ended.then(() => false)]);
        ending.endAfter(0);
        // It listens no more, either.
        const closing = program.close();
        for (const id of accepted) await complete(queue, id, `after ${count} messages`);
        await closing;
        return wasWhole;
      };
      // At the same time, because each round waits for a lease.
      // Each server takes every second number of messages.
      const step = VERSIONS.length;
      for (let first = VERSIONS.indexOf(version), isWhole = false; !isWhole;) {
        const rounds = Array.from({ length: ROUNDS }, (_, at) => round(first + step * at));
        first += step * ROUNDS;
        isWhole = (await Promise.all(rounds)).includes(true);
        assert.ok(first < 200, "it never comes to its end");
      }
    });
  }

  /** A task is accepted, claimed, failed, claimed, released, claimed, given up and brought back. */
  async function live(queue: NatsTaskQueue, accepted: Set<string>): Promise<void> {
    const next = async () => (await queue.dequeue("q", { timeoutMs: 2000 }))!;
    accepted.add(await queue.enqueue(task("a", { maxRetries: 20, retryDelayMs: 0 })));
    await queue.fail(await next(), "no", { delayMs: 0 });
    await queue.release(await next());
    await queue.fail(await next(), "no", { delayMs: 20 });
    await queue.fail(await next(), "no", { retry: false });
    // From here on it has failed: only what brings it back does.
    accepted.delete("a");
    await queue.requeue("a");
    accepted.add("a");
    accepted.add(await queue.enqueue(task("b", { delayMs: 30 })));
  }

  async function complete(queue: NatsTaskQueue, id: string, when: string): Promise<void> {
    await eventually(async () => {
      const state = (await queue.getTask(id))?.state;
      // What it was executed with before it ended counts as well.
      if (state === "completed" || state === "failed") return true;
      const claimed = await queue.dequeue("q", { timeoutMs: 200 });
      if (claimed !== null) await queue.complete(claimed);
      return false;
    }, { timeoutMs: SOON_MS, what: `${id} completed ${when}` });
  }
});
