/** Runs functions in workerd, Cloudflare's runtime. */

import { build, type Metafile } from "esbuild";
import { Miniflare } from "miniflare";
import type { Readable } from "node:stream";
import { ROOT } from "../runtimes.ts";

/** A function in one file, as it is deployed. */
export interface Bundle {
  readonly code: string;
  /** What is in it. */
  readonly metafile: Metafile;
}

/**
 * Bundles a function the way wrangler does.
 *
 * @param file Its path from the project's root.
 * @param without A package that is left out: nothing of it may be used.
 */
export async function bundleWorker(file: string, without?: string): Promise<Bundle> {
  const { outputFiles, metafile } = await build({
    absWorkingDir: ROOT,
    entryPoints: [file],
    bundle: true,
    write: false,
    metafile: true,
    format: "esm",
    platform: "browser",
    conditions: ["workerd", "worker", "browser"],
    target: "es2024",
    alias: without === undefined ? {} : { [without]: "data:text/javascript," },
    logLevel: "silent",
  });
  return { code: outputFiles[0]!.text, metafile };
}

/** A function that runs. */
export interface RunningWorker extends AsyncDisposable {
  readonly url: URL;
  /** What it and the runtime have printed so far. */
  output(): string;
}

/**
 * Starts workerd with a function.
 *
 * @param bindings Its variables and secrets.
 * @param durableObjects The classes of its Durable Objects, by the names of their bindings.
 */
export async function startWorker(
  code: string,
  bindings: Readonly<Record<string, string>>,
  durableObjects: Readonly<Record<string, string>> = {},
): Promise<RunningWorker> {
  let output = "";
  const miniflare = new Miniflare({
    modules: true,
    script: code,
    bindings,
    durableObjects,
    compatibilityDate: "2026-07-01",
    // Without it the facts about a request are looked up in the internet.
    cf: false,
    // The runtime prints a trace of its own stack for each connection that the other side closes.
    handleRuntimeStdio(stdout: Readable, stderr: Readable) {
      for (const stream of [stdout, stderr]) stream.on("data", (data) => output += data);
    },
  });
  try {
    const url = await miniflare.ready;
    return { url, output: () => output, [Symbol.asyncDispose]: () => miniflare.dispose() };
  } catch (error) {
    await miniflare.dispose();
    throw error;
  }
}
