/** Random events. */

import fc from "fast-check";
import type { JobEventValue } from "../../src/event/dynamic.ts";
import { MAX_TOKEN_BYTES } from "../../src/event/limits.ts";
import { encodeSubjectToken } from "../../src/event/token.ts";
import { JOB_EVENT_TYPES, type JobEvent } from "../../src/gen/types.ts";

/** Well-formed text: any code point but surrogates, often unusual ones. */
export const text: fc.Arbitrary<string> = fc.oneof(
  fc.string({ unit: "binary" }),
  fc.string({ unit: "grapheme" }),
  fc.string({ unit: "binary-ascii", maxLength: 300 }),
  fc.string({ unit: fc.constantFrom("\ufeff", "\0", "\uffff", "\u{10ffff}", "\ud7ff", "é", "a") }),
);

/** Ids that can be a token, many of them with what subjects give a meaning to. */
export const id: fc.Arbitrary<string> = fc.oneof(
  fc.string({
    unit: fc.constantFrom(..."ab.*>=- \t\n/_A0é\u{1f600}\u0000"),
    minLength: 1,
    maxLength: 12,
  }),
  fc.string({ unit: "binary", minLength: 1, maxLength: 20 }),
  fc.constantFrom(
    "global",
    "*",
    ">",
    ".",
    "a.b",
    "=2E",
    "a=2Eb",
    "worker",
    "completed",
    "=67lobal",
  ),
).filter((raw) => {
  try {
    return encodeSubjectToken(raw).length <= MAX_TOKEN_BYTES;
  } catch {
    return false;
  }
});

const finite = fc.oneof(
  fc.double({ noNaN: true, noDefaultInfinity: true }),
  fc.integer(),
  fc.maxSafeInteger(),
).map((number) => number === 0 ? 0 : number);

/** A key of `details` and the like. */
export const key: fc.Arbitrary<string> = fc.oneof(
  fc.string({ maxLength: 8 }),
  text,
  fc.constantFrom("__proto__", "constructor", "toJSON", "hasOwnProperty", "toString", "then", "0"),
);

// 64-bit integers that are no safe numbers: smaller ones come back as numbers.
const big = fc.oneof(
  fc.bigInt({ min: 1n << 53n, max: (1n << 64n) - 1n }),
  fc.bigInt({ min: -(1n << 63n), max: -(1n << 53n) }),
);

const date = fc.date({ noInvalidDate: true });

/** A value in `details`, up to a few levels deep. */
export const value: fc.Arbitrary<JobEventValue> = fc.letrec<{ value: JobEventValue }>((tie) => ({
  value: fc.oneof(
    { maxDepth: 4, withCrossShrink: true },
    fc.constantFrom(null, true, false),
    finite,
    text,
    big,
    date,
    fc.uint8Array({ maxLength: 40 }),
    fc.array(tie("value"), { maxLength: 20 }),
    objectOf(tie("value"), 5),
  ),
})).value;

/** An object whose keys are its own, `__proto__` too. */
function objectOf<T>(member: fc.Arbitrary<T>, maxLength: number): fc.Arbitrary<Record<string, T>> {
  return fc.uniqueArray(fc.tuple(key, member), { maxLength, selector: ([name]) => name })
    .map((entries) => Object.fromEntries(entries));
}

/** `details` or `metadata`, not empty: an empty one is absent after a round trip. */
export const dynamic: fc.Arbitrary<Record<string, JobEventValue>> = objectOf(value, 20)
  .filter((map) => Object.keys(map).length > 0);

const tags = objectOf(text, 20).filter((map) => Object.keys(map).length > 0);

/** An event of any type, with any of its fields. */
export const event: fc.Arbitrary<JobEvent> = fc.record({
  jobId: id,
  eventType: fc.constantFrom(...JOB_EVENT_TYPES),
  timestamp: finite.filter((seconds) => seconds <= 1e11),
  workerId: id,
  workerType: text,
  queueName: id,
  message: text,
  details: dynamic,
  errorType: text,
  errorMessage: text,
  durationMs: finite,
  memoryMb: finite,
  cpuTimeMs: finite,
  tags,
  metadata: dynamic,
}, { requiredKeys: ["jobId", "eventType", "timestamp"], noNullPrototype: true });
