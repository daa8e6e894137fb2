import assert from "node:assert/strict";
import { describe, it } from "node:test";
import fc from "fast-check";
import { unpack } from "msgpackr";
import { encodeJobEvent } from "../../src/event/encode.ts";
import { isJobEventError } from "../../src/errors.ts";
import { decodeJobEvent } from "../../src/gen/decode.ts";
import { isJobEventType, type JobEvent } from "../../src/gen/types.ts";
import { event } from "./arbitraries.ts";
import { ALL_TYPES, FULL } from "./samples.ts";

const KEYS = new Set([
  ..."jobId eventType timestamp workerId workerType queueName message details errorType".split(" "),
  ..."errorMessage durationMs memoryMb cpuTimeMs tags metadata".split(" "),
]);

/** Decodes; gives `undefined` for what is refused as it should be. Anything else fails. */
function tryDecode(bytes: Uint8Array): JobEvent | undefined {
  try {
    return decodeJobEvent(bytes);
  } catch (error) {
    assert.ok(isJobEventError(error) && error.code === "ERR_DECODE", String(error));
    return undefined;
  }
}

function assertValid(event: JobEvent): void {
  assert.ok(typeof event.jobId === "string" && event.jobId !== "");
  assert.ok(isJobEventType(event.eventType));
  assert.ok(Number.isFinite(event.timestamp));
  assert.equal(Object.getPrototypeOf(event), Object.prototype);
  for (const [key, value] of Object.entries(event)) {
    assert.ok(KEYS.has(key), key);
    assert.ok(value !== null && value !== undefined, key);
  }
  assert.equal(({} as { polluted?: boolean }).polluted, undefined);
}

describe("encodeJobEvent() and decodeJobEvent()", () => {
  it("give any event back", () => {
    fc.assert(
      fc.property(event, (event) => assert.deepEqual(decodeJobEvent(encodeJobEvent(event)), event)),
      { numRuns: 1000 },
    );
  });

  it("write what another decoder reads the same", () => {
    fc.assert(
      fc.property(event, (event) => {
        const wire = unpack(encodeJobEvent(event)) as Record<string, unknown>;
        const { jobId, eventType, message, tags, durationMs } = event;
        assert.equal(wire["job_id"], jobId);
        assert.equal(wire["event_type"], eventType);
        assert.equal(wire["message"], message);
        assert.equal(wire["duration_ms"], durationMs);
        // msgpackr renames a key `__proto__`.
        if (tags !== undefined && !Object.hasOwn(tags, "__proto__")) {
          assert.deepEqual(wire["tags"], tags);
        }
      }),
      { numRuns: 500 },
    );
  });
});

describe("decodeJobEvent()", () => {
  it("gives ERR_DECODE or a valid event for random bytes", () => {
    const bytes = fc.oneof(
      fc.uint8Array({ maxLength: 200 }),
      fc.uint8Array({ maxLength: 100 }).map((tail) => Uint8Array.of(0x83, 0xa6, ...tail)),
      fc.array(fc.constantFrom(0x81, 0x91, 0xdf, 0xdd, 0xc7, 0xd9, 0xa1, 0xff, 0, 0xc0, 0x61), {
        maxLength: 200,
      })
        .map((bytes) => Uint8Array.from(bytes)),
    );
    fc.assert(
      fc.property(bytes, (bytes) => {
        const event = tryDecode(bytes);
        if (event !== undefined) assertValid(event);
      }),
      { numRuns: 5000 },
    );
  });

  it("gives ERR_DECODE or a valid event for bytes changed, cut, put in or repeated", () => {
    const samples = [...ALL_TYPES, FULL].map(encodeJobEvent);
    const change = fc.record({
      kind: fc.constantFrom("set", "flip", "remove", "insert", "repeat", "cut"),
      at: fc.nat(),
      byte: fc.oneof(
        fc.integer({ min: 0, max: 255 }),
        fc.constantFrom(0xc0, 0xdf, 0xdd, 0xdb, 0xc6, 0xff),
      ),
      size: fc.integer({ min: 1, max: 8 }),
    });
    fc.assert(
      fc.property(
        fc.oneof(fc.constantFrom(...samples), event.map(encodeJobEvent)),
        fc.array(change, { minLength: 1, maxLength: 4 }),
        (sample, changes) => {
          let bytes = [...sample];
          for (const { kind, at, byte, size } of changes) {
            const index = at % (bytes.length + 1);
            if (kind === "set") bytes[index] = byte;
            if (kind === "flip") bytes[index] = (bytes[index] ?? 0) ^ (1 << (byte % 8));
            if (kind === "remove") bytes.splice(index, size);
            if (kind === "insert") bytes.splice(index, 0, byte);
            if (kind === "repeat") bytes.splice(index, 0, ...bytes.slice(index, index + size));
            if (kind === "cut") bytes = bytes.slice(0, index);
          }
          const event = tryDecode(Uint8Array.from(bytes));
          if (event !== undefined) assertValid(event);
        },
      ),
      { numRuns: 4000 },
    );
  });

  it("survives every single byte of an event being every value", () => {
    const sample = encodeJobEvent(FULL);
    for (let at = 0; at < sample.length; at++) {
      const bytes = sample.slice();
      for (let byte = 0; byte < 256; byte++) {
        bytes[at] = byte;
        const event = tryDecode(bytes);
        if (event !== undefined && byte % 16 === 0) assertValid(event);
      }
    }
  });
});
