/** `deno task soak`: tasks come to their end although workers and the server are killed. */

import process from "node:process";
import { parseArgs } from "node:util";
import { seededRandom } from "./random.ts";
import { runSoak } from "./soak/run.ts";

const HELP =
  `Runs tasks on NATS with workers in Deno, Bun and Node while one worker after the other is
killed with SIGKILL and the server, too. Then every task must be completed, each with its result,
by a worker that had a valid claim, and the events of each must tell so.

Usage: deno task soak [--tasks N] [--workers N] [--kill-every MS] [--restarts N] [--seed S]

  --tasks N        how many tasks                       (default: 10000)
  --workers N      how many processes                   (default: 4)
  --kill-every MS  the time between two kills           (default: 1000)
  --restarts N     how often the server is killed       (default: 2)
  --seed S         of what is random                    (default: another one each time)
  --help           this text

It ends with 1 if something is wrong.
`;

class UsageError extends Error {}

function whole(name: string, text: string, least: number): number {
  const value = Number(text);
  if (Number.isSafeInteger(value) && value >= least) return value;
  throw new UsageError(`--${name} is "${text}", expected a whole number from ${least} on`);
}

async function main(): Promise<void> {
  const { values } = parseArgs({
    options: {
      tasks: { type: "string", default: "10000" },
      workers: { type: "string", default: "4" },
      "kill-every": { type: "string", default: "1000" },
      restarts: { type: "string", default: "2" },
      seed: { type: "string", default: String(Math.floor(Math.random() * 1e9)) },
      help: { type: "boolean", default: false },
    },
  });
  if (values.help) return console.log(HELP);
  const seed = whole("seed", values.seed, 0);
  const tasks = whole("tasks", values.tasks, 1);
  console.log(`${tasks} tasks (--seed ${seed})`);
  const result = await runSoak({
    tasks,
    workers: whole("workers", values.workers, 1),
    killEveryMs: whole("kill-every", values["kill-every"], 1),
    restarts: whole("restarts", values.restarts, 0),
    random: seededRandom(seed),
    log: (text) => console.log(`  ${text}`),
  });
  const { problems, kills, repeated, untold, seconds } = result;
  for (const problem of problems.slice(0, 20)) console.log(`  WRONG: ${problem}`);
  console.log(
    `  ${kills} workers killed; ${repeated} tasks were claimed again; of ${untold} the killed ` +
      `worker could not tell the end; ${seconds.toFixed(1)} s`,
  );
  console.log(
    problems.length === 0
      ? "  each task completed, by one holder of a valid claim, with its result and its story"
      : `  ${problems.length} problems`,
  );
  if (problems.length > 0) process.exitCode = 1;
}

try {
  await main();
} catch (error) {
  const { code, message } = error as { code?: string; message: string };
  if (!(error instanceof UsageError) && code?.startsWith("ERR_PARSE_ARGS") !== true) throw error;
  console.error(`${message}\nSee \`deno task soak --help\`.`);
  process.exitCode = 2;
}
