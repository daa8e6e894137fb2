/** What each entry point loads, and what nothing loads. */

import { exportedFiles } from "./exports.ts";
import type { Problems, Tree } from "./tree.ts";

interface Reach {
  /** Packages, and `node:` for the modules of Node. */
  readonly packages: readonly string[];
  /** Files, or folders with a slash at their end, of this package that it must not load. */
  readonly never?: readonly string[];
}

/** Not for functions that only emit: the decoder, and everything that reads. */
const READ_SIDE = [
  "src/event/msgpack_read.ts",
  "src/gen/decode.ts",
  "src/metrics/",
  "src/processor/",
  "src/storage/",
];

/** Not its other entry point, which loads this one and more. */
const CONNECT = ["@nats-io/nats-core/internal"];

/** One row for each export of deno.json. Whoever adds an export decides here what it costs. */
const ALLOWED: Readonly<Record<string, Reach>> = {
  ".": {
    packages: [],
    never: ["src/storage/sqlite.ts", "src/storage/sqlite/", "src/connect/"],
  },
  "./backend": {
    packages: [...CONNECT, "@nats-io/transport-node", "croner", "node:"],
    never: ["src/metrics/", "src/processor/", "src/worker/"],
  },
  "./cli": {
    packages: [
      ...CONNECT,
      "@bomb.sh/tab/commander",
      "@nats-io/transport-node",
      "cli-progress",
      "cli-table3",
      "commander",
      "croner",
      "node:",
    ],
  },
  "./connect": { packages: [...CONNECT, "@nats-io/transport-node"] },
  "./connect/deno": { packages: [...CONNECT, "@nats-io/transport-node"] },
  "./connect/node": { packages: [...CONNECT, "@nats-io/transport-node"] },
  "./connect/ws": { packages: CONNECT },
  "./dashboard": { packages: [], never: ["src/dashboard/serve.ts", "src/storage/sqlite/"] },
  "./dashboard/serve": { packages: ["node:"], never: ["src/storage/"] },
  "./emit": { packages: [], never: READ_SIDE },
  "./open": { packages: [...CONNECT, "@nats-io/transport-node", "node:"] },
  "./queue": {
    packages: ["croner"],
    never: ["src/connect/", "src/logger/", "src/metrics/", "src/processor/"],
  },
  "./results": { packages: [], never: ["src/connect/"] },
  "./sqlite": { packages: ["node:"] },
  "./sync": {
    packages: [...CONNECT, "@nats-io/transport-node", "croner", "node:"],
    never: ["src/metrics/", "src/processor/", "src/worker/"],
  },
  "./worker": {
    packages: [],
    never: ["src/connect/", "src/metrics/", "src/processor/"],
  },
};

/** The files that a file loads, itself included, with the bare specifiers that they import. */
function reach(tree: Tree, from: string): Map<string, readonly string[]> {
  const files = new Map<string, readonly string[]>();
  const waiting = [from];
  for (let path = waiting.pop(); path !== undefined; path = waiting.pop()) {
    if (files.has(path) || !tree.has(path) || !path.endsWith(".ts")) continue;
    const loaded = tree.source(path).imports.filter(({ kind }) => kind !== "type");
    files.set(path, loaded.filter((x) => x.path === undefined).map((x) => x.specifier));
    for (const { path: target } of loaded) if (target !== undefined) waiting.push(target);
  }
  return files;
}

function isIn(path: string, places: readonly string[]): boolean {
  return places.some((place) => place.endsWith("/") ? path.startsWith(place) : path === place);
}

/** What entry points load beyond what the table allows them. */
export function entryPoints(tree: Tree): Problems {
  const problems: Problems = [];
  const exported = exportedFiles(tree);
  for (const name of Object.keys(ALLOWED)) {
    if (!exported.has(name)) problems.push(`tests/tidy/reach.ts has a row for ${name}: no export`);
  }
  for (const [name, file] of exported) {
    const row = ALLOWED[name];
    if (row === undefined) {
      problems.push(`The export ${name} has no row in tests/tidy/reach.ts`);
      continue;
    }
    for (const [path, specifiers] of reach(tree, file)) {
      if (isIn(path, row.never ?? [])) problems.push(`${name} loads ${path}`);
      for (const specifier of specifiers) {
        const wanted = specifier.startsWith("node:") ? "node:" : specifier;
        if (!row.packages.includes(wanted)) {
          problems.push(`${name} loads ${specifier}, by ${path}`);
        }
      }
    }
  }
  return problems;
}

/** The files that a file refers to, types included. */
function referred(tree: Tree, from: Iterable<string>): Set<string> {
  const files = new Set<string>();
  const waiting = [...from];
  for (let path = waiting.pop(); path !== undefined; path = waiting.pop()) {
    if (files.has(path) || !tree.has(path) || !path.endsWith(".ts")) continue;
    files.add(path);
    for (const { path: target } of tree.source(path).imports) {
      if (target !== undefined) waiting.push(target);
    }
  }
  return files;
}

/** Files of `src` that no export leads to. */
export function deadFiles(tree: Tree): Problems {
  const alive = referred(tree, exportedFiles(tree).values());
  return tree.paths(/^src\/.*\.ts$/)
    .filter((path) => !alive.has(path))
    .map((path) => `${path} is reached from no export`);
}
