/** Bytes as text. */

// On some runtimes a decoder that refuses bad bytes costs several times one that replaces them by
// U+FFFD. So the replacing one does the work, and only a text with U+FFFD in it is looked at again.
const replacingDecoder = new TextDecoder("utf-8", { ignoreBOM: true });
const fatalDecoder = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

type Latin1Slice = (this: Uint8Array, start: number, end: number) => string;

/**
 * Reads bytes that are a character each, in half of the time that TextDecoder takes. Only where the
 * runtime has Buffer, whose method it is.
 */
export const latin1Slice: Latin1Slice | undefined =
  (globalThis as { readonly Buffer?: { readonly prototype?: { latin1Slice?: Latin1Slice } } })
    .Buffer?.prototype?.latin1Slice;

// What an error message shows of a text.
const MAX_SHOWN = 64;

/** Whether the bytes from `start` to `end` are ASCII, which Latin-1 and UTF-8 share. */
export function isAscii(view: DataView, start: number, end: number): boolean {
  let bits = 0;
  let at = start;
  for (; at + 4 <= end; at += 4) bits |= view.getUint32(at);
  for (; at < end; at++) bits |= view.getUint8(at);
  return (bits & 0x80808080) === 0;
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
