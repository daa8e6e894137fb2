/** The files that are looked at, as text and, once it is asked for, as what their syntax holds. */

import { lstatSync, readdirSync, readFileSync } from "node:fs";
import { readSource, type Source } from "./source.ts";

/** What a check found, as a line that says where and what. */
export type Problems = string[];

const FOLDERS = [".ci", "docs", "examples", "schema", "scripts", "src", "tests"];
const SKIPPED = new Set(["node_modules", "fixtures"]);
const TEXT = /\.(tsx?|md|json|proto|html|css|js)$|^LICENSE$|^\.ci\/run$|^\.gitignore$/;

/** Files by their path from the project's directory. */
export class Tree {
  readonly #files: ReadonlyMap<string, string>;
  readonly #sources = new Map<string, Source>();

  constructor(files: Readonly<Record<string, string>>) {
    this.#files = new Map(Object.entries(files));
  }

  /** All paths that match, sorted. */
  paths(pattern: RegExp = /^/): string[] {
    return [...this.#files.keys()].filter((path) => pattern.test(path)).sort();
  }

  /** Whether there is such a file. */
  has(path: string): boolean {
    return this.#files.has(path);
  }

  /** The text of a file; empty if there is none. */
  text(path: string): string {
    return this.#files.get(path) ?? "";
  }

  /** The syntax of a TypeScript file. */
  source(path: string): Source {
    const known = this.#sources.get(path);
    if (known !== undefined) return known;
    const source = readSource(path, this.text(path));
    this.#sources.set(path, source);
    return source;
  }

  /** The sources of all TypeScript files whose path matches. */
  sources(pattern: RegExp): Source[] {
    return this.paths(pattern).filter((path) => /\.tsx?$/.test(path)).map((path) =>
      this.source(path)
    );
  }

  /** The content of a JSON file; an empty object if there is none. */
  json(path: string): Record<string, unknown> {
    return JSON.parse(this.text(path) || "{}");
  }
}

function* walk(root: URL, folder: string): Generator<string> {
  for (const name of readdirSync(new URL(folder, root))) {
    const path = folder + name;
    if (SKIPPED.has(name)) continue;
    const stat = lstatSync(new URL(path, root));
    if (stat.isDirectory()) yield* walk(root, `${path}/`);
    else if (stat.isFile() && TEXT.test(path)) yield path;
  }
}

/** Reads the project: what is at its top, and the folders it consists of. */
export function readTree(root: URL): Tree {
  const files: Record<string, string> = {};
  const read = (path: string) => files[path] = readFileSync(new URL(path, root), "utf8");
  for (const entry of readdirSync(root, { withFileTypes: true })) {
    if (entry.isFile() && TEXT.test(entry.name)) read(entry.name);
    else if (FOLDERS.includes(entry.name)) {
      for (const p of walk(root, `${entry.name}/`)) read(p);
    }
  }
  return new Tree(files);
}
