/**
 * The timestamp extension of MessagePack.
 *
 * @see https://github.com/msgpack/msgpack/blob/master/spec.md#timestamp-extension-type
 */

import type { ByteBuffer } from "./byte_buffer.ts";

/** Writes a time, of 32, 64 or 96 bits with its head: at most 15 bytes. */
export function writeTimestamp(out: ByteBuffer, position: number, date: Date): number {
  const { bytes, view } = out;
  const time = date.getTime();
  const seconds = Math.floor(time / 1000);
  const nanoseconds = (time - seconds * 1000) * 1e6;
  if (seconds >= 0 && seconds < 2 ** 32 && nanoseconds === 0) {
    bytes[position] = 0xd6;
    bytes[position + 1] = 0xff;
    view.setUint32(position + 2, seconds);
    return position + 6;
  }
  if (seconds >= 0 && seconds < 2 ** 34) {
    bytes[position] = 0xd7;
    bytes[position + 1] = 0xff;
    view.setUint32(position + 2, nanoseconds * 4 + Math.floor(seconds / 2 ** 32));
    view.setUint32(position + 6, seconds);
    return position + 10;
  }
  bytes[position] = 0xc7;
  bytes[position + 1] = 12;
  bytes[position + 2] = 0xff;
  view.setUint32(position + 3, nanoseconds);
  view.setBigInt64(position + 7, BigInt(seconds));
  return position + 15;
}

/**
 * Reads the data of a timestamp of 32, 64 or 96 bits, to the millisecond.
 *
 * @returns `undefined` for any other size; an invalid date for a time that no Date can hold.
 */
export function timestamp(data: Uint8Array): Date | undefined {
  const view = new DataView(data.buffer, data.byteOffset, data.byteLength);
  switch (data.length) {
    case 4:
      return toDate(view.getUint32(0), 0);
    case 8: {
      const high = view.getUint32(0);
      return toDate((high & 3) * 2 ** 32 + view.getUint32(4), high >>> 2);
    }
    case 12:
      return toDate(view.getInt32(4) * 2 ** 32 + view.getUint32(8), view.getUint32(0));
    default:
      return undefined;
  }
}

function toDate(seconds: number, nanoseconds: number): Date {
  return new Date(seconds * 1000 + Math.floor(nanoseconds / 1e6));
}
