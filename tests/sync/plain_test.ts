import assert from "node:assert/strict";
import { join } from "node:path";
import { describe, it } from "node:test";
import { openStorageSync } from "../../src/sync/mod.ts";
import { runChild } from "../child.ts";
import { temporaryDirectory } from "../helpers.ts";

const script = new URL("./plain_child.ts", import.meta.url);

const jobs = (count: number): string[] => Array.from({ length: count }, (_, n) => `job-${n}`);

/** The jobs in a file, in the order in which they were stored. */
function stored(url: string): string[] {
  using storage = openStorageSync(url);
  return [...storage.readEventsSync()].map(({ jobId }) => jobId);
}

describe("a script without any await", () => {
  for (const scheme of ["memory:", "sqlite:"]) {
    it(`logs, flushes, reads back and ends by itself: ${scheme}`, async () => {
      await using directory = await temporaryDirectory();
      const url = scheme === "memory:" ? scheme : `sqlite:${join(directory.path, "a.sqlite")}`;
      await using child = runChild(script, "all", url, "1000");
      assert.equal(await child.ended(20_000), 0, child.errors);
      const [report, read] = child.lines.map((line) => JSON.parse(line));
      // Full batches may be stored before the flush.
      assert.equal(report.pending, 0);
      assert.deepEqual(read, jobs(1000));
      assert.equal(child.errors, "");
    });
  }

  const ends = { leave: 0, exit: 3, "exit of the runtime": 3, throw: 1 };
  for (const [role, code] of Object.entries(ends)) {
    it(`loses nothing at its end, without stopSync(): ${role}`, async () => {
      await using directory = await temporaryDirectory();
      const url = `sqlite:${join(directory.path, "a.sqlite")}`;
      await using child = runChild(script, role, url, "9990");
      assert.equal(await child.ended(20_000), code, child.errors);
      assert.deepEqual(stored(url), jobs(9990));
    });
  }

  it("has its events delivered although it blocks its thread", async () => {
    await using directory = await temporaryDirectory();
    const url = `sqlite:${join(directory.path, "a.sqlite")}`;
    await using child = runChild(script, "busy", url, "7");
    assert.equal(await child.ended(30_000), 0, child.errors);
    assert.equal(child.lines.length, 1, "the events were not delivered while it was busy");
  });
});
