/** Imports go downwards only. */

import type { Problems, Tree } from "./tree.ts";

/**
 * What lies on what, from the bottom. Parts of one layer may import each other. A path that ends
 * with a slash is a folder; the longest that fits counts.
 */
const LAYERS: readonly (readonly string[])[] = [
  ["src/errors.ts", "src/event/", "src/gen/", "src/timer.ts"],
  // The interfaces are below what implements them, which is everything from here upwards.
  ["src/storage/storage.ts"],
  ["src/nats/"],
  ["src/connect/", "src/logger/", "src/storage/"],
  ["src/config.ts", "src/emit.ts", "src/metrics/", "src/processor/", "src/queue/", "src/results/"],
  [
    "src/backend/",
    "src/cli/",
    "src/dashboard/",
    "src/open.ts",
    "src/open_storage.ts",
    "src/sync/",
    "src/worker/",
  ],
  ["mod.ts"],
];

/** These are programs: nothing but their own files imports them, and those that host them. */
const LEAVES = ["src/cli/", "src/dashboard/"];
const HOSTS: Readonly<Record<string, string>> = { "src/dashboard/": "src/cli/" };

function layerOf(path: string): number {
  let best = "";
  let layer = -1;
  for (const [index, parts] of LAYERS.entries()) {
    for (const part of parts) {
      const fits = part.endsWith("/") ? path.startsWith(part) : path === part;
      if (fits && part.length > best.length) [best, layer] = [part, index];
    }
  }
  return layer;
}

/** Imports that go upwards, into a program, or out of `src`. */
export function importDirection(tree: Tree): Problems {
  const problems: Problems = [];
  for (const { path, imports } of tree.sources(/^(mod\.ts$|src\/)/)) {
    const own = layerOf(path);
    if (own < 0) problems.push(`${path} is in no layer: add its folder to tests/tidy/direction.ts`);
    for (const { line, path: target } of imports) {
      if (target === undefined) continue;
      const layer = layerOf(target);
      if (layer < 0) problems.push(`${path}:${line} imports ${target}, which is in no layer`);
      else if (layer > own && own >= 0) problems.push(`${path}:${line} imports upwards: ${target}`);
      const leaf = LEAVES.find((folder) => target.startsWith(folder));
      if (leaf === undefined) continue;
      if (!path.startsWith(leaf) && !path.startsWith(HOSTS[leaf] ?? leaf)) {
        problems.push(`${path}:${line} imports ${target}, which is a program`);
      }
    }
  }
  return problems;
}
