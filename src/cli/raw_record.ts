/**
 * The raw form of an event in a file: `[size, eventId, sequence, traceparent, event]` as
 * MessagePack, so that every reader of a stream of MessagePack values can read the file. `size` is
 * the number of bytes that follow it, as an integer of 32 bits; `traceparent` is `nil` for none;
 * `event` is binary: the bytes that storages keep.
 */

import { ByteBuffer } from "../event/byte_buffer.ts";
import { encodeJobEvent } from "../event/encode.ts";
import { MsgpackReader } from "../event/msgpack_read.ts";
import { stringBound, writeBytes, writeDouble, writeString } from "../event/msgpack_write.ts";
import { decodeJobEvent } from "../gen/decode.ts";
import type { JobEvent, StoredJobEvent } from "../gen/types.ts";

/** The first byte of a record: that of a list of five. No JSON begins with it. */
export const RAW_MARK = 0x95;

const UINT32 = 0xce;
const NIL = 0xc0;
/** The mark, and the size behind its own head. */
const HEAD_BYTES = 6;
const DOUBLE_BYTES = 9;
/** How long the heads of binary data are. */
const BINARY_HEADS: ReadonlyMap<number | undefined, number> = new Map([
  [0xc4, 2],
  [0xc5, 3],
  [0xc6, 5],
]);

/** Makes records. Each lies in a buffer that is used again: copy it at once. */
export function rawEncoder(): (event: StoredJobEvent) => Uint8Array {
  const buffer = new ByteBuffer(4096);
  return (event) => {
    const { eventId, natsSequence, traceparent } = event;
    const payload = encodeJobEvent(event);
    const bound = stringBound(eventId) + stringBound(traceparent ?? "") + payload.length;
    buffer.reserve(bound + 2 * HEAD_BYTES + DOUBLE_BYTES);
    let end = writeString(buffer, HEAD_BYTES, eventId);
    end = writeDouble(buffer, end, natsSequence);
    if (traceparent === undefined) buffer.bytes[end++] = NIL;
    else end = writeString(buffer, end, traceparent);
    end = writeBytes(buffer, end, payload);
    buffer.bytes[0] = RAW_MARK;
    buffer.bytes[1] = UINT32;
    buffer.view.setUint32(2, end - HEAD_BYTES);
    return buffer.bytes.subarray(0, end);
  };
}

/** How long the record at a position is; `undefined` where none begins or it cannot be said yet. */
export function rawLength(data: Uint8Array, position: number): number | undefined {
  if (data[position] !== RAW_MARK || data[position + 1] !== UINT32) return undefined;
  if (position + HEAD_BYTES > data.length) return undefined;
  const view = new DataView(data.buffer, data.byteOffset + position);
  return HEAD_BYTES + view.getUint32(2);
}

/** What a record holds. */
export type RawEvent = JobEvent & {
  readonly eventId: string;
  readonly sequence: number;
  readonly traceparent?: string;
  /** The event as it is stored. */
  readonly payload: Uint8Array;
};

/**
 * Reads a record.
 *
 * @throws {JobEventError} `ERR_DECODE`: it is none.
 */
export function decodeRaw(data: Uint8Array): RawEvent {
  const reader: MsgpackReader = new MsgpackReader(data, "record");
  reader.position = HEAD_BYTES;
  reader.field = "eventId";
  const eventId = reader.string();
  reader.field = "sequence";
  const sequence = reader.number();
  reader.field = "traceparent";
  const traceparent = reader.nil() ? undefined : reader.string();
  reader.field = "event";
  const head = BINARY_HEADS.get(data[reader.position]);
  if (head === undefined) reader.fail("expected binary data");
  const start = reader.position + head;
  reader.skip();
  const payload = data.subarray(start, reader.position);
  const trace = traceparent === undefined ? {} : { traceparent };
  return { ...decodeJobEvent(payload), eventId, sequence, payload, ...trace };
}
