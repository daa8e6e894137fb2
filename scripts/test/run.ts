/** Runs test files in one runtime and says what became of each test. */

import { type ChildProcess, spawn } from "node:child_process";
import { existsSync, readFileSync } from "node:fs";
import process from "node:process";
import { createInterface } from "node:readline";
import type { Readable } from "node:stream";
import { ROOT, type Runtime } from "../runtimes.ts";
import { readJUnit, type TestCase } from "./junit.ts";

/** What one runtime made of the tests. */
export interface TestRun {
  /** The runtime. */
  readonly runtime: Runtime;
  /** All tests, in the order of the report. */
  readonly cases: readonly TestCase[];
  /** What is wrong with the run as a whole, if something is. */
  readonly problem?: string;
  /** How long it took. */
  readonly seconds: number;
}

/** Options of {@linkcode runTests}. */
export interface TestRunOptions {
  /** Where the runtime writes its report. */
  readonly report: string;
  /** Takes each line of output. */
  readonly print: (line: string) => void;
  /** The whole run is ended after this time. */
  readonly timeoutMs: number;
}

/** A test that hangs fails after this time, where the runtime can do that. */
const TEST_TIMEOUT_MS = 60_000;

function command(runtime: Runtime, files: readonly string[], report: string): string[] {
  if (runtime.name === "deno") {
    // The types are checked once, by `deno task ok`; the other two runtimes do not look at them.
    return ["test", "-A", "--no-check", `--junit-path=${report}`, ...files];
  }
  if (runtime.name === "bun") {
    const output = ["--reporter=junit", `--reporter-outfile=${report}`];
    return ["test", `--timeout=${TEST_TIMEOUT_MS}`, ...output, ...files.map((file) => `./${file}`)];
  }
  const reporter = (name: string, destination: string) => [
    `--test-reporter=${name}`,
    `--test-reporter-destination=${destination}`,
  ];
  return [
    "--test",
    // Each file has a process of its own, and most of them wait most of the time.
    "--test-concurrency=2",
    `--test-timeout=${TEST_TIMEOUT_MS}`,
    ...reporter("spec", "stdout"),
    ...reporter("junit", report),
    ...files,
  ];
}

function environment(): NodeJS.ProcessEnv {
  if (process.stdout.isTTY) return { ...process.env, FORCE_COLOR: "1" };
  const { FORCE_COLOR: _, ...rest } = process.env;
  return { ...rest, NO_COLOR: "1" };
}

function forward(stream: Readable, print: (line: string) => void): Promise<void> {
  const lines = createInterface({ input: stream, crlfDelay: Infinity });
  lines.on("line", print);
  return new Promise((resolve) => lines.once("close", resolve));
}

/** Ends a detached child with everything it has started: `node --test` has a process per file. */
function killGroup(child: ChildProcess): void {
  if (child.pid === undefined) return;
  try {
    process.kill(process.platform === "win32" ? child.pid : -child.pid, "SIGKILL");
  } catch (error) {
    if ((error as { code?: string }).code !== "ESRCH") throw error;
  }
}

/** What a run as a whole failed of, beside the tests that failed in it. */
function problemOf(code: number | null, cases: readonly TestCase[]): string | undefined {
  const count = (status: TestCase["status"]) => cases.filter((x) => x.status === status).length;
  if (count("failed") > 0) return undefined;
  if (code !== 0) return `ended with ${code ?? "a signal"}, although no test failed: see above`;
  return count("passed") === 0 ? "executed no test" : undefined;
}

/** Runs test files, given as paths from the project's directory. Does not reject. */
export async function runTests(
  runtime: Runtime,
  files: readonly string[],
  options: TestRunOptions,
): Promise<TestRun> {
  const started = performance.now();
  const child = spawn(runtime.path, command(runtime, files, options.report), {
    cwd: ROOT,
    env: environment(),
    stdio: ["ignore", "pipe", "pipe"],
    detached: true,
  });
  const stop = () => killGroup(child);
  process.once("exit", stop);
  let problem: string | undefined;
  const timer = setTimeout(() => {
    problem = `did not end within ${options.timeoutMs / 1000} s`;
    // Node then says which file it was at: a file's process ends when nothing in it is left open.
    child.kill("SIGINT");
    setTimeout(stop, 2000).unref();
  }, options.timeoutMs);
  const exit = new Promise<number | null>((resolve) => {
    child.once("error", (error) => {
      problem = `cannot be started: ${error.message}`;
      resolve(1);
    });
    child.once("exit", resolve);
  });
  const output = [child.stdout, child.stderr].map((stream) => forward(stream, options.print));
  const code = await exit;
  clearTimeout(timer);
  process.removeListener("exit", stop);
  stop();
  // A process that a test left behind can hold the pipes open: it does not hold up the run.
  await Promise.race([Promise.all(output), new Promise((resolve) => setTimeout(resolve, 2000))]);
  const seconds = (performance.now() - started) / 1000;
  const cases = existsSync(options.report) ? readJUnit(readFileSync(options.report, "utf8")) : [];
  problem ??= problemOf(code, cases);
  return problem === undefined ? { runtime, cases, seconds } : { runtime, cases, seconds, problem };
}
