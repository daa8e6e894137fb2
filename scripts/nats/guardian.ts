/** Temporary directories that go away with the process that made them, however it ends. */

import { spawn } from "node:child_process";
import { mkdtempSync, readdirSync, statSync } from "node:fs";
import { hostname, tmpdir } from "node:os";
import { join } from "node:path";
import process from "node:process";
import { isAlive, poll } from "./run.ts";

/** The file in which a server leaves its process id. */
export const PID_FILE = "server.pid";

/**
 * Waits for the end of its input, then ends the server of a directory and removes the directory.
 * A process id may belong to somebody else by then, so the command line has to name the directory.
 * The second `rm` is for a server that was still writing while it was killed.
 */
const SCRIPT = `
while read -r _; do :; done
pid=$(cat "$1/${PID_FILE}" 2>/dev/null)
if [ -n "$pid" ]; then
  if [ -r "/proc/$pid/cmdline" ]; then command=$(tr '\\000' ' ' < "/proc/$pid/cmdline")
  else command=$(ps -o args= -p "$pid" 2>/dev/null); fi
  case "$command" in *"$1/"*) kill -9 "$pid" ;; esac
fi
rm -rf "$1" 2>/dev/null || { sleep 1; rm -rf "$1"; }
`;

export interface GuardedDirectory {
  readonly path: string;
  /** Removes the directory, and a server that still runs in it. */
  release(): Promise<void>;
}

/**
 * Makes a temporary directory with a guardian: a shell that holds one end of a pipe. When this
 * process ends, even by SIGKILL, the pipe closes and the guardian cleans up.
 */
export function makeGuardedDirectory(): GuardedDirectory {
  if (process.platform === "win32") {
    throw new Error("Cannot start nats-server: this script needs Linux or macOS, or WSL");
  }
  removeAbandonedDirectories();
  const path = mkdtempSync(join(tmpdir(), `${namePrefix()}${process.pid}-`));
  // A process group of its own keeps Ctrl-C in the terminal from ending the guardian first.
  const shell = spawn("/bin/sh", ["-c", SCRIPT, "sh", path], {
    stdio: ["pipe", "ignore", "ignore"],
    detached: true,
  });
  const input = shell.stdin as { end(): void; unref?: () => void };
  let ended = false;
  shell.on("exit", () => ended = true);
  shell.unref();
  input.unref?.();
  return {
    path,
    async release() {
      input.end();
      shell.ref();
      await poll(`Removal of ${path}`, () => ended || undefined, { timeoutMs: 10_000 });
    },
  };
}

/** Cleans up after processes that died together with their guardian, as in a killed container. */
function removeAbandonedDirectories(): void {
  const prefix = namePrefix();
  for (const name of readdirSync(tmpdir())) {
    if (!name.startsWith(prefix)) continue;
    const path = join(tmpdir(), name);
    const owner = Number.parseInt(name.slice(prefix.length), 10);
    if (isAlive(owner) || !isOurs(path)) continue;
    // With its input already at the end, a guardian cleans up at once.
    spawn("/bin/sh", ["-c", SCRIPT, "sh", path], { stdio: "ignore", detached: true }).unref();
  }
}

/** The host is part of the name because containers may share the directory, but not the ids. */
function namePrefix(): string {
  return `naq-events-nats-${hostname().replaceAll(/[^A-Za-z0-9]/g, "_")}-`;
}

function isOurs(path: string): boolean {
  try {
    return statSync(path).uid === process.getuid?.();
  } catch {
    return false;
  }
}
