/**
 * Finds Deno, Bun and Node. Works in all three itself, so that tests can use it too.
 *
 * Bun and Node come from npm, because a fresh clone then needs nothing but npm. Both are found by
 * their binaries: the install scripts that would put them in place do not run under Deno.
 */

import { spawnSync } from "node:child_process";
import { existsSync, readdirSync, realpathSync } from "node:fs";
import { delimiter, dirname, join } from "node:path";
import process from "node:process";
import { fileURLToPath } from "node:url";

/** The runtimes that this package supports. */
export const RUNTIME_NAMES = ["deno", "bun", "node"] as const;

/** One of the runtimes. */
export type RuntimeName = (typeof RUNTIME_NAMES)[number];

/** A runtime that is there and runs. */
export interface Runtime {
  /** Which one. */
  readonly name: RuntimeName;
  /** The binary. */
  readonly path: string;
  /** Its version, without a leading `v`. */
  readonly version: string;
}

/** The directory of the project, with a slash at its end. */
export const ROOT: string = fileURLToPath(new URL("../", import.meta.url));

/** The first versions that run this package's sources as they are. */
const FLOOR: Readonly<Record<RuntimeName, string>> = { deno: "2.5", bun: "1.3", node: "22.18" };

const REMEDY: Readonly<Record<RuntimeName, string>> = {
  deno: "Run this with `npx -y deno task …`.",
  bun: "Run `npx -y deno install`, which puts it below node_modules, or put a `bun` on the PATH.",
  node: "Run `npx -y deno install`, which puts one below node_modules on Linux x64, " +
    "or put a newer `node` on the PATH.",
};

const SUFFIX = process.platform === "win32" ? ".exe" : "";

/** Whether a text names a runtime. */
export function isRuntimeName(text: string): text is RuntimeName {
  return (RUNTIME_NAMES as readonly string[]).includes(text);
}

/** Which runtime runs this. */
export function currentRuntime(): RuntimeName {
  if (process.versions["bun"] !== undefined) return "bun";
  return process.versions["deno"] !== undefined ? "deno" : "node";
}

/** Whether a dotted version is the same as another or later. */
export function isAtLeast(version: string, floor: string): boolean {
  const have = version.split(".").map((part) => Number.parseInt(part, 10));
  for (const [index, part] of floor.split(".").entries()) {
    const difference = (have[index] ?? 0) - Number.parseInt(part, 10);
    if (difference !== 0) return difference > 0;
  }
  return true;
}

function versionOf(path: string): string | undefined {
  const { stdout, status } = spawnSync(path, ["--version"], { encoding: "utf8", timeout: 30_000 });
  if (status !== 0) return undefined;
  return /\d+\.\d+\.\d+/.exec(stdout)?.[0];
}

function* onPath(name: string): Generator<string> {
  for (const directory of (process.env["PATH"] ?? "").split(delimiter)) {
    if (directory !== "") yield join(directory, name + SUFFIX);
  }
}

/** The platform packages lie beside the real directory of the package that depends on them. */
function* bunPackages(): Generator<string> {
  const link = join(ROOT, "node_modules", "bun");
  if (!existsSync(link)) return;
  const scope = join(dirname(realpathSync(link)), "@oven");
  const system = process.platform === "win32" ? "windows" : process.platform;
  const machine = process.arch === "arm64" ? "aarch64" : process.arch;
  const wanted = `bun-${system}-${machine}`;
  // Several can be installed, for glibc, musl or an older processor: the first that runs is taken.
  for (const name of existsSync(scope) ? readdirSync(scope).sort() : []) {
    if (name === wanted || name.startsWith(`${wanted}-`)) {
      yield join(scope, name, "bin", `bun${SUFFIX}`);
    }
  }
}

function* nodePackages(): Generator<string> {
  const platform = `node-${process.platform}-${process.arch}`;
  yield join(ROOT, "node_modules", platform, "bin", `node${SUFFIX}`);
}

function* candidates(name: RuntimeName): Generator<string> {
  // Under test the same binary must run parent and child, whatever else is installed.
  if (currentRuntime() === name) yield process.execPath;
  if (name === "bun") yield* bunPackages();
  if (name === "node") yield* nodePackages();
  yield* onPath(name);
}

const found = new Map<RuntimeName, Runtime>();

/**
 * Finds a runtime.
 *
 * @throws {Error} None is there, or none is new enough. The message says what was tried and what to
 * do.
 */
export function findRuntime(name: RuntimeName): Runtime {
  const known = found.get(name);
  if (known !== undefined) return known;
  const refused: string[] = [];
  for (const path of candidates(name)) {
    if (!existsSync(path)) continue;
    const version = versionOf(path);
    if (version !== undefined && isAtLeast(version, FLOOR[name])) {
      const runtime = { name, path, version };
      found.set(name, runtime);
      return runtime;
    }
    refused.push(`${path} (${version ?? "does not run"})`);
  }
  const seen = refused.length === 0 ? "There is none" : `Not usable: ${refused.join(", ")}`;
  throw new Error(`Cannot find ${name} ${FLOOR[name]} or newer. ${seen}. ${REMEDY[name]}`);
}
