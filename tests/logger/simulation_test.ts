import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { testSeed } from "../helpers.ts";
import {
  FOUND_DEFECTS,
  FURTHER_DEFECTS,
  ORIGINAL_DEFECTS,
  REVIEWED_DEFECTS,
} from "./simulation/defects.ts";
import { findDefect, simulate } from "./simulation/simulate.ts";
import { loadVariant } from "./simulation/variant.ts";

const SEEDS = 400;

describe("JobEventLogger in a simulation", () => {
  for (const [what, first] of [["the same", 1], ["other", testSeed()]] as const) {
    it(`keeps its promises with ${what} seeds`, { timeout: 60_000 }, async () => {
      for (let seed = first; seed < first + SEEDS / 2; seed++) {
        const { violations } = await simulate(seed);
        assert.deepEqual(violations, [], `see \`deno task simulate --seed ${seed}\``);
      }
    });
  }

  it("goes the same way with the same seed", async () => {
    const runs: string[][] = [[], []];
    for (const lines of runs) await simulate(1, { trace: (line) => lines.push(line) });
    assert.deepEqual(runs[0], runs[1]);
    assert.ok(runs[0]!.length > 20);
  });
});

describe("the simulation of JobEventLogger", () => {
  for (
    const defect of [...ORIGINAL_DEFECTS, ...FOUND_DEFECTS, ...REVIEWED_DEFECTS, ...FURTHER_DEFECTS]
  ) {
    it(`finds: ${defect.name}`, { timeout: 60_000 }, async () => {
      assert.notEqual(await findDefect(defect), undefined, "no seed shows it");
    });
  }

  it("says so when a defect cannot be put in any more", async () => {
    const edits = [{ file: "sender.ts", from: "no such text", to: "" }];
    await assert.rejects(
      loadVariant({ name: "gone", edits, shows: /never/ }),
      /"gone" cannot be put into src\/logger\/sender\.ts: 0 × no such text/,
    );
  });
});
