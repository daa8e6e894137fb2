/** `deno task size`: what the entry points weigh in a bundle for the web. */

import { build, type Metafile, stop } from "esbuild";
import process from "node:process";
import { parseArgs } from "node:util";
import { gzipSync } from "node:zlib";
import { measureInstall } from "./npm_install.ts";
import { ROOT } from "./runtimes.ts";

const HELP = `Bundles entry points for the web, minified, and prints their sizes in bytes; then the
packages and bytes of an installation by npm.

Usage: deno task size [--json]

"of it" is what one package adds to the minified bundle.
`;

const ENTRIES: Readonly<Record<string, string>> = { "./emit": "src/emit.ts", ".": "mod.ts" };

interface Size {
  readonly entry: string;
  readonly minified: number;
  readonly gzipped: number;
  /** Bytes of the minified bundle by package, the largest first. */
  readonly packages: Readonly<Record<string, number>>;
}

/** The package that a file belongs to; this one's files have none. */
function packageOf(path: string): string | undefined {
  // Behind the last node_modules: Deno keeps packages in one below another.
  const inside = path.split("node_modules/").at(-1);
  if (inside === undefined || inside === path) return undefined;
  return inside.split("/").slice(0, inside.startsWith("@") ? 2 : 1).join("/");
}

function byPackage(metafile: Metafile): Record<string, number> {
  const sizes = new Map<string, number>();
  for (const output of Object.values(metafile.outputs)) {
    for (const [path, { bytesInOutput }] of Object.entries(output.inputs)) {
      const name = packageOf(path);
      if (name !== undefined) sizes.set(name, (sizes.get(name) ?? 0) + bytesInOutput);
    }
  }
  return Object.fromEntries([...sizes].sort(([, left], [, right]) => right - left));
}

async function measure(entry: string, file: string): Promise<Size> {
  const result = await build({
    absWorkingDir: ROOT,
    entryPoints: [file],
    bundle: true,
    minify: true,
    write: false,
    metafile: true,
    format: "esm",
    // A module of Node in here fails the build: these entry points run anywhere.
    platform: "browser",
    target: "es2024",
    logLevel: "silent",
  });
  const bytes = result.outputFiles[0]!.contents;
  return {
    entry,
    minified: bytes.length,
    gzipped: gzipSync(bytes, { level: 9 }).length,
    packages: byPackage(result.metafile),
  };
}

function lines(sizes: readonly Size[]): string[] {
  const number = (value: number) => value.toLocaleString("en").padStart(9);
  const rows = sizes.map(({ entry, minified, gzipped, packages }) => {
    const parts = Object.entries(packages).map(([name, size]) => `${name}${number(size)}`);
    return `${entry.padEnd(8)}${number(minified)}${number(gzipped)}   ${parts.join(", ")}`;
  });
  return [`${"".padEnd(8)} minified     gzip   of it`, ...rows];
}

async function main(): Promise<void> {
  const { values } = parseArgs({
    options: {
      json: { type: "boolean", default: false },
      help: { type: "boolean", default: false },
    },
  });
  if (values.help) return console.log(HELP);
  const sizes: Size[] = [];
  for (const [entry, file] of Object.entries(ENTRIES)) sizes.push(await measure(entry, file));
  const installed = await measureInstall();
  if (values.json) return console.log(JSON.stringify({ sizes, installed }));
  console.log(lines(sizes).join("\n"));
  const bytes = installed.bytes.toLocaleString("en");
  console.log(`\nnpm install: ${installed.packages} packages, ${bytes} bytes`);
}

try {
  await main();
} catch (error) {
  console.error((error as Error).message);
  process.exitCode = 1;
} finally {
  await stop();
}
