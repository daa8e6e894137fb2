/** What entry points weigh in a bundle for the web, and what they may weigh. */

import { build, type Metafile } from "esbuild";
import { dirname } from "node:path";
import { gzipSync } from "node:zlib";
import { ROOT } from "../runtimes.ts";

/** What a bundle is made of, and what it is compared with. */
interface Row {
  readonly name: string;
  readonly code: string;
  /** A package that the bundler is told to leave out. */
  readonly without?: string;
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
/** The README's function for Cloudflare Workers. */
const FUNCTION = `export { default } from "./tests/consumers/workerd/main.ts";`;

function againstBare(limit: number): Peer {
  return { name: "wsconnect of nats-core", code: BARE, limit };
}

const ROWS: readonly Row[] = [
  { name: "./emit", code: EMIT },
  // The client library is CommonJS, so every bundle has all of it: what is above 1 is this
  // package's own code. docs/performance.md says what that does.
  { name: "./emit + ./connect/ws", code: EMIT + WEBSOCKET, peer: againstBare(1.64) },
  { name: "a function", code: FUNCTION, peer: againstBare(1.62) },
  {
    name: "a function, no nkeys",
    code: FUNCTION,
    without: "@nats-io/nkeys",
    peer: againstBare(1.3),
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
  /** Bytes of the minified bundle by package and by folder of this one, the largest first. */
  readonly parts: Readonly<Record<string, number>>;
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

/** The package that a file belongs to, or its folder of this one. */
function partOf(path: string): string {
  // Behind the last node_modules: Deno keeps packages in one below another.
  const inside = path.split("node_modules/").at(-1)!;
  if (inside === path) return dirname(path);
  return inside.split("/").slice(0, inside.startsWith("@") ? 2 : 1).join("/");
}

function byPart(metafile: Metafile): Record<string, number> {
  const sizes = new Map<string, number>();
  for (const output of Object.values(metafile.outputs)) {
    for (const [path, { bytesInOutput }] of Object.entries(output.inputs)) {
      const name = partOf(path);
      // What esbuild makes itself has no file.
      if (bytesInOutput > 0 && !/^[<(]/.test(path)) {
        sizes.set(name, (sizes.get(name) ?? 0) + bytesInOutput);
      }
    }
  }
  return Object.fromEntries([...sizes].sort(([, left], [, right]) => right - left));
}

async function weigh({ code, without }: Pick<Row, "code" | "without">): Promise<Weight> {
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
    alias: without === undefined ? {} : { [without]: "data:text/javascript," },
    logLevel: "silent",
  });
  const bytes = outputFiles[0]!.contents;
  return {
    minified: bytes.length,
    gzipped: gzipSync(bytes, { level: 9 }).length,
    parts: byPart(metafile),
  };
}

/** Weighs the entry points and their peers. */
export async function weighBundles(): Promise<BundleSize[]> {
  const sizes: BundleSize[] = [];
  for (const row of ROWS) {
    const { name: entry, peer } = row;
    const weight = await weigh(row);
    if (peer === undefined) {
      sizes.push({ entry, ...weight });
      continue;
    }
    const { name, limit } = peer;
    const { gzipped } = await weigh(peer);
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
