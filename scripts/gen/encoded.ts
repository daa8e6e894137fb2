/** Short texts as MessagePack, four bytes at a time. */

/** Four bytes of an encoded text. */
export interface Word {
  /** Where it begins in the encoded text. */
  readonly offset: number;
  /** As code, big-endian: `0xa66a6f62`. */
  readonly hex: string;
}

/** A text as a MessagePack string, with its shortest header. */
export function encodedString(text: string): number[] {
  const bytes = [...new TextEncoder().encode(text)];
  if (bytes.length < 32) return [0xa0 | bytes.length, ...bytes];
  return [0xd9, bytes.length, ...bytes];
}

/** Whether words can cover an encoded text. */
export function hasWords(encoded: readonly number[]): boolean {
  return encoded.length >= 4;
}

/** The words that cover an encoded text; the last two may overlap. */
export function wordsOf(encoded: readonly number[]): Word[] {
  const words: Word[] = [];
  for (let at = 0; at < encoded.length; at += 4) {
    const offset = Math.min(at, encoded.length - 4);
    const hex = encoded.slice(offset, offset + 4).map(twoDigits).join("");
    words.push({ offset, hex: `0x${hex}` });
  }
  return words;
}

/** A byte as code. */
export function hexOf(byte: number): string {
  return `0x${twoDigits(byte)}`;
}

function twoDigits(byte: number): string {
  return byte.toString(16).padStart(2, "0");
}
