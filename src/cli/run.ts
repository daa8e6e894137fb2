/** Runs one command, from its arguments to its exit code. */

import type { Command } from "commander";
import process from "node:process";
import { CliError, errorLine, ExitCode, exitCodeOf } from "./exit.ts";
import { Output } from "./output.ts";
import { createProgram, isParserError, type Texts } from "./program.ts";
import { PROGRAM } from "./define.ts";
import { shown } from "./text.ts";
import { readVersion } from "./version.ts";

/** How long a command may take to end in good order after Ctrl-C, in milliseconds. */
const GRACE_MS = 5000;

/** Runs a command; see `runCli`. */
export async function run(args: readonly string[]): Promise<number> {
  const end = new AbortController();
  let endedBy: number | undefined;
  const onSignal = (code: number) => (): void => {
    if (endedBy !== undefined) process.exit(code);
    endedBy = code;
    end.abort(new CliError(ExitCode.Interrupted, "interrupted"));
  };
  const onInterrupt = onSignal(ExitCode.Interrupted);
  const onTerminate = onSignal(ExitCode.Terminated);
  process.on("SIGINT", onInterrupt);
  process.on("SIGTERM", onTerminate);
  const out = new Output(process.stdout, () => end.abort(new CliError(ExitCode.Ok, "closed")));
  try {
    const code = await Promise.race([execute(args, out, end.signal), afterGrace(end.signal)]);
    return endedBy ?? (end.signal.aborted ? ExitCode.Ok : code);
  } catch (error) {
    if (end.signal.aborted) return endedBy ?? ExitCode.Ok;
    process.stderr.write(`${PROGRAM}: ${shown(errorLine(error))}\n`);
    return exitCodeOf(error);
  } finally {
    out.release();
    process.off("SIGINT", onInterrupt);
    process.off("SIGTERM", onTerminate);
  }
}

async function execute(args: readonly string[], out: Output, signal: AbortSignal): Promise<number> {
  const texts: Texts = { out: "", err: "" };
  let exitCode: number = ExitCode.Ok;
  const registry = { host: { out, signal }, onExit: (code: number) => void (exitCode = code) };
  const program = createProgram(registry, texts, args)
    .version(await readVersion(), "-V, --version", "the version of this program");
  try {
    await program.parseAsync(args, { from: "user" });
    return exitCode;
  } catch (error) {
    if (!isParserError(error)) throw error;
    if (error.exitCode === 0) {
      await out.write(texts.out);
      return ExitCode.Ok;
    }
    if (error.code === "commander.help") {
      // No command was given: what there is stands on standard error then.
      process.stderr.write(texts.err);
      return ExitCode.Usage;
    }
    const problem = texts.err.trim().replace(/[^.)]$/, "$&.");
    throw new CliError(ExitCode.Usage, `${problem} See "${helpOf(program, args)}".`);
  }
}

/** How to ask for the help of the command that was meant. */
function helpOf(program: Command, args: readonly string[]): string {
  const names = [PROGRAM];
  let command = program;
  for (const arg of args) {
    const next = command.commands.find((each) => each.name() === arg);
    if (next === undefined) continue;
    names.push(arg);
    command = next;
  }
  return `${names.join(" ")} --help`;
}

/** Ends the wait for a command that does not end by itself when it should. */
function afterGrace(signal: AbortSignal): Promise<number> {
  return new Promise((resolve) => {
    signal.addEventListener("abort", () => {
      const timer = setTimeout(() => resolve(ExitCode.Interrupted), GRACE_MS);
      timer.unref?.();
    }, { once: true });
  });
}
