/**
 * What do a million tasks that wait cost?
 *
 * Method: as in `tasks.ts`. A million tasks are enqueued in the quickest way that each has; then
 * their number is asked for, and 5,000 of them are executed at concurrency 50, while the others
 * wait. `TASKS=100000` does it with fewer.
 */

import process from "node:process";
import { currentRuntime } from "../runtimes.ts";
import { startNatsServer } from "../nats_server.ts";
import { startRedisServer } from "./redis_server.ts";
import { openBullMq, openOurs, type TaskSystem } from "./task_systems.ts";
import { type Answer, table } from "./timing.ts";

const TASKS = Number(process.env["TASKS"] ?? 1_000_000);
const EXECUTED = 5000;
const CONCURRENCY = 50;
const QUEUE = "million";

/** Nanoseconds for each operation, of each system. */
interface Times {
  readonly enqueue: number;
  readonly count: number;
  readonly execute: number;
}

async function timed(count: number, work: () => Promise<unknown>): Promise<number> {
  const started = performance.now();
  await work();
  return (performance.now() - started) * 1e6 / count;
}

async function execute(system: TaskSystem): Promise<void> {
  let left = EXECUTED;
  let done: () => void = () => {};
  const all = new Promise<void>((resolve) => done = resolve);
  const work = await system.work(QUEUE, CONCURRENCY, () => {
    if (--left === 0) done();
  });
  await all;
  await work.stop();
}

async function measure(system: TaskSystem): Promise<Times> {
  const enqueue = await timed(TASKS, () => system.enqueueMany(QUEUE, TASKS));
  let counted = 0;
  const count = await timed(1, async () => counted = await system.count(QUEUE));
  if (counted !== TASKS) throw new Error(`${system.name} counts ${counted} of ${TASKS} tasks`);
  return { enqueue, count, execute: await timed(EXECUTED, () => execute(system)) };
}

await using server = await startNatsServer();
await using redis = await startRedisServer();
await using ours = await openOurs(server.url);
await using peer = openBullMq(redis.port);
const systems = [ours, peer];
const times: Times[] = [];
for (const system of systems) times.push(await measure(system));
const titles = {
  enqueue: `Enqueue one of ${TASKS} tasks, in bulk`,
  count: `Count ${TASKS} tasks that wait`,
  execute: `Execute one of ${EXECUTED} tasks while ${TASKS} wait, concurrency ${CONCURRENCY}`,
} as const;
for (const [key, title] of Object.entries(titles)) {
  const own = times.map((each) => each[key as keyof Times]);
  const rows = systems.map(({ name }, at) => ({
    name,
    nsPerOperation: own[at]!,
    timesAsFast: own.at(-1)! / own[at]!,
    spread: 0,
  }));
  const runtime = `${currentRuntime()} ${process.versions[currentRuntime()] ?? ""}`;
  const answer: Answer = { title, runtime, rows, notes: [] };
  console.log(process.argv.includes("--json") ? JSON.stringify(answer) : table(answer));
}
