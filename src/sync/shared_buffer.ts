/** The blocking logger's memory: encoded events that one thread writes and another one takes. */

import type { BufferedEvent } from "../logger/event_buffer.ts";

/** Memory that both threads see, and its measures. */
export interface SharedEventMemory {
  readonly memory: SharedArrayBuffer;
  /** How many events fit: a power of two. */
  readonly slots: number;
  /** How many bytes fit. */
  readonly capacity: number;
}

/** The cells of {@linkcode SharedEventBuffer.cells}, 32 bits each. */
export const HEAD = 0;
const TAIL = 1;
/** 1 from when the taker was woken until it looks. */
export const AWAKE = 2;
/** 1 when what is buffered is to be sent although it fills no batch. */
export const URGENT = 3;
/** How many notices the taker has sent. */
export const NOTICES = 4;
/** How many of them were received. */
export const RECEIVED = 5;

/** What the taker has done so far: the cells of {@linkcode SharedEventBuffer.counts}. */
export const COUNTS = ["stored", "duplicates", "retried", "rejected", "batches", "bytes"] as const;

const CELLS_BYTES = 32;
const HEADER_BYTES = CELLS_BYTES + COUNTS.length * 8;
const SLOT_BYTES = 24;

/** An event that was taken, with the number of bytes that it took in the buffer. */
export interface SharedEvent extends BufferedEvent {
  readonly size: number;
}

/** Allocates memory for so many events and bytes. It is used up only as far as it is written. */
export function allocateEventMemory(maxEvents: number, maxBytes: number): SharedEventMemory {
  const slots = 2 ** Math.ceil(Math.log2(maxEvents));
  const memory = new SharedArrayBuffer(HEADER_BYTES + slots * SLOT_BYTES + maxBytes);
  return { memory, slots, capacity: maxBytes };
}

/**
 * A ring of events. One thread, the logger's, puts events in at the back; both take them out at the
 * front, the logger to make room. Nobody locks and nobody waits: an event is copied first and then
 * claimed, and whoever loses the claim forgets the copy.
 */
export class SharedEventBuffer {
  /** Cells that both threads use: see {@linkcode HEAD} and those below it. */
  readonly cells: Int32Array<SharedArrayBuffer>;
  /** See {@linkcode COUNTS}. */
  readonly counts: BigInt64Array<SharedArrayBuffer>;
  readonly #slots: number;
  readonly #ordinals: Float64Array;
  /** Where events begin; positions only grow, their place is the remainder by the capacity. */
  readonly #starts: Float64Array;
  readonly #subjectLengths: Int32Array;
  readonly #sizes: Int32Array;
  readonly #bytes: Uint8Array;
  readonly #decoder = new TextDecoder();
  #position = 0;

  constructor({ memory, slots, capacity }: SharedEventMemory) {
    this.#slots = slots;
    this.cells = new Int32Array(memory, 0, CELLS_BYTES / 4);
    this.counts = new BigInt64Array(memory, CELLS_BYTES, COUNTS.length);
    this.#ordinals = new Float64Array(memory, HEADER_BYTES, slots);
    this.#starts = new Float64Array(memory, HEADER_BYTES + slots * 8, slots);
    this.#subjectLengths = new Int32Array(memory, HEADER_BYTES + slots * 16, slots);
    this.#sizes = new Int32Array(memory, HEADER_BYTES + slots * 20, slots);
    this.#bytes = new Uint8Array(memory, HEADER_BYTES + slots * SLOT_BYTES, capacity);
  }

  /** Number of events. */
  get length(): number {
    const head = Atomics.load(this.cells, HEAD);
    return (Atomics.load(this.cells, TAIL) - head) | 0;
  }

  /** Size of the events. A rough one while the other thread is at work. */
  get byteLength(): number {
    if (this.length === 0) return 0;
    const first = this.#slot(Atomics.load(this.cells, HEAD));
    const last = this.#slot(Atomics.load(this.cells, TAIL) - 1);
    return Math.max(0, this.#starts[last]! + this.#sizes[last]! - this.#starts[first]!);
  }

  /** The ordinal of the oldest event, or `Infinity` for none. */
  get firstOrdinal(): number {
    for (;;) {
      const head = Atomics.load(this.cells, HEAD);
      if (head === Atomics.load(this.cells, TAIL)) return Infinity;
      const ordinal = this.#ordinals[this.#slot(head)]!;
      if (Atomics.load(this.cells, HEAD) === head) return ordinal;
    }
  }

  /** The ordinal of the newest event, or 0 for none. */
  get lastOrdinal(): number {
    const tail = Atomics.load(this.cells, TAIL);
    return this.length === 0 ? 0 : this.#ordinals[this.#slot(tail - 1)]!;
  }

  /** Puts an event in. There must be room for it: the logger has counted. */
  push(ordinal: number, subject: Uint8Array, payload: Uint8Array): void {
    const tail = Atomics.load(this.cells, TAIL);
    const slot = this.#slot(tail);
    this.#ordinals[slot] = ordinal;
    this.#starts[slot] = this.#position;
    this.#subjectLengths[slot] = subject.length;
    this.#sizes[slot] = subject.length + payload.length;
    this.#write(subject);
    this.#write(payload);
    Atomics.store(this.cells, TAIL, (tail + 1) | 0);
  }

  /** Takes out the oldest event. */
  shift(): SharedEvent | undefined {
    for (;;) {
      const head = Atomics.load(this.cells, HEAD);
      if (head === Atomics.load(this.cells, TAIL)) return undefined;
      const event = this.#copy(this.#slot(head));
      const next = (head + 1) | 0;
      if (Atomics.compareExchange(this.cells, HEAD, head, next) === head) return event;
    }
  }

  #slot(index: number): number {
    return index & (this.#slots - 1);
  }

  #write(bytes: Uint8Array): void {
    const at = this.#position % this.#bytes.length;
    const untilEnd = this.#bytes.length - at;
    if (bytes.length <= untilEnd) {
      this.#bytes.set(bytes, at);
    } else {
      this.#bytes.set(bytes.subarray(0, untilEnd), at);
      this.#bytes.set(bytes.subarray(untilEnd), 0);
    }
    this.#position += bytes.length;
  }

  /** A copy; it is nonsense when the other thread has taken the event meanwhile. */
  #copy(slot: number): SharedEvent {
    const size = this.#sizes[slot]!;
    const subjectLength = this.#subjectLengths[slot]!;
    const at = this.#starts[slot]! % this.#bytes.length;
    const bytes = new Uint8Array(size);
    const first = this.#bytes.subarray(at, at + size);
    bytes.set(first);
    bytes.set(this.#bytes.subarray(0, size - first.length), first.length);
    return {
      ordinal: this.#ordinals[slot]!,
      subject: this.#decoder.decode(bytes.subarray(0, subjectLength)),
      payload: bytes.subarray(subjectLength),
      size,
    };
  }
}
