/** Looks at a SQLite file. */

import { accessSync, constants, statfsSync, statSync } from "node:fs";
import { dirname } from "node:path";
import type { CommandContext } from "../context.ts";
import { bytes, counted } from "../text.ts";
import type { Findings } from "./findings.ts";

/** Less than that is soon nothing. */
const LITTLE_BYTES = 256 * 1024 * 1024;
/** A log that is not taken over into the file slows reads down. */
const LONG_LOG_BYTES = 64 * 1024 * 1024;

/** Looks at the file, its directory and the disk. */
export async function checkSqlite(
  findings: Findings,
  context: CommandContext,
  path: string,
): Promise<void> {
  const storage = await context.open("read");
  const { status, messages, error = status, serverVersion } = await storage.healthCheck();
  if (status !== "healthy") findings.problem("file", error);
  else findings.ok("file", `${counted(messages, "event")}, ${serverVersion}`);
  if (path === ":memory:") return;
  for (const place of [path, dirname(path)]) {
    if (mayWrite(place)) continue;
    findings.warning("permissions", `This user may not write to ${place}`);
  }
  const { bavail, bsize } = statfsSync(dirname(path));
  const free = bavail * bsize;
  if (free < LITTLE_BYTES) {
    findings.problem("room", `${bytes(free)} are left on the disk`, "Free space, or run cleanup");
  } else findings.ok("room", `${bytes(free)} are left on the disk`);
  const log = sizeOf(`${path}-wal`);
  if (log > LONG_LOG_BYTES) {
    findings.warning(
      "file",
      `Its write-ahead log has ${bytes(log)}: a program keeps a read open for long`,
      "End the program that reads, or restart it",
    );
  }
  findings.ok(
    "durability",
    "A power failure can take the last commits, unless writers open the file with " +
      'synchronous: "full"',
  );
  const letters = await storage.deadLetters.list({ limit: 1000 });
  if (letters.length > 0) {
    findings.warning(
      "dead letters",
      `Groups gave up on ${counted(letters.length, "event")}` +
        (letters.length === 1000 ? " or more" : ""),
      '"dead-letters list" shows why, "dead-letters replay" tries again',
    );
  }
}

function mayWrite(path: string): boolean {
  try {
    accessSync(path, constants.W_OK);
    return true;
  } catch {
    return false;
  }
}

function sizeOf(path: string): number {
  try {
    return statSync(path).size;
  } catch {
    return 0;
  }
}
