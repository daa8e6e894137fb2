/** Other processes of the runtime that the tests run on. */

import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { fileURLToPath } from "node:url";
import { eventually } from "./helpers.ts";

/** A running script. Its disposal kills it. */
export interface Child extends AsyncDisposable {
  /** The complete lines of its output so far. */
  readonly lines: readonly string[];
  /** What it wrote to standard error so far. */
  readonly errors: string;
  /** Resolves with its exit code when it has ended by itself. */
  ended(timeoutMs?: number): Promise<number | null>;
  /** The signal that ended it. */
  readonly endedBy: string | null;
  /** Sends it a signal. */
  signal(name: "SIGTERM" | "SIGINT"): void;
  /** Ends it at once, with `SIGKILL`. */
  kill(): Promise<void>;
}

/**
 * Runs a script in a process of its own.
 *
 * @param args Its arguments, and variables of its environment.
 */
export function runChild(
  script: URL,
  ...args: readonly (string | Readonly<Record<string, string>>)[]
): Child {
  const flags = process.versions["deno"] === undefined ? [] : ["run", "-A", "--quiet"];
  const variables = args.filter((arg) => typeof arg !== "string");
  const env = Object.assign({ ...process.env }, ...variables);
  const child: ChildProcess = spawn(
    process.execPath,
    [...flags, fileURLToPath(script), ...args.filter((arg) => typeof arg === "string")],
    { stdio: ["ignore", "pipe", "pipe"], env },
  );
  let output = "";
  let errors = "";
  let isOver = false;
  const over = once(child, "close").then(() => isOver = true);
  child.stdout!.on("data", (data) => output += data);
  child.stderr!.on("data", (data) => errors += data);
  const kill = async (): Promise<void> => {
    if (!isOver) child.kill("SIGKILL");
    await over;
  };
  return {
    get lines() {
      return output.split("\n").slice(0, -1);
    },
    get errors() {
      return errors;
    },
    get endedBy() {
      return child.signalCode;
    },
    // Deno takes a child for ended by the signal that `child.kill` sends, however it ends.
    signal: (name) => void process.kill(child.pid!, name),
    async ended(timeoutMs = 10_000) {
      await eventually(() => isOver, {
        timeoutMs,
        what: `the end of ${script.pathname} ${errors}`,
      });
      return child.exitCode;
    },
    kill,
    [Symbol.asyncDispose]: kill,
  };
}
