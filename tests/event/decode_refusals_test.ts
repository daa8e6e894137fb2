import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { encodeJobEvent } from "../../src/event/encode.ts";
import { MAX_DEPTH } from "../../src/event/limits.ts";
import { JobEventError } from "../../src/errors.ts";
import { decodeJobEvent } from "../../src/gen/decode.ts";
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

/** Asserts that decoding fails as it should, and gives the message. */
function refused(input: Uint8Array, says?: RegExp): string {
  let message = "";
  assert.throws(() => decodeJobEvent(input), (error: unknown) => {
    assert.ok(error instanceof JobEventError, String(error));
    assert.equal(error.code, "ERR_DECODE");
    assert.match(error.message, /^Cannot decode job event: (?:the map|field .*) at offset \d+: ./s);
    if (says !== undefined) assert.match(error.message, says);
    message = error.message;
    return true;
  });
  return message;
}

describe("decodeJobEvent() refuses", () => {
  it("every prefix of an event", () => {
    for (const event of [...ALL_TYPES, FULL]) {
      const encoded = encodeJobEvent(event);
      for (let length = 0; length < encoded.length; length++) refused(encoded.subarray(0, length));
    }
    const wide = eventWith(["message", text("x".repeat(70), 4)], ["region", [0xc7, 3, 9, 1, 2, 3]]);
    for (let length = 0; length < wide.length; length++) refused(wide.subarray(0, length));
  });

  it("every prefix of an event, also right after the whole was read", () => {
    for (const whole of [encodeJobEvent(FULL), eventWith(["message", 0xc0])]) {
      for (let length = 0; length < whole.length; length++) {
        decodeJobEvent(whole);
        refused(whole.subarray(0, length), /the bytes end early|longer than the bytes/);
      }
    }
  });

  it("what follows the end", () => {
    const encoded = encodeJobEvent(FULL);
    refused(
      bytes(encoded, 0xc0),
      new RegExp(`the map at offset ${encoded.length}: 1 bytes follow`),
    );
    refused(bytes(encoded, encoded), /bytes follow the end/);
  });

  it("what is no map, with its type", () => {
    const others: readonly [Part, string][] = [
      [5, "an integer"],
      [0xff, "an integer"],
      [0xc0, "nil"],
      [0xc3, "a boolean"],
      [[0x91, 0xc0], "an array"],
      [[0xdc, 0, 0], "an array"],
      [text("a"), "a string"],
      [float(1), "a float"],
      [[0xc4, 0], "binary data"],
      [[0xd4, 0, 0], "an extension"],
      [[0xc7, 0, 0], "an extension"],
      [0xc1, "the unused byte 0xc1"],
    ];
    for (const [part, type] of others) {
      const message = refused(bytes(part));
      assert.equal(
        message,
        `Cannot decode job event: the map at offset 0: expected a map, got ${type}`,
      );
    }
    refused(new Uint8Array(0), /the map at offset 0: the bytes end early/);
  });

  it("events without a job, a type or a time, and an empty job", () => {
    const [job, type, time] = REQUIRED;
    refused(map(type!, time!), /field job_id .*missing/);
    refused(map(job!, time!), /field event_type .*missing/);
    refused(map(job!, type!), /field timestamp .*missing/);
    refused(bytes(0x80), /field job_id/);
    refused(map(["job_id", text("")], type!, time!), /field job_id/);
    refused(map(["job_id", 0xc0], type!, time!), /field job_id/);
  });

  it("wrong types of each field, with field and offset", () => {
    const wrong = (key: string, part: Part, expected: string): void => {
      const input = map([key, part], ...REQUIRED);
      const offset = 3 + text(key).length;
      refused(
        input,
        new RegExp(`: field ${key} at offset ${offset}: expected ${expected}, got `),
      );
    };
    for (const key of ["job_id", "event_type", ...TEXT_FIELDS]) {
      for (
        const part of [5, 0xc2, float(1), [0x91, 0xc0], [0x80], [0xc4, 0], [0xd6, 0xff, 0, 0, 0, 0]]
      ) {
        wrong(key, part, "a string");
      }
    }
    for (const key of ["timestamp", ...NUMBER_FIELDS]) {
      for (
        const part of [text("5"), 0xc2, [0x91, 0xc0], [0x80], [0xc4, 0], [0xd6, 0xff, 0, 0, 0, 0]]
      ) {
        wrong(key, part, "a number");
      }
    }
    for (const key of MAP_FIELDS) {
      for (const part of [text("5"), 0xc2, 5, float(1), [0x91, 0xc0], [0xc4, 0]]) {
        wrong(key, part, "a map");
      }
    }
    refused(
      eventWith(["tags", [0x81, 0xa1, 0x61, 5]]),
      /field tags .*expected a string, got an integer/,
    );
    refused(
      eventWith(["tags", [0x81, 0xa1, 0x61, 0xc0]]),
      /field tags .*expected a string, got nil/,
    );
    refused(
      eventWith(["tags", [0x81, 5, 0xa1, 0x61]]),
      /field tags .*expected a string, got an integer/,
    );
    refused(bytes(0x81, 5, 5), /the map at offset 1: expected a string, got an integer/);
  });

  it("numbers that are not finite in a field", () => {
    for (const number of [NaN, Infinity, -Infinity]) {
      refused(
        eventWith(["duration_ms", float(number)]),
        /field duration_ms .*is not a finite number/,
      );
    }
    refused(eventWith(["timestamp", [0xca, 0x7f, 0xc0, 0, 0]]), /field timestamp/);
  });

  it("unknown event types, shortened", () => {
    refused(
      eventWith(["event_type", text("begun")]),
      /field event_type .*"begun" is not a known event type/,
    );
    refused(eventWith(["event_type", text("constructor")]), /"constructor" is not/);
    const message = refused(eventWith(["event_type", text("x".repeat(100_000))]));
    assert.ok(message.length < 300, `${message.length} characters`);
    assert.ok(refused(eventWith(["k".repeat(100_000), 0xc1])).length < 300);
  });

  it("lengths beyond the bytes, at once", () => {
    const huge = [0xff, 0xff, 0xff, 0xff];
    const start = performance.now();
    for (let round = 0; round < 100; round++) {
      refused(bytes(0xdf, huge), /a map of 4294967295 members is longer than the bytes/);
      refused(bytes(0xdf, huge, encodeJobEvent(SMALL)), /longer than the bytes/);
      for (const key of ["details", "other"]) {
        for (const head of [0xdf, 0xdd, 0xdb, 0xc6]) {
          const inner = bytes(0x81, text("a"), head, huge);
          refused(
            eventWith([key, key === "details" ? inner : bytes(head, huge)]),
            new RegExp(`field ${key} at`),
          );
        }
        refused(eventWith([key, bytes(0x81, text("a"), 0xc9, huge, 5)]), /field/);
      }
      refused(eventWith(["message", bytes(0xdb, huge, 1, 2)]), /field message/);
      refused(eventWith(["tags", bytes(0xdf, huge)]), /field tags .*a map of 4294967295 members/);
      refused(eventWith(["tags", bytes(0xde, 0xff, 0xff)]), /field tags .*a map of 65535 members/);
    }
    assert.ok(performance.now() - start < 3000, "no loop over what is not there");
  });

  it("nesting beyond 32 levels, however deep", () => {
    for (const levels of [MAX_DEPTH, 1000, 200_000]) {
      for (const head of [[0x81, 0xa1, 0x61], [0x91], [0x81]]) {
        const inner = new Uint8Array(levels * head.length + 1);
        for (let at = 0; at < inner.length - 1; at++) inner[at] = head[at % head.length]!;
        inner[inner.length - 1] = 5;
        refused(eventWith(["details", bytes(0x81, text("a"), inner)]), /field details/);
        refused(
          eventWith(["other", bytes(0x91, inner)]),
          /field other .*deeper than 32 levels|field other .*longer/,
        );
      }
    }
    const key = bytes(0x81, ...Array.from({ length: 40 }, () => 0x81), 5, 5);
    refused(eventWith(["details", key]), /field details/);
  });

  it("texts that are not UTF-8", () => {
    const bad: readonly number[][] = [
      [0x80],
      [0xff],
      [0xc3],
      [0xc0, 0x80],
      [0xed, 0xa0, 0x80],
      [0xf4, 0x90, 0x80, 0x80],
      [0xe2, 0x82],
      [0x61, 0xf0, 0x9f, 0x9a],
    ];
    for (const utf8 of bad) {
      for (const padding of [0, 10, 22, 30, 200]) {
        const value = bytes(new Array(padding).fill(0x61), utf8);
        const part = bytes(0xda, integer(value.length, 2), value);
        refused(eventWith(["message", part]), /field message at offset \d+: a string is not UTF-8/);
        refused(eventWith(["details", bytes(0x81, text("a"), part)]), /field details .*not UTF-8/);
        refused(eventWith(["details", bytes(0x81, part, 5)]), /field details .*not UTF-8/);
        refused(eventWith(["tags", bytes(0x81, part, text("a"))]), /field tags .*not UTF-8/);
      }
    }
    refused(bytes(0x81, 0xa1, 0xff, 5), /the map at offset 1: a string is not UTF-8/);
    const both = bytes(text("\ufffd").subarray(1), 0xff);
    refused(eventWith(["message", bytes(0xa0 | both.length, both)]), /not UTF-8/);
  });

  it("extensions and timestamps without a meaning", () => {
    for (let type = -128; type < 128; type++) {
      if (type === -1) continue;
      const byte = type & 0xff;
      for (
        const part of [[0xd4, byte, 0], [0xd6, byte, 0, 0, 0, 0], [0xc7, 0, byte], [
          0xc8,
          0,
          1,
          byte,
          0,
        ]]
      ) {
        const inner = bytes(0x81, text("a"), part);
        refused(
          eventWith(["details", inner]),
          new RegExp(`field details .*extension type ${type} is not`),
        );
      }
    }
    for (
      const part of [[0xd4, 0xff, 0], [0xd5, 0xff, 0, 0], [0xc7, 0, 0xff], [0xc7, 3, 0xff, 1, 2, 3]]
    ) {
      refused(eventWith(["details", bytes(0x81, text("a"), part)]), /a timestamp has \d bytes/);
    }
    const far = [0xc7, 12, 0xff, 0, 0, 0, 0, 0x7f, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff];
    refused(eventWith(["details", bytes(0x81, text("a"), far)]), /a timestamp is out of range/);
    refused(eventWith(["details", bytes(0x81, text("a"), 0xc1)]), /the unused byte 0xc1/);
    refused(eventWith(["other", 0xc1]), /field other .*the unused byte 0xc1/);
  });

  it("keys of maps that are maps, lists, bytes or dates", () => {
    for (const part of [[0x80], [0x90], [0xc4, 0], [0xd6, 0xff, 0, 0, 0, 0]]) {
      refused(eventWith(["details", bytes(0x81, part, 5)]), /field details .*a map's key is/);
    }
  });

  it("what are no bytes with a TypeError", () => {
    for (const value of [undefined, null, "text", [1], new ArrayBuffer(1), new Uint16Array(1)]) {
      assert.throws(() => decodeJobEvent(value as unknown as Uint8Array), { name: "TypeError" });
    }
  });

  it("nothing in a way that pollutes a prototype", () => {
    for (const name of ["__proto__", "constructor", "prototype"]) {
      const polluting = bytes(0x81, text(name), 0x81, text("polluted"), 0xc3);
      const event = decodeJobEvent(eventWith(
        ["details", polluting],
        ["metadata", bytes(0x81, text("a"), polluting)],
        [name, bytes(0x81, text("polluted"), 0xc3)],
        ["tags", bytes(0x81, text(name), text("polluted"))],
      ));
      for (const map of [event.details, event.metadata, event.tags, event.metadata?.["a"]]) {
        assert.equal(Object.getPrototypeOf(map), Object.prototype);
      }
      assert.deepEqual(Object.keys(event.details!), [name]);
      assert.equal(({} as { polluted?: boolean }).polluted, undefined);
      assert.ok(!("polluted" in event));
    }
  });
});
