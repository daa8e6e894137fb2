import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { stop } from "esbuild";
import { tooHeavy, weighBundles } from "../../scripts/size/bundles.ts";

const LONG = { timeout: 60_000 };

describe("The bundles of the entry points", LONG, () => {
  it("weigh no more than they may", LONG, async () => {
    const sizes = await weighBundles();
    await stop();
    assert.deepEqual(tooHeavy(sizes), []);
    const own = sizes.filter(({ entry }) => entry === "." || entry === "./emit");
    const parts = own.flatMap((size) => Object.keys(size.parts));
    assert.deepEqual(parts.filter((part) => !part.startsWith("src")), [], "they load no package");
    const heavier = sizes.map((size) =>
      size.peer === undefined ? size : { ...size, peer: { ...size.peer, limit: 0.5 } }
    );
    assert.equal(tooHeavy(heavier).length, 4, "it can tell");
  });
});
