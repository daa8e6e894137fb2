/**
 * `naq-events`, the command line: reads, follows and looks after what is stored.
 *
 * ```sh
 * deno run -A jsr:@naq/events/cli --help
 * ```
 *
 * A program can run its commands, too. What `--format json` prints is of the types below.
 *
 * @example
 * ```ts
 * import { runCli } from "@naq/events/cli";
 * import assert from "node:assert/strict";
 *
 * const exitCode = await runCli(["count", "--storage", "memory:"]);
 * assert.equal(exitCode, 0);
 * ```
 *
 * @module
 */

import { realpathSync } from "node:fs";
import module from "node:module";
import process from "node:process";
import { fileURLToPath } from "node:url";

export { ExitCode } from "./exit.ts";
export type * from "./types.ts";

/**
 * Runs a command of `naq-events`, with the process's standard input, output and error. SIGINT and
 * SIGTERM end it; a second one ends the process.
 *
 * @param args The arguments, from the command's name on.
 * @returns The exit code: a value of {@linkcode ExitCode}. Nothing is thrown.
 */
export async function runCli(args: readonly string[]): Promise<number> {
  const { run } = await import("./run.ts");
  return await run(args);
}

/** Whether this is the program that runs. The property is newer than some of the Nodes. */
function isProgram(): boolean {
  const { main } = import.meta as { readonly main?: boolean };
  if (main !== undefined) return main;
  const [, script] = process.argv;
  return script !== undefined && realpathSync(script) === fileURLToPath(import.meta.url);
}

if (isProgram()) {
  // Node keeps what it has compiled, for the next start: that takes a fifth of the time then.
  (module as { enableCompileCache?: () => unknown }).enableCompileCache?.();
  const exitCode = await runCli(process.argv.slice(2));
  // What an end by signal leaves behind, such as an attempt to connect, is not waited for.
  if (exitCode >= 128) process.exit(exitCode);
  process.exitCode = exitCode;
}
