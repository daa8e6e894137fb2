/** How long the import of each entry point takes in a new process. */

import { build } from "esbuild";
import { copyFileSync } from "node:fs";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { run } from "../nats/run.ts";
import { findRuntime, ROOT, RUNTIME_NAMES, type RuntimeName } from "../runtimes.ts";

/** Processes of each kind, which take turns; the median counts. */
const ROUNDS = 5;

const SCRIPT = "time_import.js";

/** The times of one entry point on one runtime, in milliseconds. */
export interface ImportTime {
  readonly entry: string;
  readonly runtime: RuntimeName;
  readonly ms: number;
  /** Of the packages and modules of Node that it imports, without itself. */
  readonly dependenciesMs: number;
}

/** What an entry point imports of others when it is imported, not on demand. */
async function dependenciesOf(file: string): Promise<string[]> {
  const { metafile: { outputs } } = await build({
    absWorkingDir: ROOT,
    entryPoints: [file],
    outdir: "dist",
    bundle: true,
    splitting: true,
    packages: "external",
    platform: "node",
    format: "esm",
    write: false,
    metafile: true,
    logLevel: "silent",
  });
  const dependencies = new Set<string>();
  const parts = [Object.values(outputs).find(({ entryPoint }) => entryPoint === file)!];
  for (const { imports } of parts) {
    for (const { path, kind, external } of imports) {
      if (kind !== "import-statement") continue;
      if (external) dependencies.add(path);
      else parts.push(outputs[path]!);
    }
  }
  return [...dependencies];
}

/** Deno imports the source, as JSR gives it; the others import what npm has installed. */
async function importMs(
  runtime: RuntimeName,
  project: string,
  specifiers: readonly string[],
): Promise<number> {
  const { path } = findRuntime(runtime);
  const [flags, directory] = runtime === "deno"
    ? [["run", "-A", "--no-check", "--quiet"], join(ROOT, "scripts/size")]
    : [[], project];
  return Number(await run(path, [...flags, join(directory, SCRIPT), ...specifiers]));
}

function median(values: readonly number[]): number {
  return values.toSorted((left, right) => left - right)[values.length >> 1] ?? 0;
}

/**
 * Times imports on all runtimes.
 *
 * @param exported The files of the entry points, by their names.
 * @param project Where the package is installed by npm.
 */
export async function timeImports(
  exported: Readonly<Record<string, string>>,
  project: string,
): Promise<ImportTime[]> {
  copyFileSync(join(ROOT, "scripts/size", SCRIPT), join(project, SCRIPT));
  const times: ImportTime[] = [];
  for (const [entry, file] of Object.entries(exported)) {
    const dependencies = await dependenciesOf(file.replace("./", ""));
    for (const runtime of RUNTIME_NAMES) {
      const own = runtime === "deno"
        ? pathToFileURL(join(ROOT, file)).href
        : entry.replace(".", "@naq/events");
      const samples: number[] = [];
      const others: number[] = [];
      for (let round = 0; round < ROUNDS; round++) {
        samples.push(await importMs(runtime, project, [own]));
        others.push(await importMs(runtime, project, dependencies));
      }
      times.push({ entry, runtime, ms: median(samples), dependenciesMs: median(others) });
    }
  }
  return times;
}
