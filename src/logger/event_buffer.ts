/** The logger's memory: encoded events in the order in which they were logged. */

import { ByteBuffer } from "../event/byte_buffer.ts";
import { writeJobEvent } from "../gen/encode.ts";
import type { JobEvent } from "../gen/types.ts";

const CHUNK_BYTES = 64 * 1024;

/** An event that was encoded. */
export interface BufferedEvent {
  /** The how-manieth event of the logger it is, from 1. */
  readonly ordinal: number;
  readonly subject: string;
  readonly payload: Uint8Array;
  /** Its trace context, if it has one. */
  readonly traceparent?: string | undefined;
  /** Its id, where it cannot be told from the ordinal: an earlier logger made it. */
  readonly eventId?: string;
}

/** A queue of encoded events: that in memory, or one that keeps them in a file as well. */
export type EventQueue = Pick<EventBuffer, keyof EventBuffer>;

/**
 * Events are encoded one behind the other into chunks, so that an event costs its bytes and no
 * object. A chunk is freed when the last event in it has left.
 */
class ChunkWriter extends ByteBuffer {
  constructor() {
    super(0);
  }

  /** Whether the chunk was made for one event that is large. */
  get isLarge(): boolean {
    return this.bytes.length > CHUNK_BYTES;
  }

  /** Lets go of the chunk. */
  release(): void {
    this.bytes = new Uint8Array(0);
    this.view = new DataView(this.bytes.buffer);
    this.position = 0;
  }

  /** Begins a new chunk rather than to move the events in the old one. */
  override reserve(size: number): void {
    if (size <= this.bytes.length - this.position) return;
    this.bytes = new Uint8Array(Math.max(CHUNK_BYTES, size));
    this.view = new DataView(this.bytes.buffer);
    this.position = 0;
  }
}

/** A queue of encoded events: in at the back, out at the front, and back to the front. */
export class EventBuffer {
  readonly #writer = new ChunkWriter();
  // A ring: the entry at `#head` is the oldest. Its capacity is a power of two.
  #chunks: (Uint8Array | undefined)[] = new Array(64);
  #subjects: string[] = new Array(64).fill("");
  #starts = new Uint32Array(64);
  #ends = new Uint32Array(64);
  #ordinals = new Float64Array(64);
  // By ordinal: few events have one, and those without pay nothing.
  readonly #traceparents = new Map<number, string>();
  #head = 0;
  #length = 0;
  #byteLength = 0;
  #draftStart = 0;

  /** Number of events. */
  get length(): number {
    return this.#length;
  }

  /** Size of the encoded events. */
  get byteLength(): number {
    return this.#byteLength;
  }

  /** The ordinal of the oldest event, or `Infinity` for none. */
  get firstOrdinal(): number {
    return this.#length === 0 ? Infinity : this.#ordinals[this.#head]!;
  }

  /** The ordinal of the newest event, or 0 for none. */
  get lastOrdinal(): number {
    if (this.#length === 0) return 0;
    return this.#ordinals[(this.#head + this.#length - 1) & (this.#chunks.length - 1)]!;
  }

  /** How many events have an ordinal up to this one. */
  countUpTo(ordinal: number): number {
    let count = 0;
    for (; count < this.#length; count++) {
      const slot = (this.#head + count) & (this.#chunks.length - 1);
      if (this.#ordinals[slot]! > ordinal) break;
    }
    return count;
  }

  /**
   * Encodes an event without taking it in yet: {@linkcode commit} does, the next call forgets it.
   *
   * @returns The size of the encoded event.
   * @throws {TypeError} The event is not valid.
   */
  encode(event: JobEvent): number {
    const writer = this.#writer;
    const { bytes } = writer;
    this.#draftStart = writer.position;
    writeJobEvent(writer, event);
    if (writer.bytes !== bytes) this.#draftStart = 0;
    return writer.position - this.#draftStart;
  }

  /** Forgets the event that {@linkcode encode} wrote. */
  discard(): void {
    this.#writer.position = this.#draftStart;
    if (this.#writer.isLarge) this.#writer.release();
  }

  /** The bytes of the event that {@linkcode encode} wrote, copied. */
  draft(): Uint8Array {
    return this.#writer.bytes.slice(this.#draftStart, this.#writer.position);
  }

  /** Takes in the event that {@linkcode encode} wrote. */
  commit(ordinal: number, subject: string, traceparent?: string): void {
    this.#makeRoom();
    if (traceparent !== undefined) this.#traceparents.set(ordinal, traceparent);
    const slot = (this.#head + this.#length) & (this.#chunks.length - 1);
    const { bytes, position, isLarge } = this.#writer;
    if (isLarge) {
      // Its chunk has up to three times its size, and would stay here when the event has left.
      const payload = this.draft();
      this.discard();
      this.#set(slot, ordinal, subject, payload, 0, payload.length);
    } else {
      this.#set(slot, ordinal, subject, bytes, this.#draftStart, position);
    }
  }

  /** Takes out the oldest event. */
  shift(): BufferedEvent | undefined {
    if (this.#length === 0) return undefined;
    const slot = this.#head;
    const payload = this.#chunks[slot]!.subarray(this.#starts[slot], this.#ends[slot]);
    const ordinal = this.#ordinals[slot]!;
    const traceparent = this.#traceparents.get(ordinal);
    if (traceparent !== undefined) this.#traceparents.delete(ordinal);
    const event = { ordinal, subject: this.#subjects[slot]!, payload, traceparent };
    this.#chunks[slot] = undefined;
    this.#subjects[slot] = "";
    this.#head = (slot + 1) & (this.#chunks.length - 1);
    this.#length--;
    this.#byteLength -= payload.length;
    return event;
  }

  /** Puts an event that was taken out back to the front. */
  unshift(event: BufferedEvent): void {
    this.#makeRoom();
    this.#head = (this.#head - 1) & (this.#chunks.length - 1);
    const { payload, traceparent } = event;
    if (traceparent !== undefined) this.#traceparents.set(event.ordinal, traceparent);
    const chunk = new Uint8Array(payload.buffer as ArrayBuffer);
    this.#set(
      this.#head,
      event.ordinal,
      event.subject,
      chunk,
      payload.byteOffset,
      payload.byteOffset + payload.length,
    );
  }

  #set(
    slot: number,
    ordinal: number,
    subject: string,
    chunk: Uint8Array,
    start: number,
    end: number,
  ): void {
    this.#chunks[slot] = chunk;
    this.#subjects[slot] = subject;
    this.#starts[slot] = start;
    this.#ends[slot] = end;
    this.#ordinals[slot] = ordinal;
    this.#length++;
    this.#byteLength += end - start;
  }

  #makeRoom(): void {
    const capacity = this.#chunks.length;
    if (this.#length < capacity) return;
    const slots = Array.from(
      { length: capacity },
      (_, index) => (this.#head + index) & (capacity - 1),
    );
    this.#chunks = slots.map((slot) => this.#chunks[slot]);
    this.#subjects = slots.map((slot) => this.#subjects[slot]!);
    this.#starts = grown(this.#starts, slots);
    this.#ends = grown(this.#ends, slots);
    this.#ordinals = grown(this.#ordinals, slots);
    this.#chunks.length = capacity * 2;
    this.#subjects.length = capacity * 2;
    this.#head = 0;
  }
}

/** A copy in the order of the slots, with twice the room. */
function grown<T extends Uint32Array | Float64Array>(values: T, slots: readonly number[]): T {
  const copy = new (values.constructor as new (length: number) => T)(values.length * 2);
  slots.forEach((slot, index) => copy[index] = values[slot]!);
  return copy;
}
