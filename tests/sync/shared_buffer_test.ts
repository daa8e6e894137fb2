import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { JobEventSubjects } from "../../src/event/subjects.ts";
import { allocateEventMemory, SharedEventBuffer } from "../../src/sync/shared_buffer.ts";
import { seededRandom, testSeed } from "../helpers.ts";

const encode = (text: string): Uint8Array => new TextEncoder().encode(text);

describe("SharedEventBuffer", () => {
  it("gives back what was put in, over its end and beyond, whoever takes it", () => {
    const seed = testSeed();
    const random = seededRandom(seed);
    const memory = allocateEventMemory(5, 101);
    const writer = new SharedEventBuffer(memory);
    const taker = new SharedEventBuffer(memory);
    const expected: { ordinal: number; subject: string; payload: Uint8Array; size: number }[] = [];
    let bytes = 0;
    try {
      for (let ordinal = 1; ordinal < 5000; ordinal++) {
        const subject = "ä".repeat(random(4)) + "s";
        const payload = new Uint8Array(random(30)).fill(ordinal);
        const size = encode(subject).length + payload.length;
        while (expected.length === 5 || bytes + size > 101 || random(3) === 0) {
          const side = random(2) === 0 ? writer : taker;
          const event = side.shift();
          assert.deepEqual(event, expected.shift());
          bytes -= event?.size ?? 0;
        }
        writer.push(ordinal, encode(subject), payload);
        expected.push({ ordinal, subject, payload, size });
        bytes += size;
        assert.equal(taker.length, expected.length);
        assert.equal(taker.byteLength, bytes);
        assert.equal(taker.firstOrdinal, expected[0]!.ordinal);
        assert.equal(taker.lastOrdinal, ordinal);
      }
    } catch (error) {
      throw new Error(`Failed with TEST_SEED=${seed}`, { cause: error });
    }
  });

  it("takes 2^31 events and more", () => {
    const memory = allocateEventMemory(4, 100);
    const buffer = new SharedEventBuffer(memory);
    // Head and tail, as they are after so many events.
    buffer.cells.set([2 ** 31 - 1, 2 ** 31 - 1]);
    for (let ordinal = 1; ordinal < 10; ordinal++) {
      buffer.push(ordinal, encode("a"), encode("b"));
      if (ordinal > 3) assert.equal(buffer.shift()?.ordinal, ordinal - 3);
      assert.equal(buffer.length, Math.min(ordinal, 3));
    }
  });

  it("refuses no subject that the package makes", () => {
    const buffer = new SharedEventBuffer(allocateEventMemory(1, 100));
    const subject = new JobEventSubjects("préfix").all();
    buffer.push(1, encode(subject), new Uint8Array());
    assert.equal(buffer.shift()?.subject, subject);
    assert.equal(buffer.shift(), undefined);
  });
});
