import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { MemoryTaskResultStorage } from "../../src/results/mod.ts";
import { resultsSuite } from "./suite.ts";

resultsSuite("MemoryTaskResultStorage", {
  open: (options) => Promise.resolve(new MemoryTaskResultStorage(options)),
});

describe("MemoryTaskResultStorage: bounds", () => {
  it("maxResults lets the oldest go", async () => {
    await using storage = new MemoryTaskResultStorage({ maxResults: 2 });
    for (const id of ["a", "b", "a", "c"]) await storage.set({ id, state: "completed" });
    assert.deepEqual((await storage.list()).map(({ id }) => id), ["a", "c"]);
    assert.equal((await storage.healthCheck()).messages, 2);
  });

  it("refuses bounds that are no bounds", () => {
    for (const name of ["defaultTtlMs", "maxResults", "maxResultBytes"]) {
      assert.throws(() => new MemoryTaskResultStorage({ [name]: 0 }), RangeError);
    }
  });
});
