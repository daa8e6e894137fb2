/** `deno task simulate`: the logger against a sink that does everything wrong, seed after seed. */

import process from "node:process";
import { parseArgs } from "node:util";
import {
  FOUND_DEFECTS,
  FURTHER_DEFECTS,
  ORIGINAL_DEFECTS,
  REVIEWED_DEFECTS,
} from "../tests/logger/simulation/defects.ts";
import { findDefect, simulate } from "../tests/logger/simulation/simulate.ts";
import type { Defect } from "../tests/logger/simulation/variant.ts";

const HELP = `Simulates JobEventLogger: its time, its owner and its sink follow a seed.

After every step: what was logged is stored, waits, or was reported; nothing is stored twice; each
job's events keep their order; no bound is exceeded; every promise settles in its time.

Usage: deno task simulate [--seeds N] [--from S]
       deno task simulate --seed S
       deno task simulate --defects

  --seeds N   how many seeds                           (default: 10000)
  --from S    the first of them                        (default: 1)
  --seed S    one seed, with a trace of its steps
  --defects   put known defects into the logger, and show which seed finds each
  --help      this text

It ends with 1 if a promise was broken, or a defect was not found.
`;

class UsageError extends Error {}

function whole(option: string, text: string): number {
  const value = Number(text);
  if (Number.isSafeInteger(value) && value >= 0) return value;
  throw new UsageError(`--${option} takes a whole number, not "${text}"`);
}

async function replay(seed: number): Promise<boolean> {
  console.log("      ms  what happens");
  const { violations } = await simulate(seed, { trace: (line) => console.log(line) });
  for (const violation of violations) console.log(`BROKEN: ${violation}`);
  if (violations.length === 0) console.log(`Seed ${seed} breaks no promise`);
  return violations.length === 0;
}

/** Shows how far it is, where somebody looks. */
function showProgress(text: string): void {
  if (process.stderr.isTTY) process.stderr.write(`\r${text}\x1b[K`);
}

async function runSeeds(first: number, count: number): Promise<boolean> {
  const begin = performance.now();
  let events = 0;
  let failed = 0;
  for (let seed = first; seed < first + count; seed++) {
    const simulated = await simulate(seed);
    events += simulated.events;
    if (simulated.violations.length > 0) {
      failed++;
      showProgress("");
      console.log(`Seed ${seed}: ${simulated.violations[0]}`);
    }
    if (seed % 100 === 0) showProgress(`seed ${seed}, ${failed} failed`);
  }
  showProgress("");
  const seconds = ((performance.now() - begin) / 1000).toFixed(1);
  console.log(`${count} seeds from ${first}, ${events} events in ${seconds}s: ${failed} failed`);
  if (failed > 0) console.log("`deno task simulate --seed S` shows the steps of one");
  return failed === 0;
}

async function showDefects(): Promise<boolean> {
  const groups: Readonly<Record<string, readonly Defect[]>> = {
    "Of the first design": ORIGINAL_DEFECTS,
    "Found here, and repaired": FOUND_DEFECTS,
    "Found by a review, and repaired": REVIEWED_DEFECTS,
    "Easily made": FURTHER_DEFECTS,
  };
  let allFound = true;
  for (const [title, defects] of Object.entries(groups)) {
    console.log(`\n${title}`);
    for (const defect of defects) {
      const sighting = await findDefect(defect);
      allFound &&= sighting !== undefined;
      const where = sighting === undefined ? "NOT FOUND" : `seed ${sighting.seed}`;
      console.log(`  ${where.padEnd(9)}  ${defect.name}`);
      if (sighting !== undefined) console.log(`             ${sighting.violation}`);
    }
  }
  return allFound;
}

async function main(): Promise<boolean> {
  const { values } = parseArgs({
    options: {
      seeds: { type: "string", default: "10000" },
      from: { type: "string", default: "1" },
      seed: { type: "string" },
      defects: { type: "boolean", default: false },
      help: { type: "boolean", default: false },
    },
  });
  if (values.help) {
    console.log(HELP);
    return true;
  }
  if (values.defects) return await showDefects();
  if (values.seed !== undefined) return await replay(whole("seed", values.seed));
  return await runSeeds(whole("from", values.from), whole("seeds", values.seeds));
}

try {
  if (!await main()) process.exitCode = 1;
} catch (error) {
  const { code, message } = error as { code?: string; message: string };
  const isUsage = error instanceof UsageError || code?.startsWith("ERR_PARSE_ARGS") === true;
  if (!isUsage) throw error;
  console.error(`${message}\nSee \`deno task simulate --help\`.`);
  process.exitCode = 2;
}
