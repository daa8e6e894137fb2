/** `deno task test`: the same test files in Deno, Bun and Node. */

import { globSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import process from "node:process";
import { parseArgs } from "node:util";
import { findRuntime, isRuntimeName, ROOT, type Runtime, RUNTIME_NAMES } from "./runtimes.ts";
import { runTests, type TestRun } from "./test/run.ts";
import { countTests, summarise } from "./test/summary.ts";

const HELP = `Runs the tests in Deno, Bun and Node.

Usage: deno task test [--only deno,bun,node] [--jobs N] [--timeout SECONDS] [part of a path…]

  --only NAMES       only in these runtimes                      (default: all three)
  --jobs N           so many runtimes at a time                  (default: 2)
  --timeout SECONDS  how long the tests may take in one runtime  (default: 900)
  --help             this text

Without a part of a path all of tests/**/*_test.ts run. The last line is "N passed, N failed".
`;

interface Settings {
  readonly runtimes: readonly Runtime[];
  readonly files: readonly string[];
  readonly jobs: number;
  readonly timeoutMs: number;
}

function runtimesOf(list: string): Runtime[] {
  return list.split(",").map((name) => {
    if (isRuntimeName(name)) return findRuntime(name);
    throw new Error(`--only takes ${RUNTIME_NAMES.join(", ")}, not "${name}"`);
  });
}

function positive(option: string, text: string): number {
  const value = Number(text);
  if (value > 0) return value;
  throw new Error(`${option} takes a number above 0, not "${text}"`);
}

function settings(): Settings | undefined {
  const { values, positionals } = parseArgs({
    allowPositionals: true,
    options: {
      only: { type: "string", default: RUNTIME_NAMES.join(",") },
      jobs: { type: "string", default: "2" },
      timeout: { type: "string", default: "900" },
      help: { type: "boolean", default: false },
    },
  });
  if (values.help) return undefined;
  const files = globSync("tests/**/*_test.ts", { cwd: ROOT })
    .map((path) => path.replaceAll("\\", "/"))
    .filter((path) => positionals.length === 0 || positionals.some((part) => path.includes(part)))
    .sort();
  if (files.length === 0) {
    throw new Error(`No file among tests/**/*_test.ts matches ${positionals.join(" or ") || "*"}`);
  }
  return {
    runtimes: runtimesOf(values.only),
    files,
    jobs: positive("--jobs", values.jobs),
    timeoutMs: positive("--timeout", values.timeout) * 1000,
  };
}

async function runAll({ runtimes, files, jobs, timeoutMs }: Settings): Promise<TestRun[]> {
  const directory = mkdtempSync(join(tmpdir(), "naq-events-test-"));
  process.once("exit", () => rmSync(directory, { recursive: true, force: true }));
  const runs: TestRun[] = [];
  const waiting = [...runtimes.entries()];
  const work = async () => {
    for (let next = waiting.shift(); next !== undefined; next = waiting.shift()) {
      const [index, runtime] = next;
      const prefix = jobs > 1 ? `[${runtime.name}] `.padEnd(7) : "";
      const print = (line: string) => console.log(prefix + line);
      print(`${runtime.name} ${runtime.version}: ${files.length} test files`);
      const report = join(directory, `${runtime.name}.xml`);
      runs[index] = await runTests(runtime, files, { report, print, timeoutMs });
    }
  };
  await Promise.all(Array.from({ length: Math.min(jobs, runtimes.length) }, work));
  return runs;
}

async function main(): Promise<void> {
  const options = settings();
  if (options === undefined) return console.log(HELP);
  const runs = await runAll(options);
  console.log(summarise(runs).join("\n"));
  if (countTests(runs).failed > 0) process.exitCode = 1;
}

for (const [signal, code] of [["SIGINT", 130], ["SIGTERM", 143]] as const) {
  process.once(signal, () => process.exit(code));
}
try {
  await main();
} catch (error) {
  console.error((error as Error).message);
  process.exitCode = 1;
}
