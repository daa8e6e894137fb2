/** `deno task pack`: the package as npm gets it. */

import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import process from "node:process";
import { parseArgs } from "node:util";
import { run, which } from "./nats/run.ts";
import { currentRuntime, ROOT } from "./runtimes.ts";

const HELP = `Makes the tarball for npm: JavaScript and types, with the exports of deno.json.

Usage: deno task pack [--out DIRECTORY]

  --out DIRECTORY  where to put it  (default: dist)
  --help           this text
`;

/** What `deno pack` does not know of and npm or bundlers use; it stands in package.json. */
const TAKEN_OVER = ["description", "keywords", "engines", "bin", "sideEffects"] as const;

type Manifest = Record<string, unknown>;

function readManifest(path: string, revive?: (key: string, value: unknown) => unknown): Manifest {
  return JSON.parse(readFileSync(path, "utf8"), revive);
}

/** Completes the manifest. Gives the files of the commands. */
function completeManifest(directory: string): string[] {
  const own = readManifest(
    join(ROOT, "package.json"),
    (_, value) => typeof value === "string" ? value.replace(/^(\.\/.*)\.ts$/, "$1.js") : value,
  );
  const path = join(directory, "package.json");
  const manifest = readManifest(path);
  for (const key of TAKEN_OVER) if (own[key] !== undefined) manifest[key] = own[key];
  writeFileSync(path, `${JSON.stringify(manifest, null, 2)}\n`);
  return Object.values(own["bin"] ?? {}).map((file) => join(directory, file));
}

/** npm starts commands by the line that names their interpreter. */
function makeCommand(file: string): void {
  const text = readFileSync(file, "utf8").replace(/^#!.*\n/, "");
  writeFileSync(file, `#!/usr/bin/env node\n${text}`);
}

/** Lets TypeScript know `AsyncDisposable`, which its default library may not have. */
function referToLibrary(directory: string): void {
  for (const name of readdirSync(directory, { recursive: true, encoding: "utf8" })) {
    if (!name.endsWith(".d.ts")) continue;
    const path = join(directory, name);
    const text = readFileSync(path, "utf8");
    if (!/\bDisposable\b|\bAsyncDisposable\b|\.(asyncD|d)ispose\b/.test(text)) continue;
    writeFileSync(path, `/// <reference lib="esnext.disposable" />\n${text}`);
  }
}

/** Runs the Deno that is there, or the one that npm has. */
function runDeno(args: readonly string[]): Promise<string> {
  if (currentRuntime() === "deno") return run(process.execPath, args, { cwd: ROOT });
  const deno = which("deno");
  if (deno !== undefined) return run(deno, args, { cwd: ROOT });
  return run("npx", ["-y", "deno", ...args], { cwd: ROOT });
}

/**
 * Packs this project for npm.
 *
 * @param out The directory for the tarball, made if need be.
 * @returns The path of the tarball.
 */
export async function pack(out: string): Promise<string> {
  const scratch = mkdtempSync(join(tmpdir(), "naq-events-pack-"));
  try {
    const raw = join(scratch, "raw.tgz");
    // Source maps would double the size, and what is compiled is as readable as its source.
    const options = ["--allow-dirty", "--no-source-maps", "--output", raw];
    await runDeno(["pack", "--quiet", ...options]);
    await run("tar", ["-xzf", raw, "-C", scratch]);
    const content = join(scratch, "package");
    completeManifest(content).forEach(makeCommand);
    referToLibrary(content);
    const { name, version } = readManifest(join(content, "package.json"));
    // The name that `npm pack` would give.
    const tarball = `${`${name}`.replace("@", "").replace("/", "-")}-${version}.tgz`;
    mkdirSync(out, { recursive: true });
    const path = resolve(out, tarball);
    await run("tar", ["-czf", path, "-C", scratch, "package"]);
    return path;
  } finally {
    rmSync(scratch, { recursive: true, force: true });
  }
}

async function main(): Promise<void> {
  const { values } = parseArgs({
    options: {
      out: { type: "string", default: join(ROOT, "dist") },
      help: { type: "boolean", default: false },
    },
  });
  if (values.help) return console.log(HELP);
  console.log(await pack(values.out));
}

if (import.meta.main) {
  try {
    await main();
  } catch (error) {
    console.error((error as Error).message);
    process.exitCode = 1;
  }
}
