import assert from "node:assert/strict";
import { describe, it } from "node:test";
import fc from "fast-check";
import { Packr, unpack } from "msgpackr";
import type { JobEventValue } from "../../src/event/dynamic.ts";
import { encodeJobEvent } from "../../src/event/encode.ts";
import { MAX_DEPTH, MAX_DYNAMIC_BYTES } from "../../src/event/limits.ts";
import { decodeJobEvent } from "../../src/gen/decode.ts";
import { JobEvent } from "../../src/gen/factories.ts";
import { dynamic } from "./arbitraries.ts";

type Fields = Readonly<Record<string, unknown>>;

function withDetails(details: Fields, metadata?: Fields): JobEvent {
  const event = { jobId: "j", eventType: "started", timestamp: 1, details, metadata };
  return event as unknown as JobEvent;
}

function roundTrip(details: Fields): unknown {
  return decodeJobEvent(encodeJobEvent(withDetails(details))).details;
}

/** An object in an object …: `levels` of them. */
function nested(levels: number, wrap: (inner: unknown) => unknown): Fields {
  let value: unknown = { end: true };
  for (let level = 1; level < levels - 1; level++) value = wrap(value);
  return levels === 1 ? { end: true } : { a: value };
}

/** An object that holds the next one in two places, and so on. */
function shared(levels: number): Fields {
  let value: Fields = { end: true };
  for (let level = 1; level < levels; level++) value = { a: value, b: value };
  return value;
}

describe("details and metadata", () => {
  it("are bounded in bytes, however few objects they are made of", () => {
    const expected = new TypeError(
      `Invalid job event: details cannot be encoded: it takes more than ${MAX_DYNAMIC_BYTES} ` +
        "bytes; an object counts in each place it is in",
    );
    assert.throws(() => encodeJobEvent(withDetails(shared(MAX_DEPTH))), expected);
    assert.throws(
      () => JobEvent.create({ jobId: "j", eventType: "started", details: shared(23) as never }),
      expected,
    );
    const text = "x".repeat(100_000);
    assert.throws(() => encodeJobEvent(withDetails({ list: Array(1000).fill(text) })), expected);
    const bytes = new Uint8Array(100_000);
    assert.throws(() => encodeJobEvent(withDetails({ list: Array(1000).fill(bytes) })), expected);
    assert.deepEqual(roundTrip(shared(8)), shared(8));
  });

  it("take all of the bytes that they may", () => {
    // One byte says that it is a map, two are the key, five the head of the value.
    const most = new Uint8Array(MAX_DYNAMIC_BYTES - 8);
    assert.deepEqual(roundTrip({ b: most }), { b: most });
    const more = new Uint8Array(MAX_DYNAMIC_BYTES - 7);
    assert.throws(() => roundTrip({ b: more }), /details cannot be encoded: it takes/);
  });

  it("come back equal, and another decoder reads the same", () => {
    const details = {
      text: "größe \u{1f680}",
      empty: "",
      numbers: [
        0,
        1,
        -1,
        127,
        128,
        -32,
        -33,
        255,
        256,
        65535,
        65536,
        2 ** 32,
        -(2 ** 31),
        1.5,
        1e300,
      ],
      flags: [true, false, null],
      nested: { list: [[], {}, [[]], { a: {} }], map: { a: { b: { c: 1 } } } },
      many: Array.from({ length: 70_000 }, (_, index) => index % 7),
      keys: Object.fromEntries(Array.from({ length: 20 }, (_, index) => [`key ${index}`, index])),
    };
    assert.deepEqual(roundTrip(details), details);
    const read = unpack(encodeJobEvent(withDetails(details))) as { details: unknown };
    assert.deepEqual(read.details, details);
  });

  it("are to another decoder what its own encoder would have written", () => {
    // Without records, msgpackr's own extension; keys that it leaves out or renames are left out.
    const packr = new Packr({ useRecords: false });
    const plain = dynamic.filter((map) =>
      !/"(__proto__|constructor|toJSON)":/.test(
        JSON.stringify(map, (_, value) => typeof value === "bigint" ? `${value}` : value),
      )
    );
    fc.assert(
      fc.property(plain, (details) => {
        const read = unpack(encodeJobEvent(withDetails(details))) as { details: unknown };
        assert.deepEqual(read.details, unpack(Uint8Array.from(packr.pack(details))));
      }),
      { numRuns: 500 },
    );
  });

  it("are written in the shortest form, also where members are left out", () => {
    const sizeOf = (details: Fields): number => {
      const unset = encodeJobEvent(withDetails({})).length;
      return encodeJobEvent(withDetails(details)).length - unset - "_details".length;
    };
    const sizes: readonly [unknown, number][] = [
      [127, 1],
      [-32, 1],
      [255, 2],
      [-128, 2],
      [65535, 3],
      [-32768, 3],
      [2 ** 32 - 1, 5],
      [-(2 ** 31), 5],
      [2 ** 32, 9],
      [0.5, 9],
      [1n, 9],
      [new Date(1000), 6],
      [new Date(1), 10],
      [new Date(-1), 15],
      ["é".repeat(15), 31],
      [new Uint8Array(255), 257],
      [Array(15).fill(null), 16],
      [Array(16).fill(null), 19],
      [{ ...Array(20).fill(undefined), a: null }, 4],
    ];
    for (const [value, size] of sizes) assert.equal(sizeOf({ a: value }), 3 + size, String(value));
    const unset = Object.fromEntries(Array.from({ length: 70_000 }, (_, key) => [key, undefined]));
    assert.equal(sizeOf({ ...unset, a: "text" }), 3 + 5);
  });

  it("read each member once", () => {
    let reads = 0;
    const details = {
      get a(): string {
        return "x".repeat(reads++ * 1000);
      },
      b: 1,
    };
    assert.deepEqual(roundTrip(details), { a: "", b: 1 });
    assert.equal(reads, 1);
  });

  it("may make other events while they are read", () => {
    const details = {
      a: 1,
      get b(): number {
        return encodeJobEvent(withDetails({ text: "x".repeat(100) })).length;
      },
      c: 3,
    };
    const { a, b, c } = roundTrip(details) as Record<string, number>;
    assert.deepEqual([a, c], [1, 3]);
    assert.ok(b! > 100);
  });

  it("keep numbers that are not finite, which MessagePack has a form for", () => {
    assert.deepEqual(roundTrip({ a: [NaN, Infinity, -Infinity] }), {
      a: [NaN, Infinity, -Infinity],
    });
  });

  it("keep dates to the millisecond, before 1970 and far away", () => {
    const times = [
      0,
      1,
      -1,
      -999,
      -1000,
      1_700_000_000_123,
      253_402_300_799_999,
      -8.64e15,
      8.64e15,
    ];
    const dates = times.concat(2 ** 32 * 1000, 2 ** 34 * 1000).map((time) => new Date(time));
    assert.deepEqual(roundTrip({ dates }), { dates });
  });

  it("keep bytes, of a view into a larger buffer too, as a copy", () => {
    const all = Uint8Array.from({ length: 70_000 }, (_, index) => index);
    const views = [
      all.subarray(0, 0),
      all.subarray(5, 9),
      all.subarray(0, 255),
      all.subarray(0, 256),
      all,
    ];
    const bytes = encodeJobEvent(withDetails({ views }));
    const read = decodeJobEvent(bytes).details as unknown as { views: Uint8Array[] };
    assert.deepEqual(read.views, views);
    bytes.fill(0);
    assert.deepEqual(read.views, views, "what was read does not lie in what was decoded");
    for (const view of read.views) assert.equal(Object.getPrototypeOf(view), Uint8Array.prototype);
  });

  it("give integers beyond 2^53 as bigint and smaller ones as number", () => {
    const bounds = [
      1n << 53n,
      (1n << 63n) - 1n,
      1n << 63n,
      (1n << 64n) - 1n,
      -(1n << 63n),
      -(1n << 53n),
    ];
    assert.deepEqual(roundTrip({ bounds }), { bounds });
    assert.deepEqual(roundTrip({ small: [0n, 1n, -1n, (1n << 53n) - 1n] }), {
      small: [0, 1, -1, Number.MAX_SAFE_INTEGER],
    });
    const read = unpack(encodeJobEvent(withDetails({ bounds }))) as { details: Fields };
    assert.deepEqual(read.details["bounds"], bounds);
  });

  it("refuse integers beyond 64 bits, with the path", () => {
    for (const integer of [1n << 64n, -(1n << 63n) - 1n, 10n ** 40n]) {
      assert.throws(() => encodeJobEvent(withDetails({ a: [1, { b: integer }] })), {
        name: "TypeError",
        message: "Invalid job event: details.a[1].b cannot be encoded: " +
          `${integer} does not fit into 64 bits`,
      });
    }
  });

  it("drop members that are undefined; in lists they become null", () => {
    const sparse = [1, undefined, 3];
    delete sparse[0];
    const given = { a: undefined, b: { c: undefined, d: 1 }, list: [undefined, sparse] };
    const copy = structuredClone(given);
    assert.deepEqual(roundTrip(given), { b: { d: 1 }, list: [null, [null, null, 3]] });
    assert.deepEqual(given, copy, "the caller's objects are as before");
  });

  it("refuse what MessagePack has no form for, with the path", () => {
    class Point {
      x = 1;
    }
    const wrong: readonly [unknown, RegExp][] = [
      [() => 1, /a function has no form/],
      [Symbol("s"), /a symbol has no form/],
      [new Point(), /a value of class Point has no form/],
      [new Map([["a", 1]]), /class Map has no form/],
      [new Set([1]), /class Set has no form/],
      [new Error("e"), /class Error has no form/],
      [/a/, /class RegExp has no form/],
      [new Date(NaN), /the Date is invalid/],
      [new Float64Array(1), /class Float64Array has no form/],
      [new ArrayBuffer(1), /class ArrayBuffer has no form/],
      [Promise.resolve(), /class Promise has no form/],
      [new URL("http://a"), /class URL has no form/],
      [new Number(1), /class Number has no form/],
    ];
    for (const [value, reason] of wrong) {
      const deep = { ok: 1, list: [0, { "a b": value }] };
      const check = (field: string) => (error: Error) => {
        assert.equal(error.name, "TypeError");
        assert.ok(
          error.message.includes(` ${field}.list[1].a b cannot be encoded: `),
          error.message,
        );
        assert.match(error.message, reason);
        return true;
      };
      assert.throws(() => encodeJobEvent(withDetails(deep)), check("details"));
      assert.throws(() => encodeJobEvent(withDetails({ a: 1 }, deep)), check("metadata"));
      const init = withDetails(deep);
      assert.throws(() => JobEvent.create(init), check("details"));
    }
  });

  it("accept objects without a prototype and of another realm's kind", () => {
    const bare = Object.assign(Object.create(null) as object, { a: 1 });
    assert.deepEqual(roundTrip({ bare }), { bare: { a: 1 } });
    assert.deepEqual(roundTrip(Object.assign(Object.create(null) as object, { b: 2 })), { b: 2 });
  });

  it("may nest 32 levels, on both sides, and no deeper", () => {
    const wraps = [(inner: unknown) => ({ a: inner }), (inner: unknown) => [inner]];
    for (const wrap of wraps) {
      const deepest = nested(MAX_DEPTH, wrap);
      assert.deepEqual(roundTrip(deepest), deepest);
      assert.throws(() => encodeJobEvent(withDetails(nested(MAX_DEPTH + 1, wrap))), {
        name: "TypeError",
        message:
          /^Invalid job event: details\.a.* cannot be encoded: it nests deeper than 32 levels$/,
      });
      assert.throws(() => encodeJobEvent(withDetails(nested(100_000, wrap))), /deeper than 32/);
    }
    assert.deepEqual(roundTrip(nested(1, (inner) => inner)), { end: true });
  });

  it("refuse what contains itself, but not what is there twice", () => {
    const cycle: Record<string, unknown> = { list: [] };
    (cycle["list"] as unknown[]).push({ back: cycle });
    assert.throws(() => encodeJobEvent(withDetails({ a: cycle })), {
      name: "TypeError",
      message: /details\.a\.list\[0\]\.back cannot be encoded: it contains itself/,
    });
    const twice = { x: 1 };
    assert.deepEqual(roundTrip({ a: twice, b: [twice, twice] }), {
      a: { x: 1 },
      b: [{ x: 1 }, { x: 1 }],
    });
  });

  it("keep keys that objects have a meaning for, and pollute nothing", () => {
    const text =
      '{"__proto__":{"polluted":1},"constructor":{"prototype":{"polluted":2}},"toJSON":3,' +
      '"hasOwnProperty":"no","toString":4,"valueOf":5,"length":6,"then":7,"0":8}';
    const keys = JSON.parse(text) as Fields;
    const read = roundTrip({ keys, list: [keys] }) as { keys: Fields; list: Fields[] };
    for (const copy of [read.keys, read.list[0]!]) {
      assert.equal(JSON.stringify(copy), JSON.stringify(keys));
      assert.ok(Object.hasOwn(copy, "__proto__"));
      assert.equal(Object.getPrototypeOf(copy), Object.prototype);
    }
    assert.equal(JSON.stringify(roundTrip(keys)), JSON.stringify(keys), "at the top level too");
    const tags = JSON.parse('{"__proto__":"a","constructor":"b","toJSON":"c"}') as Record<
      string,
      string
    >;
    const event = JobEvent.create({ jobId: "j", eventType: "started", tags });
    const readTags = decodeJobEvent(encodeJobEvent(event)).tags;
    assert.equal(JSON.stringify(readTags), JSON.stringify(tags));
    assert.equal(Object.getPrototypeOf(readTags), Object.prototype);
    assert.equal(({} as { polluted?: number }).polluted, undefined);
  });

  it("do not overwrite one another, whatever their sizes", () => {
    for (const sizes of [[1, 1], [10, 5000], [5000, 10], [9000, 9000], [100_000, 3]]) {
      const details: Record<string, JobEventValue> = { a: "a".repeat(sizes[0]!) };
      const metadata: Record<string, JobEventValue> = { b: "b".repeat(sizes[1]!) };
      for (let round = 0; round < 20; round++) {
        const event = decodeJobEvent(encodeJobEvent(withDetails(details, metadata)));
        assert.deepEqual(event.details, details);
        assert.deepEqual(event.metadata, metadata);
      }
    }
  });

  it("may be large", () => {
    const details = {
      log: "é".repeat(2_000_000),
      rows: Array.from({ length: 20_000 }, (_, id) => ({ id })),
    };
    assert.deepEqual(roundTrip(details), details);
  });
});
