/** Runs `naq-events` as its users do: in a process of its own, on the runtime of the tests. */

import { type ChildProcessWithoutNullStreams, spawn } from "node:child_process";
import { once } from "node:events";
import process from "node:process";
import { fileURLToPath } from "node:url";

const PROGRAM = fileURLToPath(new URL("../../src/cli/mod.ts", import.meta.url));

/** A process may have to share the machine with many others. */
export const TIMEOUT_MS = 120_000;

/** What a command printed, and how it ended. */
export interface Result {
  readonly code: number | null;
  readonly out: string;
  readonly err: string;
}

/** A command that runs. */
export interface Running extends AsyncDisposable {
  readonly child: ChildProcessWithoutNullStreams;
  /** What it has printed so far. */
  readonly printed: { readonly out: string; readonly err: string };
  readonly ended: Promise<Result>;
  /** Ctrl-C. Deno tells of no exit code after `child.kill()`, so the signal comes from outside. */
  interrupt(): void;
}

/** Variables of the environment; none of the caller's own settings gets through. */
export type Environment = Readonly<Record<string, string>>;

/** The arguments of the runtime before those of the program. */
export const RUN: readonly string[] = "deno" in process.versions
  ? ["run", "-A", "--quiet", PROGRAM]
  : [PROGRAM];

/** Starts a command. */
export function start(args: readonly string[], env: Environment = {}): Running {
  const inherited = Object.entries(process.env)
    .filter(([name]) => !/^(NAQ_.*|NO_COLOR|FORCE_COLOR|COLUMNS)$/.test(name));
  const child = spawn(process.execPath, [...RUN, ...args], {
    env: { ...Object.fromEntries(inherited), ...env },
  });
  const printed = { out: "", err: "" };
  child.stdout.setEncoding("utf8").on("data", (data: string) => printed.out += data);
  child.stderr.setEncoding("utf8").on("data", (data: string) => printed.err += data);
  // A command may end before it has read all of its input.
  child.stdin.on("error", () => {});
  const ended = once(child, "close").then(([code]): Result => ({ code, ...printed }));
  return {
    child,
    printed,
    ended,
    interrupt: () => void process.kill(child.pid!, "SIGINT"),
    [Symbol.asyncDispose]: async () => {
      child.kill("SIGKILL");
      await ended;
    },
  };
}

/** Runs a command to its end. */
export async function run(
  args: readonly string[],
  options: { readonly env?: Environment; readonly input?: string } = {},
): Promise<Result> {
  const running = start(args, options.env);
  running.child.stdin.end(options.input ?? "");
  return await running.ended;
}
