import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { isTraceparent } from "../../src/event/traceparent.ts";

describe("isTraceparent()", () => {
  const trace = "0af7651916cd43dd8448eb211c80319c";
  const parent = "b7ad6b7169203331";

  it("takes version 00 of W3C Trace Context", () => {
    assert.equal(isTraceparent(`00-${trace}-${parent}-01`), true);
    assert.equal(isTraceparent(`00-${trace}-${parent}-00`), true);
  });

  it("takes nothing else", () => {
    const wrong = [
      `01-${trace}-${parent}-01`,
      `00-${trace.toUpperCase()}-${parent}-01`,
      `00-${trace.slice(1)}-${parent}-01`,
      `00-${trace}-${parent}0-01`,
      `00-${"0".repeat(32)}-${parent}-01`,
      `00-${trace}-${"0".repeat(16)}-01`,
      `00-${trace}-${parent}-1`,
      `00-${trace}-${parent}-01\n`,
      ` 00-${trace}-${parent}-01`,
      "",
      7,
      undefined,
      null,
      [`00-${trace}-${parent}-01`],
    ];
    for (const value of wrong) assert.equal(isTraceparent(value), false, String(value));
  });
});
