/** The official Go client, as a peer: a small program that is built into the user's cache. */

import { spawn } from "node:child_process";
import { createHash } from "node:crypto";
import { existsSync, mkdirSync, readdirSync, readFileSync, renameSync, rmSync } from "node:fs";
import { homedir } from "node:os";
import { join } from "node:path";
import process from "node:process";
import { createInterface } from "node:readline";
import { run, which } from "../nats/run.ts";
import { ROOT } from "../runtimes.ts";
import type { Contender } from "./timing.ts";

const SOURCE = join(ROOT, "scripts/bench/go");

/** A Go program that publishes as often as it is told. */
export interface GoPeer {
  /** Its process. */
  readonly pid: number | undefined;
  /** Publishes so many messages and waits for their acknowledgements. */
  readonly round: Contender["round"];
  /** Ends it. */
  readonly stop: () => void;
}

/** Builds the program, unless that was done before. `undefined` where there is no Go. */
export async function buildGoPeer(): Promise<string | undefined> {
  const hash = createHash("sha256");
  for (const file of readdirSync(SOURCE).sort()) hash.update(readFileSync(join(SOURCE, file)));
  const caches = process.platform === "darwin" ? "Library/Caches" : ".cache";
  const cache = join(process.env["XDG_CACHE_HOME"] || join(homedir(), caches), "naq-events");
  const binary = join(cache, `go-peer-${hash.digest("hex").slice(0, 12)}`);
  if (existsSync(binary)) return binary;
  const go = which("go", process.env);
  if (go === undefined) return undefined;
  mkdirSync(cache, { recursive: true });
  const fresh = `${binary}.${process.pid}`;
  try {
    console.error("Building the Go peer; this takes about half a minute");
    const env = { ...process.env, CGO_ENABLED: "0", GOOS: "", GOARCH: "" };
    await run(go, ["build", "-o", fresh, "."], { cwd: SOURCE, env });
    renameSync(fresh, binary);
    return binary;
  } catch (error) {
    console.error(`There is no Go peer: ${(error as Error).message}`);
    return undefined;
  } finally {
    rmSync(fresh, { force: true });
  }
}

/** Starts the program. */
export function startGoPeer(binary: string, args: readonly string[]): GoPeer {
  const child = spawn(binary, args, { stdio: ["pipe", "pipe", "inherit"] });
  const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
  return {
    pid: child.pid,
    round: async (count) => {
      child.stdin.write(`${count}\n`);
      const { done, value } = await lines.next();
      if (done) throw new Error("The Go peer has ended");
      return Number(value);
    },
    stop: () => void child.kill(),
  };
}
