/** `deno task ok`: the one gate. What it says yes to can be committed. */

import { spawn } from "node:child_process";
import { readFileSync } from "node:fs";
import process from "node:process";
import { parseArgs } from "node:util";
import { findRuntime, ROOT } from "./runtimes.ts";

const HELP = `Checks everything that must hold before a commit.

Usage: deno task ok [--skip-tests] [step…]

  --skip-tests  leave out the tests on three runtimes, for who has just run them
  --help        this text

Steps: `;

interface Step {
  readonly name: string;
  /** Arguments of `deno`. */
  readonly args: readonly string[];
  /** What helps when it fails, where its output does not say so itself. */
  readonly remedy?: string;
  /** It takes long: its output is shown as it comes. */
  readonly live?: boolean;
}

interface Outcome {
  readonly step: Step;
  readonly passed: boolean;
  readonly seconds: number;
}

/** The files behind the exports, each once. */
function entryFiles(): string[] {
  const config: { exports: Record<string, string> } = JSON.parse(
    readFileSync(`${ROOT}deno.json`, "utf8"),
  );
  return [...new Set(Object.values(config.exports))];
}

function allSteps(): Step[] {
  const entries = entryFiles();
  return [
    { name: "format", args: ["fmt", "--check"], remedy: "Run `deno fmt`." },
    { name: "lint", args: ["lint"] },
    { name: "generated", args: ["task", "--quiet", "gen", "--check"] },
    { name: "assets", args: ["task", "--quiet", "assets", "--check"] },
    { name: "types", args: ["check", ...entries, "src", "examples", "scripts", "tests"] },
    { name: "tidy", args: ["test", "-A", "--no-check", "tests/tidy_test.ts"] },
    { name: "docs", args: ["doc", "--lint", ...entries] },
    { name: "examples", args: ["test", "-A", "--doc", "--permit-no-files", ...entries, "src"] },
    { name: "readme", args: ["check", "--doc-only", "README.md"] },
    { name: "publish", args: ["publish", "--dry-run", "--allow-dirty"] },
    { name: "tests", args: ["run", "-A", "scripts/test.ts"], live: true },
  ];
}

/** Runs `deno`; resolves to its exit code and what it printed, unless that was shown at once. */
function runDeno(step: Step): Promise<{ code: number; output: string }> {
  const child = spawn(findRuntime("deno").path, step.args, {
    cwd: ROOT,
    env: { ...process.env, NO_COLOR: "1", FORCE_COLOR: undefined },
    stdio: ["ignore", step.live ? "inherit" : "pipe", step.live ? "inherit" : "pipe"],
  });
  const chunks: string[] = [];
  for (const stream of [child.stdout, child.stderr]) {
    stream?.setEncoding("utf8").on("data", (chunk: string) => chunks.push(chunk));
  }
  return new Promise((resolve, reject) => {
    child.once("error", reject);
    child.once("close", (code) => resolve({ code: code ?? 1, output: chunks.join("") }));
  });
}

async function runStep(step: Step): Promise<Outcome> {
  const started = performance.now();
  if (step.live) console.log(`${step.name} …`);
  const { code, output } = await runDeno(step);
  const seconds = (performance.now() - started) / 1000;
  const passed = code === 0;
  console.log(`${step.name.padEnd(10)} ${passed ? "ok" : "FAILED"} in ${seconds.toFixed(1)}s`);
  if (!passed && !step.live) {
    console.log(output.trimEnd().replace(/^/gm, "    "));
    if (step.remedy !== undefined) console.log(`    ${step.remedy}`);
  }
  return { step, passed, seconds };
}

function report(outcomes: readonly Outcome[]): void {
  const failed = outcomes.filter((outcome) => !outcome.passed);
  const seconds = outcomes.reduce((sum, outcome) => sum + outcome.seconds, 0).toFixed(0);
  if (failed.length === 0) {
    console.log(`\nok: ${outcomes.length} steps in ${seconds}s`);
    return;
  }
  const names = failed.map((outcome) => outcome.step.name).join(", ");
  console.log(`\nNOT ok: ${names} (${failed.length} of ${outcomes.length} steps, ${seconds}s)`);
  process.exitCode = 1;
}

async function main(): Promise<void> {
  const { values, positionals } = parseArgs({
    allowPositionals: true,
    options: {
      "skip-tests": { type: "boolean", default: false },
      help: { type: "boolean", default: false },
    },
  });
  const all = allSteps();
  const names = all.map((step) => step.name);
  if (values.help) return console.log(HELP + names.join(", "));
  const unknown = positionals.find((name) => !names.includes(name));
  if (unknown !== undefined) {
    throw new Error(`There is no step "${unknown}", only ${names.join(", ")}`);
  }
  const steps = all
    .filter((step) => positionals.length === 0 || positionals.includes(step.name))
    .filter((step) => !(values["skip-tests"] && step.name === "tests"));
  const outcomes: Outcome[] = [];
  for (const step of steps) outcomes.push(await runStep(step));
  report(outcomes);
}

try {
  await main();
} catch (error) {
  console.error((error as Error).message);
  process.exitCode = 1;
}
