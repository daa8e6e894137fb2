/** The logger's memory: encoded events in the order in which they were logged. */

import { ByteBuffer } from "../event/byte_buffer.ts";
import { SubjectWriter } from "../event/subject_writer.ts";
import { readText } from "../event/text.ts";
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

/** An event in a chunk: those of its fields that nobody reads are not made. */
class ChunkEvent implements BufferedEvent {
  readonly ordinal: number;
  readonly traceparent: string | undefined;
  readonly chunk: Uint8Array;
  readonly start: number;
  /** Where the payload ends and the subject begins. */
  readonly middle: number;
  readonly end: number;

  constructor(
    ordinal: number,
    traceparent: string | undefined,
    chunk: Uint8Array,
    start: number,
    middle: number,
    end: number,
  ) {
    this.ordinal = ordinal;
    this.traceparent = traceparent;
    this.chunk = chunk;
    this.start = start;
    this.middle = middle;
    this.end = end;
  }

  get payload(): Uint8Array {
    return this.chunk.subarray(this.start, this.middle);
  }

  get subject(): string {
    return readText(this.chunk, this.middle, this.end);
  }
}

/**
 * Events are encoded one behind the other into chunks, each with its subject behind it, so that an
 * event costs its bytes and no object. A chunk is freed when the last event in it has left.
 */
class ChunkWriter extends ByteBuffer {
  readonly #extra: number;

  /** @param extra Room that is there beyond what is reserved, for a subject. */
  constructor(extra: number) {
    super(0);
    this.#extra = extra;
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
    const room = size + this.#extra;
    if (room <= this.bytes.length - this.position) return;
    this.bytes = new Uint8Array(Math.max(CHUNK_BYTES, room));
    this.view = new DataView(this.bytes.buffer);
    this.position = 0;
  }
}

/** A queue of encoded events: in at the back, out at the front, and back to the front. */
export class EventBuffer {
  readonly #subjects: SubjectWriter;
  readonly #writer: ChunkWriter;
  // A ring: the entry at `#head` is the oldest. Its capacity is a power of two.
  #chunks: (Uint8Array | undefined)[] = new Array(64);
  #starts = new Uint32Array(64);
  #middles = new Uint32Array(64);
  #ends = new Uint32Array(64);
  #ordinals = new Float64Array(64);
  // By ordinal: few events have one, and those without pay nothing.
  readonly #traceparents = new Map<number, string>();
  #head = 0;
  #length = 0;
  #byteLength = 0;
  #draftStart = 0;
  #draftMiddle = 0;

  /** @param subjectPrefix What the subject of every event begins with. */
  constructor(subjectPrefix: string) {
    this.#subjects = new SubjectWriter(subjectPrefix);
    this.#writer = new ChunkWriter(this.#subjects.bound);
  }

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
   * @throws {TypeError} The event is not valid, or has no subject.
   */
  encode(event: JobEvent): number {
    const writer = this.#writer;
    const { bytes } = writer;
    this.#draftStart = writer.position;
    writeJobEvent(writer, event);
    if (writer.bytes !== bytes) this.#draftStart = 0;
    const middle = writer.position;
    writer.position = this.#subjects.write(writer.bytes, middle, event);
    this.#draftMiddle = middle;
    return middle - this.#draftStart;
  }

  /** Forgets the event that {@linkcode encode} wrote. */
  discard(): void {
    this.#writer.position = this.#draftStart;
    if (this.#writer.isLarge) this.#writer.release();
  }

  /** The event that {@linkcode encode} wrote, copied. */
  draft(): Pick<BufferedEvent, "subject" | "payload"> {
    const { bytes, position } = this.#writer;
    return {
      subject: readText(bytes, this.#draftMiddle, position),
      payload: bytes.slice(this.#draftStart, this.#draftMiddle),
    };
  }

  /** Takes in the event that {@linkcode encode} wrote. */
  commit(ordinal: number, traceparent?: string): void {
    this.#makeRoom();
    if (traceparent !== undefined) this.#traceparents.set(ordinal, traceparent);
    const slot = (this.#head + this.#length) & (this.#chunks.length - 1);
    const { bytes, position, isLarge } = this.#writer;
    const start = this.#draftStart;
    const size = this.#draftMiddle - start;
    if (isLarge) {
      // Its chunk has up to three times its size, and would stay here when the event has left.
      const own = bytes.slice(start, position);
      this.discard();
      this.#set(slot, ordinal, own, 0, size, own.length);
    } else {
      this.#set(slot, ordinal, bytes, start, this.#draftMiddle, position);
    }
  }

  /** Takes out the oldest event. */
  shift(): BufferedEvent | undefined {
    if (this.#length === 0) return undefined;
    const slot = this.#head;
    const ordinal = this.#ordinals[slot]!;
    const traceparent = this.#traceparents.get(ordinal);
    if (traceparent !== undefined) this.#traceparents.delete(ordinal);
    const [start, middle] = [this.#starts[slot]!, this.#middles[slot]!];
    const chunk = this.#chunks[slot]!;
    const event = new ChunkEvent(ordinal, traceparent, chunk, start, middle, this.#ends[slot]!);
    this.#chunks[slot] = undefined;
    this.#head = (slot + 1) & (this.#chunks.length - 1);
    this.#length--;
    this.#byteLength -= middle - start;
    return event;
  }

  /** Puts an event that {@linkcode shift} gave back to the front. */
  unshift(event: BufferedEvent): void {
    this.#makeRoom();
    this.#head = (this.#head - 1) & (this.#chunks.length - 1);
    const { ordinal, traceparent, chunk, start, middle, end } = event as ChunkEvent;
    if (traceparent !== undefined) this.#traceparents.set(ordinal, traceparent);
    this.#set(this.#head, ordinal, chunk, start, middle, end);
  }

  #set(
    slot: number,
    ordinal: number,
    chunk: Uint8Array,
    start: number,
    middle: number,
    end: number,
  ): void {
    this.#chunks[slot] = chunk;
    this.#starts[slot] = start;
    this.#middles[slot] = middle;
    this.#ends[slot] = end;
    this.#ordinals[slot] = ordinal;
    this.#length++;
    this.#byteLength += middle - start;
  }

  #makeRoom(): void {
    const capacity = this.#chunks.length;
    if (this.#length < capacity) return;
    const slots = Array.from(
      { length: capacity },
      (_, index) => (this.#head + index) & (capacity - 1),
    );
    this.#chunks = slots.map((slot) => this.#chunks[slot]);
    this.#starts = grown(this.#starts, slots);
    this.#middles = grown(this.#middles, slots);
    this.#ends = grown(this.#ends, slots);
    this.#ordinals = grown(this.#ordinals, slots);
    this.#chunks.length = capacity * 2;
    this.#head = 0;
  }
}

/** A copy in the order of the slots, with twice the room. */
function grown<T extends Uint32Array | Float64Array>(values: T, slots: readonly number[]): T {
  const copy = new (values.constructor as new (length: number) => T)(values.length * 2);
  slots.forEach((slot, index) => copy[index] = values[slot]!);
  return copy;
}
