import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { compileFilter, compileRange } from "../../src/storage/filter.ts";
import type { JobEventFilter } from "../../src/storage/storage.ts";
import { expected, FILTERS, history } from "./events.ts";

describe("compileFilter()", () => {
  const events = history();

  for (const [label, filter] of Object.entries(FILTERS)) {
    it(`matches by ${label}`, () => {
      const { matches, impossible } = compileFilter(filter);
      assert.equal(impossible, false);
      assert.deepEqual(events.filter(matches), expected(events, filter));
    });
  }

  it("knows what no event can match", () => {
    const none: JobEventFilter[] = [
      { eventType: [] },
      { since: new Date(2), until: new Date(1) },
      { tags: { "\udc00": "x" } },
    ];
    for (const filter of none) assert.equal(compileFilter(filter).impossible, true);
    assert.equal(compileFilter({ since: new Date(1), until: new Date(1) }).impossible, false);
  });

  it("has no time range for a timestamp that is not a number", () => {
    const event = { ...events[0]!, timestamp: NaN };
    assert.equal(compileFilter({}).matches(event), true);
    assert.equal(compileFilter({ since: new Date(0) }).matches(event), false);
    assert.equal(compileFilter({ until: new Date(0) }).matches(event), false);
  });

  it("refuses ids that no event can have", () => {
    for (const name of ["jobId", "workerId", "queueName"]) {
      assert.throws(() => compileFilter({ [name]: "" }), RangeError);
      assert.throws(() => compileFilter({ [name]: "x".repeat(256) }), RangeError);
      assert.throws(() => compileFilter({ [name]: "\ud800" }), TypeError);
    }
  });
});

describe("compileRange()", () => {
  it("fills the defaults", () => {
    assert.deepEqual(compileRange({}), {
      limit: Infinity,
      offset: 0,
      afterSequence: 0,
      order: "oldest",
    });
  });

  it("refuses what is no range", () => {
    assert.throws(() => compileRange({ limit: -1 }), /limit must be a whole number .* got -1/);
    assert.throws(() => compileRange({ offset: 2 ** 53 }), RangeError);
    assert.throws(() => compileRange({ afterSequence: 1.5 }), RangeError);
    assert.throws(() => compileRange({ order: "up" as "oldest" }), TypeError);
  });
});
