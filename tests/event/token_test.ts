import assert from "node:assert/strict";
import { describe, it } from "node:test";
import fc from "fast-check";
import { MAX_TOKEN_BYTES } from "../../src/event/limits.ts";
import { decodeSubjectToken, encodeSubjectToken } from "../../src/event/token.ts";

/** Any well-formed text that is short enough for a token. */
const anyId = fc.string({ unit: "binary", minLength: 1, maxLength: 20 });
/** Text of what subjects and tokens give a meaning to. */
const nastyId = fc.string({
  unit: fc.constantFrom(..."=2E67a.*> \t\n\0\u007f\u0085\u00a0\u2028\ufeffgG_-é\u{1f600}"),
  minLength: 1,
  maxLength: 20,
});
const id = fc.oneof(
  anyId,
  nastyId,
  fc.constantFrom("global", "=67lobal", "Global", "globa", "globall"),
);

describe("encodeSubjectToken()", () => {
  it("leaves letters, digits, _ and - as they are and writes any other byte as =HH", () => {
    const plain = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_-";
    assert.equal(encodeSubjectToken(plain), plain);
    assert.equal(encodeSubjectToken("a.b"), "a=2Eb");
    assert.equal(encodeSubjectToken("*"), "=2A");
    assert.equal(encodeSubjectToken(">"), "=3E");
    assert.equal(encodeSubjectToken("="), "=3D");
    assert.equal(encodeSubjectToken("é"), "=C3=A9");
    assert.equal(encodeSubjectToken("\u{1f680}"), "=F0=9F=9A=80");
    assert.equal(encodeSubjectToken("\0 \n\u007f"), "=00=20=0A=7F");
  });

  it("escapes the reserved word global, and nothing like it", () => {
    assert.equal(encodeSubjectToken("global"), "=67lobal");
    assert.equal(decodeSubjectToken("=67lobal"), "global");
    for (const id of ["Global", "global1", "globa", "GLOBAL"]) {
      assert.equal(encodeSubjectToken(id), id);
    }
  });

  it("is undone by decodeSubjectToken()", () => {
    fc.assert(
      fc.property(id, (id) => assert.equal(decodeSubjectToken(encodeSubjectToken(id)), id)),
      { numRuns: 2000 },
    );
  });

  it("never has a dot, a wildcard, white space, a control or another character in a token", () => {
    fc.assert(
      fc.property(id, (id) => {
        const token = encodeSubjectToken(id);
        assert.match(token, /^(?:[A-Za-z0-9_-]|=[0-9A-F]{2})+$/);
        assert.notEqual(token, "global");
        assert.ok(token.length <= MAX_TOKEN_BYTES);
      }),
      { numRuns: 2000 },
    );
  });

  it("gives two different ids two different tokens", () => {
    fc.assert(
      fc.property(id, id, (one, other) => {
        fc.pre(one !== other);
        assert.notEqual(encodeSubjectToken(one), encodeSubjectToken(other));
      }),
      { numRuns: 2000 },
    );
    const tokens = new Set<string>();
    for (let code = 0; code < 0x3000; code++) {
      tokens.add(encodeSubjectToken(String.fromCodePoint(code)));
    }
    assert.equal(tokens.size, 0x3000);
    // Forms that other scripts take for the same: composed and not, small and large.
    assert.notEqual(encodeSubjectToken("é"), encodeSubjectToken("e\u0301"));
  });

  it("accepts 255 bytes and refuses more, and what is empty", () => {
    for (const id of ["a".repeat(255), "=".repeat(85), "é".repeat(42)]) {
      assert.ok(encodeSubjectToken(id).length <= 255);
    }
    for (const id of ["a".repeat(256), "=".repeat(86), "é".repeat(43), "x".repeat(5_000_000)]) {
      assert.throws(() => encodeSubjectToken(id), (error: Error) => {
        assert.equal(error.name, "RangeError");
        assert.match(error.message, /longer than 255 bytes when encoded$/);
        assert.ok(error.message.length < 150);
        return true;
      });
    }
    assert.throws(() => encodeSubjectToken(""), {
      name: "RangeError",
      message: `Cannot encode a subject token: the id is ""`,
    });
  });

  it("refuses lone surrogates and what is no text", () => {
    for (const id of ["\ud800", "a\udc00b", "\udc00\ud800", "\ud83d"]) {
      assert.throws(() => encodeSubjectToken(id), { name: "TypeError", message: /lone surrogate/ });
    }
    for (const id of [undefined, null, 5, {}, ["a"]]) {
      assert.throws(() => encodeSubjectToken(id as unknown as string), {
        name: "TypeError",
        message: /expected a string/,
      });
    }
  });
});

describe("decodeSubjectToken()", () => {
  it("takes tokens of other programs as they stand", () => {
    assert.equal(decodeSubjectToken("größe/5"), "größe/5");
    assert.equal(decodeSubjectToken("a+b=20c"), "a+b c");
    assert.equal(decodeSubjectToken("é=C3=A9"), "éé");
  });

  it("refuses what is empty, not well-formed, not UTF-8 or no text", () => {
    for (const token of ["", "=", "a=", "=4", "=4g", "=2e", "a==41", "=C3", "=FF", "=ED=A0=80"]) {
      assert.throws(() => decodeSubjectToken(token), { name: "RangeError" }, token);
    }
    assert.throws(() => decodeSubjectToken(5 as unknown as string), { name: "TypeError" });
  });

  it("takes tokens of any length without running out of stack or time", () => {
    const long = `${"é".repeat(1_000_000)}=41`;
    assert.equal(decodeSubjectToken(long), `${"é".repeat(1_000_000)}A`);
    assert.throws(() => decodeSubjectToken("=41".repeat(300_000) + "="), {
      name: "RangeError",
      message: /well-formed/,
    });
  });
});
