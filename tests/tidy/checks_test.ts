/** Each check finds what it is there for in a tiny tree that has it, and nothing in one without. */

import assert from "node:assert/strict";
import { describe, it } from "node:test";
import * as bans from "./bans.ts";
import { importDirection } from "./direction.ts";
import * as agreement from "./exports.ts";
import * as lengths from "./lengths.ts";
import { deadFiles, entryPoints } from "./reach.ts";
import { type Problems, readTree, Tree } from "./tree.ts";

type Files = Readonly<Record<string, string>>;

/** The check accepts the good trees and says of each bad one what is wrong with it. */
function prove(
  name: string,
  check: (tree: Tree) => Problems,
  good: readonly Files[],
  bad: readonly (readonly [files: Files, says: RegExp])[],
): void {
  describe(name, () => {
    for (const [index, files] of good.entries()) {
      it(`accepts good tree ${index + 1}`, () => assert.deepEqual(check(new Tree(files)), []));
    }
    for (const [files, says] of bad) {
      it(`finds ${says.source}`, () => {
        const problems = check(new Tree(files));
        assert.equal(problems.length, 1, problems.join("\n") || "no problem found");
        assert.match(problems[0] ?? "", says);
      });
    }
  });
}

const json = (value: unknown): string => JSON.stringify(value);
const linesOf = (count: number, text: string): string => `${text}\n`.repeat(count);

prove("importDirection()", importDirection, [
  { "src/processor/a.ts": `import "../logger/b.ts"; import "npm";`, "src/logger/b.ts": "" },
  { "src/nats/a.ts": `import type { A } from "../storage/storage.ts";` },
  { "src/cli/mod.ts": `import "./args.ts"; import "../open.ts";` },
], [
  [{ "src/event/a.ts": `import "../storage/memory.ts";` }, /a\.ts:1 imports upwards: src\/storage/],
  [{ "src/event/a.ts": `\nexport * from "../nats/b.ts";` }, /a\.ts:2 imports upwards/],
  [{ "src/nats/a.ts": `import type { A } from "../storage/row.ts";` }, /imports upwards/],
  [{ "src/logger/a.ts": `await import("../open.ts");` }, /imports upwards: src\/open\.ts/],
  [{ "src/logger/a.ts": `let a: typeof import("../emit.ts");` }, /imports upwards: src\/emit\.ts/],
  [{ "src/open.ts": `import "./cli/mod.ts";` }, /which is a program/],
  [{ "src/logger/a.ts": `import "../../scripts/b.ts";` }, /scripts\/b\.ts, which is in no layer/],
  [{ "src/other/a.ts": "" }, /src\/other\/a\.ts is in no layer/],
]);

prove("fileLengths()", lengths.fileLengths, [
  { "src/a.ts": linesOf(400, "//"), "src/gen/b.ts": linesOf(500, "//") },
], [
  [{ "tests/a.ts": linesOf(401, "//") }, /tests\/a\.ts has 401 lines/],
]);

prove("functionLengths()", lengths.functionLengths, [
  { "src/a.ts": `function a() {\n${linesOf(68, "//")}}` },
  { "src/gen/a.ts": `function a() {\n${linesOf(99, "//")}}` },
  { "tests/a.ts": `describe("a", () => {\n${linesOf(99, "check();")}});` },
  { "tests/a.ts": `function suite() {\n${linesOf(99, "it();")}}` },
], [
  [{ "src/a.ts": `function a() {\n${linesOf(69, "//")}}` }, /a\.ts:1 a has 71 lines/],
  [{ "src/a.ts": `class A {\n  #b() {\n${linesOf(69, "//")}}}` }, /a\.ts:2 #b has 71 lines/],
  [{ "tests/a.ts": `it("a", () => {\n${linesOf(69, "//")}});` }, /a\.ts:1 a function has 71/],
]);

prove("lineLengths()", lengths.lineLengths, [
  { "src/a.ts": `// ${"ä".repeat(97)}`, "README.md": "x".repeat(200) },
  { "tests/a.ts": `const text = \`\n${"x".repeat(200)}\n\`;` },
], [
  [{ "src/a.ts": `\n// ${"x".repeat(98)}` }, /src\/a\.ts:2 has 101 columns/],
  [{ "src/a.ts": `const text = \`${"x".repeat(98)}\`;` }, /src\/a\.ts:1 has/],
]);

prove("syntax()", bans.syntax, [
  { "src/a.ts": `// any enum\nlet any: unknown = "any";` },
], [
  [{ "src/a.ts": `let a: any;` }, /a\.ts:1 has the type any/],
  [{ "src/a.ts": `await using a = b();` }, /a\.ts:1 has `await using`, which Node 22/],
  [{ "src/a.ts": `let a = b as Map<string, any[]>;` }, /the type any/],
  [{ "tests/a.ts": `enum A { B }` }, /tests\/a\.ts:1 has an enum/],
  [{ "src/a.ts": `class A { constructor(readonly a: string) {} }` }, /a parameter property/],
  [{ "src/a.ts": `namespace A { export const a = 1; }` }, /a namespace/],
]);

prove("errorTests()", bans.errorTests, [
  { "src/a.ts": `a instanceof Map;`, "tests/a.ts": `a instanceof TypeError;` },
], [
  [{ "src/a.ts": `if (a instanceof JetStreamError) b();` }, /a\.ts:1 has instanceof JetStreamE/],
  [{ "src/a.ts": `!(a instanceof Error);` }, /instanceof Error/],
]);

prove("runtimeBound()", bans.runtimeBound, [
  { "src/a.ts": `// Deno.env node:fs\nfunction a(process: A) { process.run(); }` },
  { "src/logger/console_report.ts": `console.warn("a");`, "scripts/a.ts": `Deno.exit();` },
  { "src/storage/sqlite/a.ts": `import { DatabaseSync } from "node:sqlite";` },
], [
  [{ "src/a.ts": `a(Deno.pid);` }, /src\/a\.ts:1 uses Deno outside/],
  [{ "mod.ts": `globalThis.Bun?.version;` }, /mod\.ts:1 uses Bun/],
  [{ "src/a.ts": `process.env["A"];` }, /uses process/],
  [{ "src/a.ts": `Buffer.from("a");` }, /uses Buffer/],
  [{ "src/logger/a.ts": `console.log("a");` }, /uses console/],
  [{ "src/a.ts": `import "node:fs";` }, /uses node:fs/],
  [{ "src/a.ts": `import type { A } from "node:fs";` }, /uses node:fs/],
  [{ "src/a.ts": `await import("node:sqlite");` }, /uses node:sqlite/],
]);

prove("leftovers()", bans.leftovers, [{ "src/a.ts": "// todos, FIXMEUP" }], [
  [{ "src/a.ts": `// ${"TO" + "DO"}: later` }, /src\/a\.ts:1 has a leftover/],
  [{ "README.md": `a\n${"FIX" + "ME"}` }, /README\.md:2 has a leftover/],
]);

const slash = "/";
prove("absolutePaths()", bans.absolutePaths, [
  { "src/a.ts": `"./work/a" "a/tmp/b" "https://example.com/home/" "*${slash}tmp/a" "/worker"` },
], [
  [{ "src/a.ts": `"${slash}tmp/a"` }, /a\.ts:1 has an absolute path/],
  [{ ".ci/run": `cd ${slash}work` }, /\.ci\/run:1 has an absolute path/],
  [{ "README.md": `sqlite:${slash}home/me/a.db` }, /README\.md:1/],
]);

prove("exportsExist()", agreement.exportsExist, [
  {
    "deno.json": json({ exports: { ".": "./mod.ts" }, publish: { include: ["src"] } }),
    "mod.ts": "",
    "src/a.ts": "",
  },
], [
  [{ "deno.json": json({ exports: { "./a": "./src/a.ts" } }) }, /exports "\.\/a", but/],
  [{ "deno.json": json({ publish: { include: ["docs"] } }) }, /publishes docs/],
]);

const exporting = (path: string, exports: Files): Files => ({ [path]: json({ exports }) });
prove("exportsAgree()", agreement.exportsAgree, [
  {
    ...exporting("deno.json", { ".": "./mod.ts" }),
    ...exporting("package.json", { ".": "./mod.ts" }),
  },
], [
  [exporting("deno.json", { "./a": "./a.ts" }), /"\.\/a" is not the same/],
  [exporting("package.json", { ".": "./mod.ts" }), /"\." is not the same/],
]);

const entry = (text: string): Files => ({
  ...exporting("deno.json", { "./a": "./src/a.ts" }),
  "src/a.ts": text,
});
const example = " * @example\n * ```ts\n * a();\n * ```\n *\n";
prove("entryPointsExplained()", agreement.entryPointsExplained, [
  entry(`/**\n * A.\n *\n${example} * @module\n */\nexport const a = 1;`),
  { "src/a.ts": "" },
], [
  [entry(""), /\.\/a: src\/a\.ts begins with no module doc/],
  [entry(`/**\n * A.\n *\n${example} */`), /no module doc/],
  [entry(`export const a = 1;\n/**\n${example} * @module\n */`), /no module doc/],
  [entry(`/**\n * A.\n *\n * @module\n */\n/**\n${example} */`), /src\/a\.ts has no example/],
]);

const effects = (...paths: string[]): Files => ({ "package.json": json({ sideEffects: paths }) });
prove("sideEffectsDeclared()", agreement.sideEffectsDeclared, [
  { ...effects("./src/a.ts"), "src/a.ts": "run();", "src/b.ts": "const b = make();" },
], [
  [{ "src/a.ts": "\nif (a) run();" }, /a\.ts:2 does something/],
  [{ ...effects("./src/a.ts"), "src/a.ts": "export const a = 1;" }, /src\/a\.ts among sideEffects/],
]);

prove("modIsAList()", agreement.modIsAList, [
  {
    "mod.ts": `export { a } from "./a.ts";\nexport { b } from "./b.ts";\n\n` +
      `export type { A } from "./a.ts";`,
  },
], [
  [{ "mod.ts": `export const a = 1;` }, /mod\.ts:1 has a ExportNamedDeclaration/],
  [{ "mod.ts": `\nexport * from "./a.ts";` }, /mod\.ts:2 has a ExportAllDeclaration/],
  [{ "mod.ts": `export { a, type B } from "./a.ts";` }, /mixes a type/],
  [{ "mod.ts": `export { b } from "./b.ts";\nexport { a } from "./a.ts";` }, /not sorted/],
  [
    { "mod.ts": `export type { B } from "./a.ts";\nexport { a } from "./a.ts";` },
    /values below types/,
  ],
]);

const imports = (value: Files): Files => ({ "deno.json": json({ imports: value }) });
prove("versionsPinned()", agreement.versionsPinned, [
  imports({ a: "npm:a@1.2.3", "a/b": "npm:a@1.2.3/b", "@a/b": "jsr:@a/b@0.1.0-rc.1" }),
  { "package.json": json({ devDependencies: { a: "1.0.0" }, overrides: { b: "3.0.4" } }) },
], [
  [imports({ a: "npm:a@^1.2.3" }), /npm:a@\^1\.2\.3: the version is not exact/],
  [imports({ a: "npm:a@1" }), /not exact/],
  [imports({ other: "npm:a@1.2.3" }), /under the name other/],
  [imports({ a: "npm:a@1.2.3", "a/b": "npm:a@1.2.4/b" }), /a as 1\.2\.3 and 1\.2\.4/],
  [{ "package.json": json({ overrides: { b: "~3.0.4" } }) }, /overrides: b@~3\.0\.4 is not exact/],
]);

prove("dependenciesUsed()", agreement.dependenciesUsed, [
  { ...imports({ a: "npm:a@1.0.0" }), "tests/a.ts": `import "a";` },
  { ...imports({ a: "npm:a@1.0.0" }), "src/a.ts": `import "a";`, "README.md": "`a`: why" },
], [
  [{ ...imports({ a: "npm:a@1.0.0" }) }, /imports a, which nothing uses/],
  [{ ...imports({ a: "npm:a@1.0.0" }), "src/a.ts": `import "a";` }, /no reason for the depend/],
]);

prove("testsMirrorSources()", agreement.testsMirrorSources, [
  { "src/a/b/c.ts": "", "src/d.ts": "", "tests/a/c_test.ts": "" },
], [
  [{ "src/a/c.ts": "", "tests/a/helpers.ts": "" }, /src\/a has no tests in tests\/a/],
]);

const mark = "// @generated by scripts/gen.ts from a.proto\n";
prove("generatedMarked()", agreement.generatedMarked, [
  { "src/gen/a.ts": mark, "src/a.ts": "" },
], [
  [{ "src/gen/a.ts": "" }, /src\/gen\/a\.ts is not generated/],
  [{ "src/a.ts": mark }, /src\/a\.ts is generated by scripts\/gen\.ts, but/],
  [{ "src/dashboard/gen/a.ts": mark }, /generated by scripts\/gen\.ts, but not in its place/],
]);

// Those of the package itself, since each of them has a row in the table.
const { exports } = readTree(new URL("../../", import.meta.url)).json("deno.json");
const entries = json({ exports });
const loads = (path: string, text: string): Files => ({ "deno.json": entries, [path]: text });
prove("entryPoints()", entryPoints, [
  loads("src/emit.ts", `import type { A } from "./storage/storage.ts";`),
  loads("src/connect/ws.ts", `import "@nats-io/nats-core/internal";`),
  loads("src/storage/sqlite.ts", `import "node:sqlite";`),
], [
  [loads("src/emit.ts", `import "@nats-io/jetstream";`), /\.\/emit loads @nats-io\/jetstream/],
  [loads("src/emit.ts", `import "node:fs";`), /\.\/emit loads node:fs, by src\/emit\.ts/],
  [
    {
      ...loads("src/emit.ts", `import "./b.ts";`),
      "src/b.ts": `export * from "./gen/decode.ts";`,
      "src/gen/decode.ts": "",
    },
    /\.\/emit loads src\/gen\/decode\.ts/,
  ],
  [
    { ...loads("mod.ts", `await import("./src/storage/sqlite.ts");`), "src/storage/sqlite.ts": "" },
    /^\. loads src\/storage\/sqlite\.ts/,
  ],
  [{ "deno.json": entries.replace("}", `,"./b":"./b.ts"}`) }, /export \.\/b has no row/],
  [{ "deno.json": entries.replace(`".":"./mod.ts",`, "") }, /has a row for \.: no export/],
]);

prove("deadFiles()", deadFiles, [
  {
    ...loads("mod.ts", `export type { A } from "./src/a.ts";`),
    "src/a.ts": `await import("./b.ts");`,
    "src/b.ts": "",
  },
  { ...loads("mod.ts", `new Worker(new URL("./src/a.ts", import.meta.url));`), "src/a.ts": "" },
], [
  [{ ...loads("mod.ts", ""), "src/a.ts": "" }, /src\/a\.ts is reached from no export/],
]);
