/** `deno task faults`: four programs log at full speed while something goes wrong. */

import process from "node:process";
import { parseArgs } from "node:util";
import { FAULTS } from "./faults/kinds.ts";
import { type FaultResult, runFault } from "./faults/run.ts";
import { seededRandom } from "./random.ts";

const HELP = `Logs events in Deno, Bun, Node and Node over WebSocket at full speed while something
happens to the NATS server, then reads the stream: every accepted event must be there exactly once,
and each job's events in their order.

Usage: deno task faults [fault…] [--events N] [--seed S]

  --events N   how many events all of them log together  (default: 100000)
  --seed S     of what is random                         (default: another one each time)
  --help       this text

Faults (default: all):
${Object.entries(FAULTS).map(([name, { what }]) => `  ${name.padEnd(10)} ${what}`).join("\n")}

It ends with 1 if an event was lost, stored twice or out of order.
`;

class UsageError extends Error {}

function print({ reports, problems, seconds }: FaultResult): void {
  for (const { name, accepted, retried, duplicates, p50Us, p999Us, peakRssMb, errors } of reports) {
    const kinds = Object.entries(errors).map(([code, count]) => `${code} ${count}`).join(", ");
    console.log(
      `  ${name.padEnd(8)} ${accepted} accepted, ${retried} sent again, ${duplicates} of them ` +
        `stored already; logEvent p50 ${p50Us.toFixed(1)} µs, p99.9 ${p999Us.toFixed(0)} µs; ` +
        `${peakRssMb.toFixed(0)} MiB${kinds === "" ? "" : `; ${kinds}`}`,
    );
  }
  const events = reports.reduce((sum, { accepted }) => sum + accepted, 0);
  for (const problem of problems.slice(0, 10)) console.log(`  WRONG: ${problem}`);
  console.log(
    `  ${events} events in ${seconds.toFixed(1)} s: ` +
      (problems.length === 0 ? "each one once and in order" : `${problems.length} problems`),
  );
}

async function main(): Promise<void> {
  const { values, positionals } = parseArgs({
    allowPositionals: true,
    options: {
      events: { type: "string", default: "100000" },
      seed: { type: "string", default: String(Math.floor(Math.random() * 1e9)) },
      help: { type: "boolean", default: false },
    },
  });
  if (values.help) return console.log(HELP);
  const names = positionals.length === 0 ? Object.keys(FAULTS) : positionals;
  const [events, seed] = [Number(values.events), Number(values.seed)];
  if (!Number.isSafeInteger(events) || events < 4) {
    throw new UsageError(`--events is "${values.events}", expected a whole number from 4 on`);
  }
  if (!Number.isSafeInteger(seed)) {
    throw new UsageError(`--seed is "${values.seed}", expected a whole number`);
  }
  const unknown = names.find((name) => !Object.hasOwn(FAULTS, name));
  if (unknown !== undefined) {
    throw new UsageError(`There is no fault "${unknown}", only ${Object.keys(FAULTS).join(", ")}`);
  }
  for (const name of names) {
    const { what, start } = FAULTS[name]!;
    console.log(`${name}: ${what} (--seed ${seed})`);
    await using fault = await start();
    const result = await runFault(
      fault,
      events,
      seededRandom(seed),
      (text) => console.log(`  ${text}`),
    );
    print(result);
    if (result.problems.length > 0) process.exitCode = 1;
  }
}

try {
  await main();
} catch (error) {
  const { code, message } = error as { code?: string; message: string };
  if (!(error instanceof UsageError) && code?.startsWith("ERR_PARSE_ARGS") !== true) throw error;
  console.error(`${message}\nSee \`deno task faults --help\`.`);
  process.exitCode = 2;
}
