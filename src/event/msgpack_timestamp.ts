/**
 * The timestamp extension of MessagePack.
 *
 * @see https://github.com/msgpack/msgpack/blob/master/spec.md#timestamp-extension-type
 */

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
