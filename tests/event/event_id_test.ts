import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { EventIdSource } from "../../src/event/event_id.ts";

describe("EventIdSource", () => {
  it("never gives the same id twice, not even from two sources", () => {
    const sources = Array.from({ length: 50 }, () => new EventIdSource());
    const ids = sources.flatMap((source) => Array.from({ length: 100 }, () => source.next()));
    assert.equal(new Set(ids).size, 5000);
    for (const id of ids) assert.match(id, /^[A-Za-z0-9_-]{16}-[0-9a-z]+$/);
  });

  it("counts on under a prefix that is given", () => {
    const source = new EventIdSource("p");
    const ids = Array.from({ length: 40 }, () => source.next());
    assert.deepEqual([ids[0], ids[35], ids[39]], ["p-1", "p-10", "p-14"]);
  });
});
