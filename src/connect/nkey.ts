/**
 * A user's key as NATS writes it: in base32, with what it is for before it and a checksum behind.
 *
 * @see https://github.com/nats-io/nkeys
 */

const LETTERS = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";

/** What a public key begins with: it makes the first letter a U. */
const USER = [20 << 3];
/** What a seed begins with: it makes the first letters SU. */
const USER_SEED = [18 << 3 | 20 >> 2, 0];
const KEY_BYTES = 32;

/**
 * The private key in the seed of a user.
 *
 * @throws {Error} It is none.
 */
export function readUserSeed(seed: string): Uint8Array {
  const end = USER_SEED.length + KEY_BYTES;
  const key = Uint8Array.from(fromBase32(seed).slice(USER_SEED.length, end));
  // Whatever is wrong with a text, it is not what its key is written as.
  if (write(USER_SEED, key) !== seed) throw new Error("Not the seed of a user");
  return key;
}

/** The public key of a user as text. */
export function writeUserKey(key: Uint8Array): string {
  return write(USER, key);
}

function write(head: readonly number[], key: Uint8Array): string {
  const bytes = [...head, ...key];
  const sum = checksum(bytes);
  return toBase32([...bytes, sum & 0xff, sum >> 8]);
}

/** CRC-16 as XMODEM has it. */
function checksum(bytes: readonly number[]): number {
  let sum = 0;
  for (const byte of bytes) {
    sum ^= byte << 8;
    for (let bit = 0; bit < 8; bit++) sum = sum << 1 ^ (sum & 0x8000 ? 0x11021 : 0);
  }
  return sum;
}

function fromBase32(text: string): number[] {
  const bytes: number[] = [];
  let bits = 0;
  let count = 0;
  for (const letter of text) {
    bits = bits << 5 | LETTERS.indexOf(letter);
    count += 5;
    if (count < 8) continue;
    count -= 8;
    bytes.push(bits >> count & 0xff);
  }
  return bytes;
}

function toBase32(bytes: readonly number[]): string {
  let text = "";
  let bits = 0;
  let count = 0;
  for (const byte of bytes) {
    bits = bits << 8 | byte;
    for (count += 8; count >= 5; count -= 5) text += LETTERS[bits >> (count - 5) & 31];
  }
  return count === 0 ? text : text + LETTERS[bits << (5 - count) & 31];
}
