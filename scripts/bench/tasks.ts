/**
 * How many tasks a second are enqueued, how many get from there through a worker, and how long does
 * that take?
 *
 * Method: the same task for both, with three small arguments; servers on the same machine, each
 * with files that survive the death of its process (NATS: a file stream; Redis: an append-only file
 * that is synced each second). Those who enqueue and those who work are in this process, each with
 * connections of their own. At concurrency 10, ten loops enqueue, and a worker executes ten tasks
 * at a time. One operation is one task: enqueued, in the first table; in the second enqueued,
 * claimed, executed by an empty handler and completed with a result that is stored, before its loop
 * enqueues the next one. The time of a task goes from the call that enqueues it to the worker that
 * has completed it.
 */

import { startNatsServer } from "../nats_server.ts";
import { startRedisServer } from "./redis_server.ts";
import { openBullMq, openOurs, type TaskSystem } from "./task_systems.ts";
import { bench } from "./timing.ts";

let ids = 0;

/** Does something `count` times, in so many loops. Gives how long it took, in nanoseconds. */
async function inLoops(
  concurrency: number,
  count: number,
  step: (id: string) => Promise<unknown>,
): Promise<number> {
  const started = performance.now();
  let left = count;
  await Promise.all(Array.from({ length: concurrency }, async () => {
    while (left-- > 0) await step(`task-${++ids}`);
  }));
  return (performance.now() - started) * 1e6;
}

/** Enqueues tasks and waits for each; keeps how long that took. */
async function through(
  system: TaskSystem,
  concurrency: number,
  count: number,
  tookMs: number[],
): Promise<number> {
  const queue = `through-${concurrency}`;
  const waiting = new Map<string, () => void>();
  const work = await system.work(queue, concurrency, (id) => waiting.get(id)?.());
  const elapsed = await inLoops(concurrency, count, async (id) => {
    const started = performance.now();
    const done = new Promise<void>((resolve) => waiting.set(id, resolve));
    await system.enqueue(queue, id);
    await done;
    waiting.delete(id);
    tookMs.push(performance.now() - started);
  });
  await work.stop();
  return elapsed;
}

function quantiles(name: string, tookMs: number[]): string {
  const sorted = tookMs.toSorted((left, right) => left - right);
  const [p50, p99] = [0.5, 0.99].map((q) => sorted[Math.floor(q * sorted.length)]!.toFixed(2));
  return `${name}: from enqueue to completed p50 ${p50} ms, p99 ${p99} ms`;
}

async function ask(systems: readonly TaskSystem[], concurrency: number): Promise<void> {
  await bench({
    title: `Enqueue a task, concurrency ${concurrency}`,
    rounds: 7,
    roundMs: 300,
    contenders: systems.map((system) => ({
      name: system.name,
      round: (count) =>
        inLoops(concurrency, count, (id) => system.enqueue(`enqueue-${concurrency}`, id)),
    })),
  });
  const tookMs = systems.map((): number[] => []);
  await bench({
    title: `Enqueue, execute and complete a task, concurrency ${concurrency}`,
    rounds: 7,
    roundMs: 500,
    contenders: systems.map((system, at) => ({
      name: system.name,
      round: (count) => through(system, concurrency, count, tookMs[at]!),
    })),
    notes: () => Promise.resolve(systems.map(({ name }, at) => quantiles(name, tookMs[at]!))),
  });
}

await using server = await startNatsServer();
await using redis = await startRedisServer();
await using ours = await openOurs(server.url);
await using peer = openBullMq(redis.port);
for (const concurrency of [1, 10, 50]) await ask([ours, peer], concurrency);
