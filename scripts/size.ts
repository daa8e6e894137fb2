/** `deno task size`: what the package weighs, and whether that is within its budgets. */

import { stop } from "esbuild";
import { readFileSync } from "node:fs";
import process from "node:process";
import { parseArgs } from "node:util";
import { type Installed, measureInstall, withInstalled } from "./npm_install.ts";
import { ROOT, RUNTIME_NAMES } from "./runtimes.ts";
import { type BundleSize, tooHeavy, weighBundles } from "./size/bundles.ts";
import { type ImportTime, timeImports } from "./size/imports.ts";

const HELP = `Bundles entry points for the web, minified, and prints their sizes in bytes; then the
packages and bytes of an installation by npm.

Usage: deno task size [--imports] [--json]

  --imports  also how long the import of each entry point takes in a new process, in milliseconds,
             and that of what it imports alone; the medians of five
  --json     one line of JSON
  --help     this text

"of it" is what a package or a folder of this one adds to the minified bundle. "a function" is the
README's for Cloudflare Workers, "no nkeys" without @nats-io/nkeys. It ends with 1 if a bundle
weighs more than its budget.
`;

function number(value: number): string {
  return value.toLocaleString("en").padStart(9);
}

function bundleLines(sizes: readonly BundleSize[]): string[] {
  const rows = sizes.flatMap(({ entry, minified, gzipped, parts, peer }) => {
    const of = Object.entries(parts).map(([name, size]) => `${name} ${size}`);
    const row = `${entry.padEnd(22)}${number(minified)}${number(gzipped)}   ${of.join(", ")}`;
    if (peer === undefined) return [row];
    const ratio = `× ${peer.ratio.toFixed(2)} of ${peer.name}, ${number(peer.gzipped).trim()}`;
    return [row, `${"".padEnd(22)}${ratio}; at most × ${peer.limit.toFixed(2)}`];
  });
  return [`${"".padEnd(22)} minified     gzip   of it`, ...rows];
}

function importLines(times: readonly ImportTime[]): string[] {
  const entries = [...new Set(times.map(({ entry }) => entry))];
  const rows = entries.map((entry) => {
    const cells = RUNTIME_NAMES.map((runtime) => {
      const time = times.find((other) => other.entry === entry && other.runtime === runtime)!;
      return `${time.ms.toFixed(1)} (${time.dependenciesMs.toFixed(1)})`.padStart(16);
    });
    return entry.padEnd(18) + cells.join("");
  });
  const names = RUNTIME_NAMES.map((name) => name.padStart(16)).join("");
  return ["", `${"import, ms".padEnd(18)}${names}   (what it imports, alone)`, ...rows];
}

function installLines({ packages, bytes }: Installed): string[] {
  return ["", `npm install: ${packages} packages, ${bytes.toLocaleString("en")} bytes`];
}

async function main(): Promise<void> {
  const { values } = parseArgs({
    options: {
      imports: { type: "boolean", default: false },
      json: { type: "boolean", default: false },
      help: { type: "boolean", default: false },
    },
  });
  if (values.help) return console.log(HELP);
  const bundles = await weighBundles();
  const { exports }: { exports: Record<string, string> } = JSON.parse(
    readFileSync(`${ROOT}deno.json`, "utf8"),
  );
  const { installed, imports } = await withInstalled(async (project) => ({
    installed: measureInstall(project),
    imports: values.imports ? await timeImports(exports, project) : [],
  }));
  if (values.json) {
    console.log(JSON.stringify({ bundles, installed, imports }));
  } else {
    const lines = [...bundleLines(bundles), ...installLines(installed)];
    if (values.imports) lines.push(...importLines(imports));
    console.log(lines.join("\n"));
  }
  for (const problem of tooHeavy(bundles)) {
    console.error(problem);
    process.exitCode = 1;
  }
}

try {
  await main();
} catch (error) {
  console.error((error as Error).message);
  process.exitCode = 1;
} finally {
  await stop();
}
