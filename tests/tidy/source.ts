/** What the checks need to know of a TypeScript file, from one walk over its syntax tree. */

import { parse } from "@babel/parser";

/** Something at a line. */
export interface Spot {
  /** The line, from 1. */
  readonly line: number;
  /** What is there, in words. */
  readonly what: string;
}

/** A reference from one module to another. */
export interface Import {
  /** The line, from 1. */
  readonly line: number;
  /** As it is written. */
  readonly specifier: string;
  /** Only types; at load; or later, by `import()` or as a worker's URL. */
  readonly kind: "type" | "static" | "dynamic";
  /** The path it means, for a relative one. */
  readonly path?: string;
}

/** A function with its length. */
export interface FunctionLength extends Spot {
  /** How many lines it takes. */
  readonly lines: number;
  /** It declares tests, so that it is as long as they are. */
  readonly isSuite: boolean;
}

/** A TypeScript file. */
export interface Source {
  /** Its path from the project's directory. */
  readonly path: string;
  /** All imports, re-exports included. */
  readonly imports: readonly Import[];
  /** All functions and methods. */
  readonly functions: readonly FunctionLength[];
  /** Syntax that erasing the types does not remove, and `any`. */
  readonly forbiddenSyntax: readonly Spot[];
  /** `instanceof` with an error class. */
  readonly errorTests: readonly Spot[];
  /** Uses of `Deno`, `Bun`, `process`, `Buffer` and `console` that the file does not declare. */
  readonly globals: readonly Spot[];
  /** Lines inside template literals of several lines: text whose breaks may matter. */
  readonly textLines: readonly number[];
  /** Statements at the top of the file that are no re-export. */
  readonly code: readonly Spot[];
}

interface Node {
  readonly type: string;
  readonly loc: { readonly start: { line: number }; readonly end: { line: number } };
  readonly [key: string]: unknown;
}

type Mutable<T> = { -readonly [K in keyof T]: T[K] extends readonly (infer E)[] ? E[] : T[K] };

const FUNCTIONS = new Set([
  "FunctionDeclaration",
  "FunctionExpression",
  "ArrowFunctionExpression",
  "ObjectMethod",
  "ClassMethod",
  "ClassPrivateMethod",
]);

const TEST_CALLS = new Set(["describe", "it", "test"]);

const GLOBALS = new Set(["Deno", "Bun", "process", "Buffer", "console"]);

const FORBIDDEN = new Map([
  ["TSAnyKeyword", "the type any"],
  ["TSEnumDeclaration", "an enum"],
  ["TSParameterProperty", "a parameter property"],
  ["TSModuleDeclaration", "a namespace"],
]);

function isNode(value: unknown): value is Node {
  return typeof value === "object" && value !== null && "type" in value && "loc" in value;
}

function* children(node: Node): Generator<Node> {
  for (const value of Object.values(node)) {
    for (const item of Array.isArray(value) ? value : [value]) if (isNode(item)) yield item;
  }
}

function* descendants(node: Node): Generator<Node> {
  yield node;
  for (const child of children(node)) yield* descendants(child);
}

function nameOf(node: unknown): string | undefined {
  if (!isNode(node)) return undefined;
  if (node.type === "PrivateName") return `#${nameOf(node["id"])}`;
  return node.type === "Identifier" ? String(node["name"]) : undefined;
}

function stringOf(node: unknown): string | undefined {
  return isNode(node) && node.type === "StringLiteral" ? String(node["value"]) : undefined;
}

/** The path that a relative specifier means. */
export function resolvePath(from: string, specifier: string): string {
  return new URL(specifier, `file:///${from}`).pathname.slice(1);
}

function importOf(node: Node): Omit<Import, "line" | "path"> | undefined {
  const specifier = stringOf(node["source"]);
  switch (node.type) {
    case "ImportDeclaration":
    case "ExportNamedDeclaration":
    case "ExportAllDeclaration": {
      if (specifier === undefined) return undefined;
      const isType = node["importKind"] === "type" || node["exportKind"] === "type";
      return { specifier, kind: isType ? "type" : "static" };
    }
    case "ImportExpression":
      return specifier === undefined ? undefined : { specifier, kind: "dynamic" };
    case "TSImportType":
      return specifier === undefined ? undefined : { specifier, kind: "type" };
    case "NewExpression": {
      // A worker's file is named by `new URL("./file.ts", import.meta.url)`.
      const [file] = node["arguments"] as readonly unknown[];
      const url = nameOf(node["callee"]) === "URL" ? stringOf(file) : undefined;
      return url?.endsWith(".ts") ? { specifier: url, kind: "dynamic" } : undefined;
    }
  }
  return undefined;
}

function isTestCall(node: Node): boolean {
  return node.type === "CallExpression" && TEST_CALLS.has(nameOf(node["callee"]) ?? "");
}

/** Whether a function declares tests, itself or, as what `describe` calls, with others' help. */
function isSuite(node: Node, parent: Node): boolean {
  if (isTestCall(parent) && nameOf(parent["callee"]) === "describe") return true;
  for (const inner of descendants(node)) if (isTestCall(inner)) return true;
  return false;
}

/** The names that a file imports or declares as variables, functions or parameters. */
function declaredNames(program: Node): Set<string> {
  const names = new Set<string>();
  const add = (value: unknown) => {
    const name = nameOf(value);
    if (name !== undefined) names.add(name);
  };
  for (const node of descendants(program)) {
    if (node.type === "VariableDeclarator" || node.type === "FunctionDeclaration") add(node["id"]);
    if (/^Import.*Specifier$/.test(node.type)) add(node["local"]);
    if (FUNCTIONS.has(node.type)) { for (const param of node["params"] as unknown[]) add(param); }
  }
  return names;
}

function globalOf(node: Node, declared: ReadonlySet<string>): string | undefined {
  if (node.type !== "MemberExpression" && node.type !== "OptionalMemberExpression") return;
  const object = nameOf(node["object"]) ?? "";
  const property = nameOf(node["property"]) ?? "";
  const name = object === "globalThis" ? property : declared.has(object) ? "" : object;
  return GLOBALS.has(name) ? name : undefined;
}

function visitFunction(node: Node, parent: Node, source: Mutable<Source>): void {
  const { start, end } = node.loc;
  const what = nameOf(node["id"]) ?? nameOf(node["key"]) ?? "a function";
  const lines = end.line - start.line + 1;
  source.functions.push({ line: start.line, what, lines, isSuite: isSuite(node, parent) });
}

function visit(
  node: Node,
  parent: Node,
  source: Mutable<Source>,
  declared: ReadonlySet<string>,
): void {
  const line = node.loc.start.line;
  const found = importOf(node);
  if (found !== undefined) {
    const isRelative = found.specifier.startsWith(".");
    const path = isRelative ? { path: resolvePath(source.path, found.specifier) } : {};
    source.imports.push({ line, ...found, ...path });
  }
  if (FUNCTIONS.has(node.type)) visitFunction(node, parent, source);
  if (node.type === "TemplateLiteral") {
    const last = node.loc.end.line;
    for (let inside = line; last > line && inside <= last; inside++) source.textLines.push(inside);
  }
  const forbidden = FORBIDDEN.get(node.type);
  if (forbidden !== undefined) source.forbiddenSyntax.push({ line, what: forbidden });
  const kind = String(node["kind"]);
  // Tests may use it: they do not run on Node 22.
  if (kind.endsWith("using") && source.path.startsWith("src/")) {
    source.forbiddenSyntax.push({ line, what: `\`${kind}\`, which Node 22 cannot read` });
  }
  if (node.type === "BinaryExpression" && node["operator"] === "instanceof") {
    const right = nameOf(node["right"]);
    if (right?.endsWith("Error")) source.errorTests.push({ line, what: `instanceof ${right}` });
  }
  const name = globalOf(node, declared);
  if (name !== undefined) source.globals.push({ line, what: name });
  for (const child of children(node)) visit(child, node, source, declared);
}

/** Reads a TypeScript file. */
export function readSource(path: string, text: string): Source {
  const file: unknown = parse(text, {
    sourceType: "module",
    sourceFilename: path,
    createImportExpressions: true,
    plugins: path.endsWith("x") ? ["typescript", "jsx"] : ["typescript"],
  });
  const program = (file as { program: Node }).program;
  const source: Mutable<Source> = {
    path,
    imports: [],
    functions: [],
    forbiddenSyntax: [],
    errorTests: [],
    globals: [],
    textLines: [],
    code: [],
  };
  visit(program, program, source, declaredNames(program));
  for (const node of program["body"] as readonly Node[]) {
    const isReexport = node.type === "ExportNamedDeclaration" && isNode(node["source"]);
    if (!isReexport) source.code.push({ line: node.loc.start.line, what: node.type });
  }
  return source;
}
