/** Bytes as text. */

// On some runtimes a decoder that refuses bad bytes costs several times one that replaces them by
// U+FFFD. So the replacing one does the work, and only a text with U+FFFD in it is looked at again.
const replacingDecoder = new TextDecoder("utf-8", { ignoreBOM: true });
const fatalDecoder = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

type Slice = (this: Uint8Array, start: number, end: number) => string;

interface BufferHost {
  readonly Buffer?: {
    readonly prototype?: { readonly latin1Slice?: Slice; readonly utf8Slice?: Slice };
  };
}

// Where the runtime has Buffer, its methods take half of the time of TextDecoder.
const buffer = (globalThis as BufferHost).Buffer?.prototype;
const utf8Slice = buffer?.utf8Slice;

/** Reads bytes that are a character each, where the runtime can. */
export const latin1Slice: Slice | undefined = buffer?.latin1Slice;

const encoder = new TextEncoder();

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

/** Reads what {@linkcode writeText} wrote from `start` to `end`. */
export function readText(bytes: Uint8Array, start: number, end: number): string {
  if (utf8Slice !== undefined) return utf8Slice.call(bytes, start, end);
  return replacingDecoder.decode(bytes.subarray(start, end));
}

/** Writes a text up to its first character that is not ASCII, and gives how many it wrote. */
export function writeAscii(bytes: Uint8Array, position: number, text: string): number {
  const { length } = text;
  let index = 0;
  while (index < length) {
    const unit = text.charCodeAt(index);
    if (unit > 0x7f) break;
    bytes[position + index] = unit;
    index++;
  }
  return index;
}

/** Writes UTF-8 and gives the position after it. There must be room. */
export function writeText(bytes: Uint8Array, position: number, text: string): number {
  if (writeAscii(bytes, position, text) === text.length) return position + text.length;
  return position + encoder.encodeInto(text, bytes.subarray(position)).written;
}

/** Shortens a text for an error message. */
export function shorten(text: string): string {
  return text.length > MAX_SHOWN ? `${text.slice(0, MAX_SHOWN)}…` : text;
}
