/** What is not written here, and where the exceptions are. */

import type { Problems, Tree } from "./tree.ts";

interface Place {
  /** A file, or a folder with a slash at its end. */
  readonly path: string;
  /** What is allowed there: the names of globals, and `node:` for the modules of Node. */
  readonly allowed: readonly string[];
}

/** Where `src` may use what not every runtime has. */
const PLACES: readonly Place[] = [
  { path: "src/cli/", allowed: ["node:", "Deno", "Bun", "process", "Buffer", "console"] },
  // It looks whether there is a process, and does without where there is none.
  { path: "src/config.ts", allowed: ["process"] },
  { path: "src/connect/deno.ts", allowed: ["Deno"] },
  { path: "src/connect/node.ts", allowed: ["node:", "process", "Buffer"] },
  { path: "src/dashboard/serve.ts", allowed: ["node:", "Deno", "Bun", "process", "Buffer"] },
  // The places that speak up when the owner of a component has not asked for reports.
  { path: "src/logger/console_report.ts", allowed: ["console"] },
  { path: "src/logger/exit_report.ts", allowed: ["console"] },
  // It looks what the runtime has, and does without where it has nothing.
  { path: "src/logger/host.ts", allowed: ["Deno", "process"] },
  { path: "src/storage/sqlite.ts", allowed: ["node:", "process", "Buffer"] },
  { path: "src/storage/sqlite/", allowed: ["node:", "process", "Buffer"] },
  { path: "src/timer.ts", allowed: ["Deno"] },
  // What an execution takes, where the runtime tells.
  { path: "src/worker/usage.ts", allowed: ["process"] },
  { path: "src/sync/", allowed: ["node:", "process", "Buffer"] },
];

const SOURCE = /^(mod\.ts$|src\/)/;

function isAllowed(path: string, name: string): boolean {
  return PLACES.some((place) => {
    const fits = place.path.endsWith("/") ? path.startsWith(place.path) : path === place.path;
    return fits && place.allowed.includes(name);
  });
}

/** Syntax that would have to be compiled, and `any`. */
export function syntax(tree: Tree): Problems {
  return tree.sources(/^/).flatMap(({ path, forbiddenSyntax }) =>
    forbiddenSyntax.map(({ line, what }) => `${path}:${line} has ${what}`)
  );
}

/** `instanceof` on errors, which fails for errors from another copy of a package. */
export function errorTests(tree: Tree): Problems {
  return tree.sources(SOURCE).flatMap(({ path, errorTests }) =>
    errorTests.map(({ line, what }) => `${path}:${line} has ${what}: look at name or code instead`)
  );
}

/** Globals and modules that not every runtime has. */
export function runtimeBound(tree: Tree): Problems {
  return tree.sources(SOURCE).flatMap(({ path, globals, imports }) => {
    const modules = imports
      .filter(({ specifier }) => specifier.startsWith("node:"))
      .map(({ line, specifier }) => ({ line, what: specifier, name: "node:" }));
    const names = globals.map(({ line, what }) => ({ line, what, name: what }));
    return [...modules, ...names]
      .filter(({ name }) => !isAllowed(path, name))
      .map(({ line, what }) => `${path}:${line} uses ${what} outside its places`);
  });
}

function lines(tree: Tree, pattern: RegExp, complaint: string): Problems {
  return tree.paths().flatMap((path) =>
    tree.text(path).split("\n").flatMap((text, index) => {
      const found = pattern.exec(text)?.[0];
      return found === undefined ? [] : [`${path}:${index + 1} ${complaint}: ${found.trim()}`];
    })
  );
}

/** Notes of what is left to do. They are put together here, since this file is looked at too. */
export function leftovers(tree: Tree): Problems {
  const words = ["TO" + "DO", "FIX" + "ME", "X" + "XX"].join("|");
  return lines(tree, new RegExp(`\\b(?:${words})\\b`), "has a leftover");
}

/** Paths that exist on one machine only. */
export function absolutePaths(tree: Tree): Problems {
  const folders = ["work", "home", "root", "tmp", "Users"].join("|");
  const pattern = new RegExp(`(?<![\\w.\\-/)\\]*}])/(?:${folders})(?:/|(?=["'\`\\s]|$))`);
  return lines(tree, pattern, "has an absolute path");
}
