/** Bytes as text. */

// On some runtimes a decoder that refuses bad bytes costs several times one that replaces them by
// U+FFFD. So the replacing one does the work, and only a text with U+FFFD in it is looked at again.
const replacingDecoder = new TextDecoder("utf-8", { ignoreBOM: true });
const fatalDecoder = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

/** Up to here a loop over the bytes is faster than TextDecoder. */
export const SHORT_TEXT = 24;

// What an error message shows of a text.
const MAX_SHOWN = 64;

// The character codes of a short text, one list for each length.
const shortCodes = Array.from({ length: SHORT_TEXT + 1 }, (_, size) => new Array<number>(size));

/**
 * Reads a text of at most {@linkcode SHORT_TEXT} bytes, if they are there and ASCII.
 *
 * @returns `undefined` where they are not: then {@linkcode decodeUtf8} knows more.
 */
export function shortAscii(bytes: Uint8Array, start: number, length: number): string | undefined {
  if (start + length > bytes.length) return undefined;
  const codes = shortCodes[length]!;
  for (let index = 0; index < length; index++) {
    const byte = bytes[start + index]!;
    if (byte > 0x7f) return undefined;
    codes[index] = byte;
  }
  return String.fromCharCode.apply(null, codes);
}

/**
 * Decodes UTF-8; a byte order mark is kept.
 *
 * @throws {TypeError} The bytes are not UTF-8.
 */
export function decodeUtf8(bytes: Uint8Array): string {
  const text = replacingDecoder.decode(bytes);
  return text.includes("\ufffd") ? fatalDecoder.decode(bytes) : text;
}

/** Shortens a text for an error message. */
export function shorten(text: string): string {
  return text.length > MAX_SHOWN ? `${text.slice(0, MAX_SHOWN)}…` : text;
}
