/** What the documents point to is there. */

import assert from "node:assert/strict";
import { existsSync, globSync, readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { describe, it } from "node:test";
import { ROOT } from "../../scripts/runtimes.ts";

const documents = globSync(["*.md", "docs/*.md"], { cwd: ROOT });
const { tasks } = JSON.parse(readFileSync(join(ROOT, "deno.json"), "utf8"));

for (const path of documents) {
  const text = readFileSync(join(ROOT, path), "utf8");
  describe(path, () => {
    it("links to files that are there", () => {
      const targets = [...text.matchAll(/\]\((?!\w+:|#)([^)#]+)/g)].map(([, target]) => target!);
      const missing = targets.filter((target) => !existsSync(join(ROOT, dirname(path), target)));
      assert.deepEqual(missing, []);
    });

    it("names tasks that are there", () => {
      const names = [...text.matchAll(/\bdeno task ([a-z:]+)/g)].map(([, name]) => name!);
      assert.deepEqual(names.filter((name) => !(name in tasks)), []);
    });
  });
}
