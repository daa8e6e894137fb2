import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { encodeJobEvent } from "../../src/event/encode.ts";
import { MAX_DEPTH } from "../../src/event/limits.ts";
import { decodeJobEvent, decodeStoredJobEvent } from "../../src/gen/decode.ts";
import { ALL_TYPES, FULL } from "./samples.ts";
import {
  bytes,
  eventWith,
  float,
  integer,
  map,
  MAP_FIELDS,
  NUMBER_FIELDS,
  type Part,
  REQUIRED,
  SMALL,
  text,
  TEXT_FIELDS,
} from "./wire.ts";

function details(value: Part): unknown {
  return decodeJobEvent(eventWith(["details", map(["a", value])])).details?.["a"];
}

describe("decodeJobEvent() accepts", () => {
  it("what the encoder writes, for every type", () => {
    for (const event of [...ALL_TYPES, FULL]) {
      assert.deepEqual(decodeJobEvent(encodeJobEvent(event)), event);
    }
  });

  it("nil, absent and empty fields as unset", () => {
    const nils = [...TEXT_FIELDS, ...NUMBER_FIELDS, ...MAP_FIELDS].map((key) =>
      [key, 0xc0] as const
    );
    assert.deepEqual(decodeJobEvent(eventWith(...nils)), SMALL);
    const empty = MAP_FIELDS.map((key) => [key, 0x80] as const);
    assert.deepEqual(decodeJobEvent(eventWith(...empty)), SMALL);
    assert.deepEqual(decodeJobEvent(eventWith(["message", text("")])).message, "");
  });

  it("keys in any order, and the last of two", () => {
    assert.deepEqual(decodeJobEvent(map(...REQUIRED.toReversed())), SMALL);
    assert.equal(decodeJobEvent(eventWith(["job_id", text("k")])).jobId, "k");
  });

  it("unknown keys with any value, also one that has no meaning here", () => {
    const values: readonly Part[] = [
      0xc0,
      0xc2,
      5,
      0xff,
      float(1),
      [0xca, 0, 0, 0, 0],
      [0xcf, ...integer((1n << 64n) - 1n, 8)],
      text("x".repeat(300), 2),
      [0xa1, 0xff],
      [0xc4, 1, 0xff],
      [0xc5, 0, 1, 0xff],
      [0xc6, 0, 0, 0, 1, 0xff],
      [0x92, 0xc0, 0x91, 0xc3],
      [0x82, 5, 6, 0x81, 1, 2, 0x90],
      [0xdc, 0, 1, 0xc0],
      [0xdd, 0, 0, 0, 1, 0xc0],
      [0xdf, 0, 0, 0, 1, 0xc0, 0xc0],
      [0xd4, 7, 1],
      [0xd8, 7, ...new Array(16).fill(1)],
      [0xc7, 3, 9, 1, 2, 3],
      [0xc8, 0, 1, 9, 1],
      [0xc9, 0, 0, 0, 0, 9],
    ];
    for (const value of values) {
      for (const key of ["region", "__proto__", "constructor", "", "job_ix", "é".repeat(200)]) {
        const event = decodeJobEvent(map([key, value], ...REQUIRED, [`${key}2`, value]));
        assert.deepEqual(event, SMALL);
        assert.equal(Object.getPrototypeOf(event), Object.prototype);
      }
    }
  });

  it("the keys that a Python worker also writes", () => {
    const event = decodeJobEvent(eventWith(["nats_subject", text("a.b")], ["nats_sequence", 0xc0]));
    assert.deepEqual(event, SMALL);
  });

  it("integers and float32 for floats", () => {
    const numbers: readonly [Part, number][] = [
      [0, 0],
      [127, 127],
      [0xe0, -32],
      [0xff, -1],
      [[0xcc, 255], 255],
      [[0xcd, 255, 255], 65535],
      [[0xce, 255, 255, 255, 255], 2 ** 32 - 1],
      [[0xcf, ...integer(2n ** 53n, 8)], 2 ** 53],
      [[0xcf, ...integer((1n << 64n) - 1n, 8)], 2 ** 64],
      [[0xd0, 0x80], -128],
      [[0xd1, 0x80, 0], -32768],
      [[0xd1, 0x00, 0xff], 255],
      [[0xd2, 0x80, 0, 0, 0], -(2 ** 31)],
      [[0xd3, 0x80, 0, 0, 0, 0, 0, 0, 0], -(2 ** 63)],
      [[0xca, 0x3f, 0xc0, 0, 0], 1.5],
      [float(-1.25), -1.25],
    ];
    for (const [part, value] of numbers) {
      for (const key of NUMBER_FIELDS) {
        const property = key.replace(/_(.)/g, (_, letter: string) => letter.toUpperCase());
        assert.deepEqual(decodeJobEvent(eventWith([key, part])), { ...SMALL, [property]: value });
      }
      assert.equal(Number(details(part)), value);
    }
    const [job, type] = REQUIRED;
    assert.equal(
      decodeJobEvent(map(job!, type!, ["timestamp", [0xce, ...integer(2 ** 31, 4)]])).timestamp,
      2 ** 31,
    );
  });

  it("integers beyond 2^53 in details as bigint", () => {
    assert.equal(details([0xcf, ...integer((1n << 64n) - 1n, 8)]), (1n << 64n) - 1n);
    assert.equal(details([0xd3, ...integer(-(1n << 63n), 8)]), -(1n << 63n));
    assert.equal(details([0xd3, ...integer(Number.MIN_SAFE_INTEGER, 8)]), Number.MIN_SAFE_INTEGER);
    assert.equal(details([0xcf, ...integer(1n << 53n, 8)]), 1n << 53n);
  });

  it("texts and keys with headers of any width", () => {
    for (const width of [0, 1, 2, 4] as const) {
      const parts: Part[] = REQUIRED.flatMap(([key, value], index) => [
        text(key, width),
        index === 1 ? text("started", width) : index === 0 ? text("j", width) : value,
      ]);
      assert.deepEqual(decodeJobEvent(bytes(0x83, ...parts)), SMALL);
    }
  });

  it("maps with headers of any width", () => {
    const body = encodeJobEvent(SMALL).subarray(1);
    for (const head of [[0x83], [0xde, 0, 3], [0xdf, 0, 0, 0, 3]]) {
      assert.deepEqual(decodeJobEvent(bytes(head, body)), SMALL);
    }
    for (const head of [[0x81], [0xde, 0, 1], [0xdf, 0, 0, 0, 1]]) {
      const inner = bytes(head, text("a"), text("b"));
      assert.deepEqual(decodeJobEvent(eventWith(["tags", inner])).tags, { a: "b" });
      assert.deepEqual(decodeJobEvent(eventWith(["details", inner])).details, { a: "b" });
    }
  });

  it("texts of any length, a byte order mark and U+FFFD included", () => {
    for (const unit of ["a", "é", "\u{1f680}", "\ufeff", "\ufffd", "\0"]) {
      for (const count of [1, 3, 4, 8, 31, 32, 63, 64, 65, 127, 128, 255, 256, 257, 1000, 70_000]) {
        const value = unit.repeat(count);
        const event = decodeJobEvent(
          eventWith(["message", text(value)], ["worker_type", text(`a${value}`)]),
        );
        // Not `equal`, whose message of a failure would be as long.
        assert.ok(event.message === value, `${count} of ${JSON.stringify(unit)}`);
        assert.ok(event.workerType === `a${value}`, `a and ${count} of ${JSON.stringify(unit)}`);
      }
    }
  });

  it("timestamps of 32, 64 and 96 bits in details", () => {
    const dates: readonly [Part, string][] = [
      [[0xd6, 0xff, 0, 0, 0, 0], "1970-01-01T00:00:00.000Z"],
      [[0xd6, 0xff, 0xff, 0xff, 0xff, 0xff], "2106-02-07T06:28:15.000Z"],
      [[0xd7, 0xff, ...integer((999_999_999n << 34n) | 5n, 8)], "1970-01-01T00:00:05.999Z"],
      [[0xd7, 0xff, ...integer((1n << 34n) - 1n, 8)], "2514-05-30T01:53:03.000Z"],
      [[0xc7, 12, 0xff, ...integer(1_000_000, 4), ...integer(-1, 8)], "1969-12-31T23:59:59.001Z"],
      [[0xc7, 12, 0xff, ...integer(0, 4), ...integer(-(2n ** 33n), 8)], "1697-10-17T11:03:28.000Z"],
      [[0xc7, 4, 0xff, 0, 0, 0, 1], "1970-01-01T00:00:01.000Z"],
    ];
    for (const [part, iso] of dates) assert.equal((details(part) as Date).toISOString(), iso);
  });

  it("keys of maps that are no texts, as texts", () => {
    const inner = bytes(0x85, 5, 1, 0xc0, 2, 0xc3, 3, float(1.5), 4, [
      0xcf,
      ...integer(1n << 60n, 8),
    ], 5);
    assert.deepEqual(decodeJobEvent(eventWith(["details", inner])).details, {
      "5": 1,
      null: 2,
      true: 3,
      "1.5": 4,
      "1152921504606846976": 5,
    });
  });

  it("nesting of 32 levels", () => {
    for (const head of [[0x81, 0xa1, 0x61], [0x91]]) {
      const inner = bytes(...Array.from({ length: MAX_DEPTH - 1 }, () => head), 5);
      const event = bytes(map(...REQUIRED, ["details", bytes(0x81, text("a"), inner)]));
      assert.ok(decodeJobEvent(event).details !== undefined);
      const unknown = eventWith(["other", bytes(head, inner)]);
      assert.deepEqual(decodeJobEvent(unknown), SMALL);
    }
  });

  it("bytes that lie anywhere in a larger buffer, also of a Buffer", () => {
    const encoded = encodeJobEvent(FULL);
    const large = new Uint8Array(encoded.length + 20).fill(0xc1);
    large.set(encoded, 7);
    assert.deepEqual(decodeJobEvent(large.subarray(7, 7 + encoded.length)), FULL);
    class Other extends Uint8Array {
      override slice(start?: number, end?: number): Uint8Array<ArrayBuffer> {
        return this.subarray(start, end) as Uint8Array<ArrayBuffer>;
      }
    }
    const aliased = new Other(encoded);
    const event = decodeJobEvent(aliased);
    aliased.fill(0);
    assert.deepEqual(event, FULL, "nothing that was read is a view of the input");
  });
});

describe("decodeStoredJobEvent()", () => {
  it("adds what the storage knows", () => {
    assert.deepEqual(decodeStoredJobEvent(encodeJobEvent(FULL), "a.b", 5, "x"), {
      ...FULL,
      natsSubject: "a.b",
      natsSequence: 5,
      eventId: "x",
    });
  });
});
