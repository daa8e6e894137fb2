import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { unpack } from "msgpackr";
import { ByteBuffer } from "../../src/event/byte_buffer.ts";
import { encodeJobEvent } from "../../src/event/encode.ts";
import { decodeJobEvent } from "../../src/gen/decode.ts";
import { writeJobEvent } from "../../src/gen/encode.ts";
import { JobEvent } from "../../src/gen/factories.ts";
import { JOB_EVENT_TYPES } from "../../src/gen/types.ts";
import { ALL_TYPES, FULL, KEYS } from "./samples.ts";

/** What another implementation reads. */
function wire(event: JobEvent): Record<string, unknown> {
  return unpack(encodeJobEvent(event)) as Record<string, unknown>;
}

/** An event from outside of the type system. */
function bad(fields: Record<string, unknown>): JobEvent {
  return { jobId: "j", eventType: "started", timestamp: 1, ...fields } as unknown as JobEvent;
}

function hex(bytes: Uint8Array): string {
  return [...bytes].map((byte) => byte.toString(16).padStart(2, "0")).join(" ");
}

describe("encodeJobEvent()", () => {
  it("gives exactly these bytes for a small event", () => {
    const event = JobEvent.create({ jobId: "j", eventType: "started", timestamp: 1 });
    const expected = [
      "83",
      "a6 6a 6f 62 5f 69 64 a1 6a",
      "aa 65 76 65 6e 74 5f 74 79 70 65 a7 73 74 61 72 74 65 64",
      "a9 74 69 6d 65 73 74 61 6d 70 cb 3f f0 00 00 00 00 00 00",
    ];
    assert.equal(hex(encodeJobEvent(event)), expected.join(" "));
  });

  it("writes all 24 types, snake_case keys in schema order, for another decoder to read", () => {
    assert.deepEqual(ALL_TYPES.map((event) => event.eventType), JOB_EVENT_TYPES);
    for (const event of [...ALL_TYPES, FULL]) {
      const read = wire(event);
      const present = Object.keys(KEYS).filter((key) => event[KEYS[key]!] !== undefined);
      assert.deepEqual(Object.keys(read), present);
      for (const key of present) assert.deepEqual(read[key], event[KEYS[key]!], key);
    }
    assert.deepEqual(Object.keys(wire(FULL)), Object.keys(KEYS));
  });

  it("leaves out fields that are not set, null, or empty maps", () => {
    const keys = ["job_id", "event_type", "timestamp"];
    const unset = Object.fromEntries(
      Object.values(KEYS).slice(3).flatMap((key) => [[key, undefined]]),
    );
    assert.deepEqual(Object.keys(wire(bad(unset))), keys);
    const nulls = Object.fromEntries(Object.values(KEYS).slice(3).map((key) => [key, null]));
    assert.deepEqual(Object.keys(wire(bad(nulls))), keys);
    assert.deepEqual(Object.keys(wire(bad({ details: {}, tags: {}, metadata: {} }))), keys);
    const dropped = {
      details: { a: undefined },
      tags: { a: undefined },
      metadata: { b: undefined },
    };
    assert.deepEqual(Object.keys(wire(bad(dropped))), keys);
    assert.deepEqual(wire(bad({ message: "" }))["message"], "", "an empty text is set");
  });

  it("never writes what a storage adds", () => {
    const stored = { natsSubject: "a", natsSequence: 1, eventId: "x", other: 5 };
    assert.deepEqual(encodeJobEvent(bad(stored)), encodeJobEvent(bad({})));
  });

  it("writes every double as a float64, whole numbers too", () => {
    for (const number of [0, 1, -1, 255, 2 ** 31, 2 ** 53, 1.5, -0, 1e300, 5e-324]) {
      const bytes = encodeJobEvent(bad({ durationMs: number, memoryMb: number, timestamp: 0 }));
      const view = new DataView(bytes.buffer, bytes.byteOffset + bytes.length - 9);
      assert.equal(view.getUint8(0), 0xcb);
      assert.ok(Object.is(view.getFloat64(1), number), String(number));
    }
  });

  it("writes texts of every length and width with the shortest header", () => {
    for (const unit of ["a", "é", "€", "\u{1f680}"]) {
      const width = new TextEncoder().encode(unit).length;
      for (const size of [0, 1, 31, 32, 127, 128, 129, 255, 256, 257, 65535, 65536, 65537]) {
        const message = unit.repeat(Math.floor(size / width)) + "x".repeat(size % width);
        const bytes = encodeJobEvent(bad({ message }));
        const head = size < 32 ? 1 : size < 256 ? 2 : size < 65536 ? 3 : 5;
        const small = encodeJobEvent(bad({}));
        assert.equal(bytes.length, small.length + 8 + head + size, `${unit} ${size}`);
        const read = unpack(bytes) as { message: string };
        assert.ok(read.message === message, `${unit} ${size}`);
        assert.ok(decodeJobEvent(bytes).message === message, `${unit} ${size}`);
        for (const field of ["tags", "details"]) {
          const map = wire(bad({ [field]: { [message]: message } }))[field];
          assert.deepEqual(map, { [message]: message });
        }
      }
    }
  });

  it("writes lone surrogates as U+FFFD, in every text and key", () => {
    const lone = "a\ud800b";
    const mended = "a\ufffdb";
    const event = bad({
      message: lone,
      tags: { [lone]: lone },
      details: { [lone]: lone, list: [lone], "\udc00": { [lone]: 1 } },
    });
    const read = decodeJobEvent(encodeJobEvent(event));
    assert.equal(read.message, mended);
    assert.deepEqual(read.tags, { [mended]: mended });
    const details = { [mended]: mended, list: [mended], "\ufffd": { [mended]: 1 } };
    assert.deepEqual(read.details, details);
    assert.deepEqual(wire(event)["details"], details);
  });

  it("writes maps of tags of any size", () => {
    for (const size of [1, 15, 16, 300, 65535, 65536]) {
      const tags = Object.fromEntries(Array.from({ length: size }, (_, at) => [`k${at}`, `${at}`]));
      assert.deepEqual(decodeJobEvent(encodeJobEvent(bad({ tags }))).tags, tags);
      if (size < 1000) assert.deepEqual(wire(bad({ tags }))["tags"], tags);
    }
  });

  it("gives bytes that the caller owns", () => {
    const first = encodeJobEvent(FULL);
    const copy = first.slice();
    encodeJobEvent(bad({ message: "y".repeat(100_000) }));
    for (const event of ALL_TYPES) encodeJobEvent(event);
    assert.deepEqual(first, copy);
    assert.equal(first.byteLength, first.buffer.byteLength, "nothing else lies in its buffer");
  });

  it("is a snapshot: later changes of the event change nothing", () => {
    const details: Record<string, number> = { a: 1 };
    const bytes = encodeJobEvent(bad({ details }));
    details["a"] = 2;
    assert.deepEqual(decodeJobEvent(bytes).details, { a: 1 });
  });

  it("refuses fields that are missing, of the wrong type or out of bounds, by name", () => {
    const wrong: [string, unknown, RegExp][] = [
      ["jobId", undefined, /jobId must be a string that is not empty, got undefined/],
      ["jobId", "", /jobId .*got ""/],
      ["jobId", 5, /jobId .*got 5/],
      ["eventType", "begun", /eventType must be one of enqueued, .*, got "begun"/],
      ["eventType", undefined, /eventType/],
      ["eventType", "constructor", /eventType/],
      ["timestamp", undefined, /timestamp must be a finite number/],
      ["timestamp", NaN, /timestamp .*got NaN/],
      ["timestamp", Infinity, /timestamp/],
      ["timestamp", 5n, /timestamp .*got 5n/],
      ["timestamp", new Date(0), /timestamp .*got a Date/],
      ["timestamp", 1_700_000_000_000, /timestamp .*most likely in milliseconds/],
      ["workerId", "", /workerId/],
      ["queueName", "", /queueName/],
      ["tags", ["a"], /tags must be a plain object, got a Array/],
      ["tags", new Map([["a", "b"]]), /tags must be a plain object, got a Map/],
      ["tags", { a: 1 }, /tags\.a must be a string, got 1/],
      ["tags", { a: null }, /tags\.a must be a string, got null/],
      ["tags", "a", /tags must be an object/],
    ];
    for (const key of ["workerId", "workerType", "queueName", "message", "errorType"]) {
      for (const value of [1, {}, true, 1n, Symbol("s"), () => 1]) {
        wrong.push([key, value, new RegExp(`${key} must be a string`)]);
      }
    }
    for (const key of ["durationMs", "memoryMb", "cpuTimeMs"]) {
      for (const value of ["1", NaN, -Infinity, 1n, {}]) {
        wrong.push([key, value, new RegExp(`${key} must be a finite number`)]);
      }
    }
    for (const key of ["details", "metadata"]) {
      for (const value of [1, "a", [1], new Map(), new Date(0), () => 1]) {
        wrong.push([key, value, new RegExp(key)]);
      }
    }
    for (const [key, value, message] of wrong) {
      assert.throws(() => encodeJobEvent(bad({ [key]: value })), { name: "TypeError", message });
    }
    for (const value of [undefined, null, 5, "event"]) {
      assert.throws(() => encodeJobEvent(value as unknown as JobEvent), { name: "TypeError" });
    }
    assert.doesNotThrow(() => encodeJobEvent(bad({ timestamp: 1e11 })), "the greatest timestamp");
    assert.throws(() => encodeJobEvent(bad({ timestamp: 1e11 + 1 })), /milliseconds/);
  });
});

describe("writeJobEvent()", () => {
  it("appends events one after the other in a buffer that grows", () => {
    const out = new ByteBuffer(8);
    const ends: number[] = [];
    for (const event of ALL_TYPES) {
      writeJobEvent(out, event);
      ends.push(out.position);
    }
    let start = 0;
    ends.forEach((end, index) => {
      assert.deepEqual(decodeJobEvent(out.bytes.subarray(start, end)), ALL_TYPES[index]);
      start = end;
    });
  });

  it("appends nothing on an error", () => {
    const out = new ByteBuffer(8);
    writeJobEvent(out, FULL);
    const before = out.bytes.slice(0, out.position);
    const cycle: Record<string, unknown> = {};
    cycle["self"] = cycle;
    for (
      const fields of [{ jobId: "" }, { details: cycle }, { tags: { a: 1 } }, {
        metadata: { f() {} },
      }]
    ) {
      assert.throws(() => writeJobEvent(out, bad({ message: "x".repeat(5000), ...fields })));
      assert.equal(out.position, before.length);
      assert.deepEqual(out.bytes.slice(0, out.position), before);
    }
    writeJobEvent(out, FULL);
    assert.deepEqual(out.bytes.slice(before.length, out.position), before);
  });
});
