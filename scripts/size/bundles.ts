/** What entry points weigh in a bundle for the web, and what they may weigh. */

import { build, type Metafile } from "esbuild";
import { gzipSync } from "node:zlib";
import { ROOT } from "../runtimes.ts";

/** What a bundle is made of, and what it is compared with. */
interface Row {
  readonly name: string;
  readonly code: string;
  readonly peer?: Peer;
}

interface Peer {
  readonly name: string;
  readonly code: string;
  /** The bundle may weigh so many times as much as the peer, gzipped. */
  readonly limit: number;
}

const EMIT = `export * from "./src/emit.ts";`;
const WEBSOCKET = `export * from "./src/connect/ws.ts";`;
const BARE = `export { wsconnect } from "@nats-io/nats-core";`;

const ROWS: readonly Row[] = [
  { name: "./emit", code: EMIT },
  {
    name: "./emit + ./connect/ws",
    code: EMIT + WEBSOCKET,
    // Less than 1.3 is wished for. The client library is CommonJS, so every bundle has all of it:
    // what is above 1 is this package's own code.
    peer: { name: "wsconnect of nats-core", code: BARE, limit: 1.65 },
  },
  {
    name: ".",
    code: `export * from "./mod.ts";`,
    peer: {
      name: "nats-core, jetstream and msgpackr",
      code: `${BARE} export * from "@nats-io/jetstream"; export * from "msgpackr";`,
      limit: 1.15,
    },
  },
];

/** What code weighs, in bytes. */
interface Weight {
  readonly minified: number;
  readonly gzipped: number;
  /** Bytes of the minified bundle by package, the largest first. */
  readonly packages: Readonly<Record<string, number>>;
}

/** A line of the table. */
export interface BundleSize extends Weight {
  readonly entry: string;
  readonly peer?: {
    readonly name: string;
    readonly gzipped: number;
    /** How many times as much as the peer the bundle weighs, gzipped. */
    readonly ratio: number;
    readonly limit: number;
  };
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

async function weigh(code: string): Promise<Weight> {
  const { outputFiles, metafile } = await build({
    stdin: { contents: code, resolveDir: ROOT },
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
  const bytes = outputFiles[0]!.contents;
  return {
    minified: bytes.length,
    gzipped: gzipSync(bytes, { level: 9 }).length,
    packages: byPackage(metafile),
  };
}

/** Weighs the entry points and their peers. */
export async function weighBundles(): Promise<BundleSize[]> {
  const sizes: BundleSize[] = [];
  for (const { name: entry, code, peer } of ROWS) {
    const weight = await weigh(code);
    if (peer === undefined) {
      sizes.push({ entry, ...weight });
      continue;
    }
    const { name, limit } = peer;
    const { gzipped } = await weigh(peer.code);
    const ratio = weight.gzipped / gzipped;
    sizes.push({ entry, ...weight, peer: { name, gzipped, ratio, limit } });
  }
  return sizes;
}

/** What weighs more than it may, in words. */
export function tooHeavy(sizes: readonly BundleSize[]): string[] {
  return sizes.flatMap(({ entry, peer }) =>
    peer === undefined || peer.ratio <= peer.limit ? [] : [
      `${entry} weighs ${peer.ratio.toFixed(2)} times as much as ${peer.name}, ` +
      `more than ${peer.limit.toFixed(2)}`,
    ]
  );
}
