import assert from "node:assert/strict";
import { describe, it } from "node:test";
import fc from "fast-check";
import { eventFromJson, eventLine } from "../../src/cli/json.ts";
import { parseDuration, parseStart, parseTime } from "../../src/cli/parse.ts";
import { bar, bytes, duration, shown, sparkline } from "../../src/cli/text.ts";
import { Timeline } from "../../src/cli/timeline.ts";
import { decodeStoredJobEvent } from "../../src/gen/decode.ts";
import { encodeJobEvent } from "../../src/event/encode.ts";
import { JobEvent } from "../../src/gen/factories.ts";
import { testSeed } from "../helpers.ts";

describe("eventLine() and eventFromJson()", () => {
  it("lose nothing that an event can hold", () => {
    const leaf = fc.oneof(
      fc.constant(null),
      fc.boolean(),
      fc.double(),
      fc.string({ unit: "binary" }),
      fc.bigInt({ min: 2n ** 60n, max: 2n ** 63n - 1n }),
      fc.uint8Array(),
      fc.date({ noInvalidDate: true, min: new Date(0), max: new Date(4e12) }),
    );
    const key = fc.oneof(
      fc.string(),
      fc.constantFrom("$bytes", "$date", "$bigint", "$number", "$$", "__proto__", "toJSON"),
    );
    const { value } = fc.letrec((tie) => ({
      value: fc.oneof(
        { maxDepth: 4 },
        leaf,
        fc.array(tie("value"), { maxLength: 3 }),
        fc.dictionary(key, tie("value"), { maxKeys: 3 }),
      ),
    }));
    const details = fc.dictionary(key, value, { minKeys: 1, maxKeys: 3 });
    fc.assert(
      fc.property(details, (given) => {
        const event = { ...JobEvent.cancelled("job-1"), timestamp: 1, details: given } as JobEvent;
        const stored = decodeStoredJobEvent(encodeJobEvent(event), "subject", 7, "id");
        const line = eventLine(stored);
        // deno-lint-ignore no-control-regex
        assert.doesNotMatch(line, /[\u0000-\u001f\u007f-\u009f\u202e]/);
        const back = eventFromJson(JSON.parse(line)) as unknown as JobEvent;
        assert.deepEqual(encodeJobEvent(back), encodeJobEvent(stored));
      }),
      { seed: testSeed(), numRuns: 100 },
    );
  });

  it("say what they cannot read", () => {
    for (const details of ['{"a":{"$date":"x"}}', '{"a":{"$bytes":1}}', '{"a":{"$other":"x"}}']) {
      assert.throws(() => eventFromJson({ details: JSON.parse(details) }), TypeError);
    }
    assert.throws(() => eventFromJson([]), /it is no JSON object/);
  });
});

describe("texts of the command line", () => {
  it("are short and say their unit", () => {
    const cases: readonly (readonly [number, string])[] = [
      ...[[0, "0.0 ms"], [0.42, "0.42 ms"], [12.34, "12.3 ms"], [1250, "1.25 s"]] as const,
      ...[[60_000, "1 m 0 s"], [5_025_000, "1 h 23 m"], [90_000_000, "1 d 1 h"]] as const,
      [-1500, "-1.50 s"],
    ];
    for (const [ms, text] of cases) assert.equal(duration(ms), text);
    assert.equal(bytes(1536), "1.5 KiB");
    assert.equal(bar(1, 1000), "▏");
    assert.equal(bar(5, 10, 4), "██");
    assert.equal(sparkline([0, 1, 50, 100]), "▁▂▅█");
  });

  it("do not steer the terminal", () => {
    assert.equal(
      shown("a\u001b]0;x\u0007\u009b2J\r\u202eb\nc"),
      "a\\u001b]0;x\\u0007\\u009b2J\\u000d\\u202eb\\nc",
    );
  });

  it("are read as durations, times and positions", () => {
    assert.deepEqual(["500ms", "1.5s", "2h", "7d"].map(parseDuration), [500, 1500, 72e5, 6048e5]);
    for (const text of ["", "10", "m", "-1m", "1y"]) assert.throws(() => parseDuration(text));
    assert.equal(parseTime("2026-01-05").toISOString(), "2026-01-05T00:00:00.000Z");
    assert.equal(parseTime("2026-01-05 12:30").toISOString(), "2026-01-05T12:30:00.000Z");
    assert.equal(parseTime("2026-01-05T12:30+01:00").toISOString(), "2026-01-05T11:30:00.000Z");
    assert.ok(Math.abs(parseTime("1h").getTime() - (Date.now() - 36e5)) < 5000);
    assert.deepEqual([parseStart("all"), parseStart("17")], ["all", { sequence: 17 }]);
    for (const text of ["tomorrow", "-5", "2026"]) assert.throws(() => parseTime(text), text);
  });
});

describe("Timeline", () => {
  it("counts every event in at most sixty parts, in whatever order they come", () => {
    const event = fc.record({
      timestamp: fc.integer({ min: 1_000_000, max: 1_100_000 }),
      eventType: fc.constantFrom("failed" as const, "completed" as const),
    });
    fc.assert(
      fc.property(fc.array(event, { minLength: 1 }), (events) => {
        const timeline = new Timeline();
        for (const each of events) timeline.add({ jobId: "a", ...each });
        const { from, seconds, events: counts, failed } = timeline.toJson();
        assert.ok(counts.length <= 60 && counts.length === failed.length);
        const expected = (some: typeof events) =>
          counts.map((_, part) =>
            some.filter(({ timestamp }) => Math.floor((timestamp - from) / seconds) === part).length
          );
        assert.deepEqual(counts, expected(events));
        const isFailure = ({ eventType }: { eventType: string }) => eventType === "failed";
        assert.deepEqual(failed, expected(events.filter(isFailure)));
        const sum = counts.reduce((total, count) => total + count, 0);
        assert.equal(sum, events.length);
      }),
      { seed: testSeed() },
    );
  });
});
