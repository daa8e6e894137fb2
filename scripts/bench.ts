/** `deno task bench`: runs the files of `scripts/bench` in Deno, Bun and Node. */

import { spawn } from "node:child_process";
import process from "node:process";
import { text } from "node:stream/consumers";
import { parseArgs } from "node:util";
import { type Answer, table } from "./bench/timing.ts";
import { findRuntime, isRuntimeName, ROOT, type Runtime, RUNTIME_NAMES } from "./runtimes.ts";

const BENCHES = [
  "encode",
  "decode",
  "log",
  "memory",
  "deliver",
  "outage",
  "sqlite",
  "publish",
  "read",
  "scan",
  "count",
  "latency",
  "ingest",
  "process",
  "tasks",
  "metrics",
  "cli",
  "edge",
  "dashboard",
];

/** These take long, or need a file: only whoever names them gets them. */
const NAMED_ONLY = ["growth", "million", "trace"];

const HELP = `Measures on Deno, Bun and Node; the method stands at the head of each file.

Usage: deno task bench [name…] [--runtime deno,bun,node] [--json] [-- option…]

  name             ${BENCHES.join(", ")}  (default: all),
                   and ${NAMED_ONLY.join(", ")}
  --runtime NAMES  only in these runtimes       (default: all three)
  --json           one line of JSON for each table
  --help           this text
  option           what the file itself takes, such as --events 100000

"× 2.00" is twice as fast as the last row, the peer. Nothing else should run meanwhile.
`;

async function run(
  runtime: Runtime,
  name: string,
  options: readonly string[],
): Promise<Answer[]> {
  const file = `scripts/bench/${name}.ts`;
  const args = runtime.name === "deno" ? ["run", "-A", "--no-check", file] : [file];
  const child = spawn(runtime.path, [...args, "--json", ...options], {
    cwd: ROOT,
    stdio: ["ignore", "pipe", "inherit"],
  });
  const exit = new Promise((resolve, reject) => {
    child.once("error", reject);
    child.once("exit", resolve);
  });
  const [output, code] = await Promise.all([text(child.stdout), exit]);
  if (code !== 0) throw new Error(`${file} failed on ${runtime.name}: it ended with ${code}`);
  return output.trim().split("\n").map((line) => JSON.parse(line));
}

async function main(): Promise<void> {
  const args = process.argv.slice(2);
  const end = args.includes("--") ? args.indexOf("--") : args.length;
  const { values, positionals } = parseArgs({
    args: args.slice(0, end),
    allowPositionals: true,
    options: {
      runtime: { type: "string", default: RUNTIME_NAMES.join(",") },
      json: { type: "boolean", default: false },
      help: { type: "boolean", default: false },
    },
  });
  if (values.help) return console.log(HELP);
  const known = [...BENCHES, ...NAMED_ONLY];
  const unknown = positionals.find((name) => !known.includes(name));
  if (unknown !== undefined) {
    throw new Error(`There is no bench "${unknown}", only ${known.join(", ")}`);
  }
  const runtimes = values.runtime.split(",").map((name) => {
    if (isRuntimeName(name)) return findRuntime(name);
    throw new Error(`--runtime takes ${RUNTIME_NAMES.join(", ")}, not "${name}"`);
  });
  for (const name of positionals.length > 0 ? positionals : BENCHES) {
    for (const runtime of runtimes) {
      for (const answer of await run(runtime, name, args.slice(end + 1))) {
        console.log(values.json ? JSON.stringify({ name, ...answer }) : `${table(answer)}\n`);
      }
    }
  }
}

try {
  await main();
} catch (error) {
  console.error((error as Error).message);
  process.exitCode = 1;
}
