/** Reads the project's own files. What is checked, and why, is said in `tests/tidy`. */

import assert from "node:assert/strict";
import { describe, it } from "node:test";
import * as bans from "./tidy/bans.ts";
import { importDirection } from "./tidy/direction.ts";
import * as agreement from "./tidy/exports.ts";
import * as lengths from "./tidy/lengths.ts";
import { deadFiles, entryPoints } from "./tidy/reach.ts";
import { type Problems, readTree, type Tree } from "./tidy/tree.ts";

const tree = readTree(new URL("../", import.meta.url));

const CHECKS: Readonly<Record<string, (tree: Tree) => Problems>> = {
  "imports go downwards": importDirection,
  "files have at most 400 lines": lengths.fileLengths,
  "functions have at most 70 lines": lengths.functionLengths,
  "lines have at most 100 columns": lengths.lineLengths,
  "all syntax can be erased, and nothing is any": bans.syntax,
  "no error is known by instanceof": bans.errorTests,
  "Deno, Bun, Node and the console are in their places": bans.runtimeBound,
  "nothing is left to do": bans.leftovers,
  "no path is absolute": bans.absolutePaths,
  "exports and published files exist": agreement.exportsExist,
  "deno.json and package.json export the same": agreement.exportsAgree,
  "entry points have a doc with an example": agreement.entryPointsExplained,
  "what modules do when they are loaded is declared": agreement.sideEffectsDeclared,
  "mod.ts is two sorted lists": agreement.modIsAList,
  "versions are exact": agreement.versionsPinned,
  "dependencies are used and explained": agreement.dependenciesUsed,
  "each folder of src has tests": agreement.testsMirrorSources,
  "generated code is in src/gen and says so": agreement.generatedMarked,
  "entry points load no more than the table allows": entryPoints,
  "no file of src is dead": deadFiles,
};

describe("the project's files", () => {
  it("are all found", () => {
    assert.ok(tree.paths(/^src\/.*\.ts$/).length > 10);
    assert.ok(tree.has("deno.json"));
  });
  for (const [rule, check] of Object.entries(CHECKS)) {
    it(rule, () => assert.deepEqual(check(tree), []));
  }
});
