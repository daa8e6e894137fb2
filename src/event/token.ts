/** One token of a subject: the only way by which a raw id gets into a subject. */

import { MAX_TOKEN_BYTES } from "./limits.ts";
import { decodeUtf8 } from "./text.ts";

const PLAIN = /^[A-Za-z0-9_-]+$/;
const ENCODED = /^(?:[^=]|=[0-9A-F]{2})+$/;
const RESERVED = "global";

const encoder = new TextEncoder();

/**
 * Encodes any id as one token of a NATS subject.
 *
 * `A-Z a-z 0-9 _ -` stay as they are; every other byte of the UTF-8 form becomes `=HH`. The word
 * `global`, which the subject grammar reserves, becomes `=67lobal`. Two different ids never give
 * the same token, and {@linkcode decodeSubjectToken} gives the id back.
 *
 * @param raw The id.
 * @returns The token, 1 to 255 bytes of ASCII.
 * @throws {TypeError} The id is no string, or not well-formed Unicode (a lone surrogate).
 * @throws {RangeError} The id is empty or its token is longer than 255 bytes.
 *
 * @example
 * ```ts
 * import { encodeSubjectToken } from "@naq/events";
 * import assert from "node:assert/strict";
 *
 * assert.equal(encodeSubjectToken("job-1"), "job-1");
 * assert.equal(encodeSubjectToken("a.b"), "a=2Eb");
 * ```
 */
export function encodeSubjectToken(raw: string): string {
  if (typeof raw === "string" && PLAIN.test(raw) && raw.length <= MAX_TOKEN_BYTES) {
    return raw === RESERVED ? "=67lobal" : raw;
  }
  return encodeUnusual(raw);
}

function encodeUnusual(raw: string): string {
  if (typeof raw !== "string") {
    throw new TypeError(`Cannot encode a subject token: expected a string, got ${typeof raw}`);
  }
  if (raw === "") throw new RangeError(`Cannot encode a subject token: the id is ""`);
  if (!raw.isWellFormed()) {
    throw new TypeError("Cannot encode a subject token: the id has a lone surrogate");
  }
  let token = "";
  // An id this long can be refused without looking at each of its bytes.
  if (raw.length <= MAX_TOKEN_BYTES) {
    for (const byte of encoder.encode(raw)) {
      token += isPlainByte(byte)
        ? String.fromCharCode(byte)
        : "=" + byte.toString(16).toUpperCase().padStart(2, "0");
    }
    if (token.length <= MAX_TOKEN_BYTES) return token;
  }
  throw new RangeError(
    `Cannot encode a subject token: the id "${raw.slice(0, 32)}…" is longer than ` +
      `${MAX_TOKEN_BYTES} bytes when encoded`,
  );
}

// 1 for each byte that stays as it is.
const PLAIN_BYTES = Uint8Array.from({ length: 128 }, (_, byte) => isPlainByte(byte) ? 1 : 0);

/**
 * Writes the token of an id that is its own token, as most are.
 *
 * @returns The position after it, or `undefined` for other ids: {@linkcode encodeSubjectToken}
 * knows more.
 */
export function writePlainToken(
  bytes: Uint8Array,
  position: number,
  raw: string,
): number | undefined {
  if (typeof raw !== "string" || raw === RESERVED) return undefined;
  const { length } = raw;
  if (length === 0 || length > MAX_TOKEN_BYTES) return undefined;
  let index = 0;
  while (index < length) {
    const unit = raw.charCodeAt(index);
    if (unit > 0x7f || PLAIN_BYTES[unit] === 0) break;
    bytes[position + index] = unit;
    index++;
  }
  return index === length ? position + length : undefined;
}

function isPlainByte(byte: number): boolean {
  return (byte >= 0x61 && byte <= 0x7a) || (byte >= 0x41 && byte <= 0x5a) ||
    (byte >= 0x30 && byte <= 0x39) || byte === 0x5f || byte === 0x2d;
}

/**
 * Gives back the id of a token. Tokens that other programs wrote, with characters that
 * {@linkcode encodeSubjectToken} would have encoded, are taken as they stand.
 *
 * @param token One token of a subject.
 * @throws {TypeError} The token is no string.
 * @throws {RangeError} The token is empty or has a `=` that no two hexadecimal digits follow, or
 * its bytes are not UTF-8.
 *
 * @example
 * ```ts
 * import { decodeSubjectToken } from "@naq/events";
 * import assert from "node:assert/strict";
 *
 * assert.equal(decodeSubjectToken("a=2Eb"), "a.b");
 * ```
 */
export function decodeSubjectToken(token: string): string {
  if (typeof token !== "string") {
    throw new TypeError(`Cannot decode a subject token: expected a string, got ${typeof token}`);
  }
  if (PLAIN.test(token)) return token;
  if (!ENCODED.test(token)) {
    throw new RangeError(`Cannot decode a subject token: "${token}" is not well-formed`);
  }
  try {
    return decodeUtf8(tokenBytes(token));
  } catch (cause) {
    throw new RangeError(`Cannot decode a subject token: "${token}" is not UTF-8`, { cause });
  }
}

function tokenBytes(token: string): Uint8Array {
  const bytes: number[] = [];
  for (const part of token.split(/(=[0-9A-F]{2})/)) {
    if (part.startsWith("=")) bytes.push(Number.parseInt(part.slice(1), 16));
    else for (const byte of encoder.encode(part)) bytes.push(byte);
  }
  return Uint8Array.from(bytes);
}
