/** Whether the configuration, the files and the documents agree. */

import type { Problems, Tree } from "./tree.ts";

const EXACT = /^\d+\.\d+\.\d+(-[\w.]+)?$/;
const REGISTRY = /^(npm|jsr):((?:@[\w.-]+\/)?[\w.-]+)@([^/]+)(\/.+)?$/;

/** The values of an object in a JSON file whose values are strings. */
export function strings(tree: Tree, path: string, key: string): Record<string, string> {
  const value = tree.json(path)[key] ?? {};
  return value as Record<string, string>;
}

/** The file behind each export. */
export function exportedFiles(tree: Tree): Map<string, string> {
  const entries = Object.entries(strings(tree, "deno.json", "exports"));
  return new Map(entries.map(([name, file]) => [name, file.replace(/^\.\//, "")]));
}

/** Exports without a file, and published files that are not there. */
export function exportsExist(tree: Tree): Problems {
  const problems = [...exportedFiles(tree)]
    .filter(([, file]) => !tree.has(file))
    .map(([name, file]) => `deno.json exports "${name}", but there is no ${file}`);
  const { include = [] } = (tree.json("deno.json")["publish"] ?? {}) as { include?: string[] };
  for (const path of include) {
    const isThere = tree.has(path) || tree.paths().some((file) => file.startsWith(`${path}/`));
    if (!isThere) problems.push(`deno.json publishes ${path}, which is not there`);
  }
  return problems;
}

/** Exports that Deno finds under another name than Node and Bun, which look into package.json when
 * a file of this project, an example for one, imports the package by its name. */
export function exportsAgree(tree: Tree): Problems {
  const [deno, node] = ["deno.json", "package.json"].map((path) => strings(tree, path, "exports"));
  return [...new Set([...Object.keys(deno!), ...Object.keys(node!)])]
    .filter((name) => deno![name] !== node![name])
    .map((name) => `The export "${name}" is not the same in deno.json and package.json`);
}

/** Entry points whose file does not begin with a module doc that has an example. */
export function entryPointsExplained(tree: Tree): Problems {
  return [...exportedFiles(tree)].flatMap(([name, path]) => {
    const [doc = ""] = /^\/\*\*[^]*?\*\//.exec(tree.text(path)) ?? [];
    if (!doc.includes("\n * @module\n")) return [`${name}: ${path} begins with no module doc`];
    return doc.includes("\n * ```ts") ? [] : [`${name}: the module doc of ${path} has no example`];
  });
}

/** Modules that do something when they are loaded, or nothing, other than package.json says:
 * bundlers leave out what does nothing and is not used. */
export function sideEffectsDeclared(tree: Tree): Problems {
  const declared = new Set((tree.json("package.json")["sideEffects"] ?? []) as string[]);
  return tree.sources(/^src\//).flatMap(({ path, code }) => {
    const statement = code.find(({ what }) => what.endsWith("Statement"));
    if ((statement !== undefined) === declared.has(`./${path}`)) return [];
    return statement === undefined
      ? [`package.json has ${path} among sideEffects, which has none`]
      : [`${path}:${statement.line} does something when it is loaded: name it in sideEffects`];
  });
}

/** `mod.ts` is two sorted lists: values, then types. */
export function modIsAList(tree: Tree): Problems {
  const path = "mod.ts";
  const problems: Problems = [];
  const { code, imports } = tree.source(path);
  for (const { line, what } of code) {
    problems.push(`${path}:${line} has a ${what}, not only re-exports`);
  }
  const lists = [...tree.text(path).matchAll(/^export (type )?\{([^}]*)\}/gm)];
  for (const [, , list = ""] of lists) {
    if (/\btype\s/.test(list)) problems.push(`${path} mixes a type into a list of values: ${list}`);
  }
  const kinds = imports.map(({ kind }) => kind);
  if (kinds.lastIndexOf("static") > kinds.indexOf("type") && kinds.includes("type")) {
    problems.push(`${path} has values below types`);
  }
  for (const what of ["values", "types"]) {
    const names = lists
      .filter(([, isType]) => (what === "types") === (isType !== undefined))
      .flatMap(([, , list = ""]) => list.split(",").map((name) => name.trim().toLowerCase()))
      .filter((name) => name !== "");
    if (names.join() !== [...names].sort().join()) problems.push(`${path}: ${what} are not sorted`);
  }
  return problems;
}

/** Dependencies without an exact version, under another name than their own, or in two versions. */
export function versionsPinned(tree: Tree): Problems {
  const problems: Problems = [];
  const versions = new Map<string, string>();
  for (const [key, target] of Object.entries(strings(tree, "deno.json", "imports"))) {
    const [, , name = "", version = "", file = ""] = REGISTRY.exec(target) ?? [];
    if (!EXACT.test(version)) {
      problems.push(`deno.json imports ${target}: the version is not exact`);
    }
    // Bun and Node know no import map: they find a package by its own name only.
    if (key !== name + file) problems.push(`deno.json imports ${target} under the name ${key}`);
    const other = versions.get(name) ?? version;
    if (other !== version) problems.push(`deno.json imports ${name} as ${other} and ${version}`);
    versions.set(name, version);
  }
  for (const group of ["dependencies", "devDependencies", "overrides"]) {
    for (const [name, version] of Object.entries(strings(tree, "package.json", group))) {
      if (!EXACT.test(version)) {
        problems.push(`package.json ${group}: ${name}@${version} is not exact`);
      }
    }
  }
  return problems;
}

/** Imports that nothing uses, or that the README does not explain. */
export function dependenciesUsed(tree: Tree): Problems {
  const problems: Problems = [];
  const readme = tree.text("README.md");
  const users = new Map<string, string[]>();
  for (const { path, imports } of tree.sources(/^/)) {
    for (const { specifier } of imports) {
      users.set(specifier, [...(users.get(specifier) ?? []), path]);
    }
  }
  for (const [key, target] of Object.entries(strings(tree, "deno.json", "imports"))) {
    const files = users.get(key) ?? [];
    const name = REGISTRY.exec(target)?.[2] ?? key;
    if (files.length === 0) problems.push(`deno.json imports ${key}, which nothing uses`);
    if (files.some((path) => path.startsWith("src/")) && !readme.includes(`\`${name}\``)) {
      problems.push(`README.md gives no reason for the dependency ${name}`);
    }
  }
  return problems;
}

/** Folders of `src` without tests beside them in `tests`. */
export function testsMirrorSources(tree: Tree): Problems {
  const folders = new Set(
    tree.paths(/^src\/[^/]+\//).map((path) => path.split("/")[1] ?? ""),
  );
  return [...folders]
    .filter((folder) => tree.paths(new RegExp(`^tests/${folder}/.*_test\\.ts$`)).length === 0)
    .map((folder) => `src/${folder} has no tests in tests/${folder}`);
}

/** Where generated files are, and what makes them. */
const GENERATORS: Readonly<Record<string, string>> = {
  "src/dashboard/gen/": "scripts/assets.ts",
  "src/gen/": "scripts/gen.ts",
};

/** Files that say that they are generated and are not where those are, or the other way round. */
export function generatedMarked(tree: Tree): Problems {
  return tree.paths(/\.ts$/).flatMap((path) => {
    const by = /^\/\/ @generated by (\S+)/.exec(tree.text(path))?.[1];
    const place = Object.keys(GENERATORS).find((folder) => path.startsWith(folder));
    if (by === (place && GENERATORS[place])) return [];
    return [
      by ? `${path} is generated by ${by}, but not in its place` : `${path} is not generated`,
    ];
  });
}
