/** Small helpers around processes: find a command, run it to its end, wait for a condition. */

import { spawn } from "node:child_process";
import { accessSync, constants, statSync } from "node:fs";
import { delimiter, join } from "node:path";
import process from "node:process";

/** Environment variables by name. */
export type Environment = Readonly<Record<string, string | undefined>>;

export interface RunOptions {
  /** @default the current directory */
  readonly cwd?: string;
  /** @default the environment of this process */
  readonly env?: Environment;
}

/**
 * The path of a command, or `undefined` where there is none. The runtimes disagree on whose PATH
 * `spawn` searches when it is given an environment, so the search is done here.
 */
export function which(command: string, env: Environment = process.env): string | undefined {
  for (const directory of (env["PATH"] ?? "").split(delimiter)) {
    if (directory === "") continue;
    const path = join(directory, command);
    if (isExecutable(path)) return path;
  }
  return undefined;
}

export function isExecutable(path: string): boolean {
  try {
    accessSync(path, constants.X_OK);
    return statSync(path).isFile();
  } catch {
    return false;
  }
}

/** Runs a command and gives what it printed; a failing one throws with its last words. */
export function run(
  command: string,
  args: readonly string[],
  options: RunOptions = {},
): Promise<string> {
  return new Promise((resolve, reject) => {
    const child = spawn(command, [...args], {
      cwd: options.cwd ?? process.cwd(),
      env: { ...(options.env ?? process.env) },
      stdio: ["ignore", "pipe", "pipe"],
    });
    let stdout = "";
    let stderr = "";
    child.stdout.setEncoding("utf8").on("data", (text: string) => stdout += text);
    child.stderr.setEncoding("utf8").on("data", (text: string) => stderr += text);
    child.on("error", (cause) => reject(new Error(`Cannot run ${command}`, { cause })));
    child.on("close", (code, signal) => {
      if (code === 0) return resolve(stdout);
      const reason = signal === null ? `exited with code ${code}` : `was ended by ${signal}`;
      reject(new Error(`${command} ${args.join(" ")} ${reason}: ${tail(stderr || stdout, 15)}`));
    });
  });
}

/** Whether a process exists. One that belongs to somebody else exists, too. */
export function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return (error as { code?: string }).code === "EPERM";
  }
}

export function tail(text: string, lines: number): string {
  return text.trimEnd().split("\n").slice(-lines).join("\n");
}

export interface PollOptions {
  readonly timeoutMs: number;
  /** @default 20 */
  readonly intervalMs?: number;
  /** What to add to the message when time is up, such as the end of a log. */
  readonly explain?: () => string;
}

/** Tries until an attempt gives something other than `undefined`. */
export async function poll<T>(
  what: string,
  attempt: () => T | undefined | Promise<T | undefined>,
  options: PollOptions,
): Promise<T> {
  const deadline = performance.now() + options.timeoutMs;
  while (true) {
    const result = await attempt();
    if (result !== undefined) return result;
    if (performance.now() >= deadline) {
      const more = options.explain?.() ?? "";
      throw new Error(
        `${what}: not within ${options.timeoutMs} ms${more === "" ? "" : `\n${more}`}`,
      );
    }
    await new Promise((resolve) => setTimeout(resolve, options.intervalMs ?? 20));
  }
}
