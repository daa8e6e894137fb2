import assert from "node:assert/strict";
import { before, describe, it } from "node:test";
import { encodeJobEvent } from "../../src/event/encode.ts";
import { decodeJobEvent } from "../../src/gen/decode.ts";
import { JobEvent } from "../../src/gen/factories.ts";
import { ALL_TYPES, FULL } from "../event/samples.ts";
import { FIELDS, pythonFields, toHex } from "./python/fields.ts";
import { pythonVersion, pythonWithPackages, runScript } from "./python/environment.ts";

const version = await pythonVersion();
const skip = version === undefined ? "python3 is not installed" : false;
if (skip !== false) console.log(`Skipped: ${skip}`);

const make = (fields: Partial<JobEvent>): JobEvent =>
  JobEvent.create({
    jobId: "job-1",
    eventType: "started",
    timestamp: 1_700_000_000.125,
    ...fields,
  });

const SIZES = [0, 1, 31, 32, 255, 256, 65_535, 65_536];

/** Events of all types, and what is hard to carry over. */
const EVENTS: readonly JobEvent[] = [
  ...ALL_TYPES,
  FULL,
  ...SIZES.map((size) => make({ message: "m".repeat(size), workerType: "é".repeat(size / 2) })),
  make({ jobId: "größe \u{1f680}", queueName: "очередь", tags: { "ключ": "значение", "": "" } }),
  make({ message: "\ufeffmark", errorMessage: "\0 \u2028 \uffff \u{10ffff} \ufffd" }),
  make({ durationMs: 0, memoryMb: 1e-300, cpuTimeMs: 2 ** 53 }),
  make({ timestamp: 0 }),
  make({
    details: {
      nested: { list: [1, [2, [3, { four: [null, true, false, "fünf"] }]]], empty: [{}, [], ""] },
      floats: [0.1, -1.5, 1e300, 5e-324],
      integers: [
        127,
        128,
        255,
        256,
        65_535,
        65_536,
        2 ** 31,
        -1,
        -32,
        -33,
        -129,
        -32_769,
        -(2 ** 31),
      ],
      many: Object.fromEntries(Array.from({ length: 100 }, (_, at) => [`key ${at}`, at])),
    },
    metadata: {
      beyond: [
        1n << 53n,
        (1n << 63n) - 1n,
        1n << 63n,
        (1n << 64n) - 1n,
        -(1n << 63n),
        -(1n << 53n),
      ],
      bytes: [new Uint8Array(0), Uint8Array.of(0, 127, 128, 255), new Uint8Array(70_000).fill(7)],
      dates: [
        new Date(0),
        new Date(1_700_000_000_123),
        new Date(-1),
        new Date("2200-01-01T00:00:00Z"),
      ],
    },
  }),
];

function fromHex(hex: string): Uint8Array {
  return Uint8Array.from(hex.match(/../g) ?? [], (pair) => Number.parseInt(pair, 16));
}

// Not in `before`: the first run takes longer than some runtimes let a hook take.
let failure: unknown;
const python = version === undefined ? "" : await pythonWithPackages(version).catch((error) => {
  failure = error;
  return "";
});

describe("Python's msgspec", { skip }, () => {
  before(() => {
    if (failure !== undefined) throw failure;
  });

  it("reads events of all types equal field by field, unset fields as its defaults", async () => {
    const lines = await runScript(
      python,
      "events.py",
      ["decode"],
      EVENTS.map((event) => toHex(encodeJobEvent(event))),
    );
    assert.equal(lines.length, EVENTS.length);
    lines.forEach((line, index) => {
      const { keys, fields } = JSON.parse(line) as {
        keys: string[];
        fields: Record<string, unknown>;
      };
      const event = EVENTS[index]!;
      assert.deepEqual(fields, pythonFields(event), `${event.eventType} (${index})`);
      const present = Object.entries(FIELDS).filter(([, property]) =>
        property !== "" && event[property] !== undefined
      );
      assert.deepEqual(keys, present.map(([name]) => name));
    });
  });

  it("writes events, all keys present and nil where unset, that decode equal here", async () => {
    const lines = await runScript(
      python,
      "events.py",
      ["encode"],
      EVENTS.map((event) => {
        const set = Object.entries(pythonFields(event)).filter(([, value]) => value !== null);
        return JSON.stringify(Object.fromEntries(set));
      }),
    );
    assert.equal(lines.length, EVENTS.length);
    lines.forEach((line, index) => {
      const bytes = fromHex(line);
      assert.deepEqual([...bytes.subarray(0, 3)], [0xde, 0, 17], "all 17 keys are there");
      assert.deepEqual(
        decodeJobEvent(bytes),
        EVENTS[index],
        `${EVENTS[index]?.eventType} (${index})`,
      );
    });
  });

  it("fills the timestamp with seconds since the Unix epoch, as here", async () => {
    const [line = ""] = await runScript(python, "events.py", ["encode"], [
      `{"job_id": "j", "event_type": "started"}`,
    ]);
    const event = decodeJobEvent(fromHex(line));
    assert.deepEqual(Object.keys(event), ["jobId", "eventType", "timestamp"]);
    assert.ok(Math.abs(event.timestamp - Date.now() / 1000) < 60);
  });

  it("writes integers where a float is meant, which decode as numbers", async () => {
    const fields = {
      job_id: "j",
      event_type: "started",
      timestamp: 5,
      duration_ms: 7,
      memory_mb: 300,
    };
    const [line = ""] = await runScript(python, "events.py", ["encode"], [JSON.stringify(fields)]);
    assert.deepEqual(decodeJobEvent(fromHex(line)), {
      jobId: "j",
      eventType: "started",
      timestamp: 5,
      durationMs: 7,
      memoryMb: 300,
    });
  });
});
