/** The logger's events in a spool, the oldest of them also in memory. */

import { JobEventError, messageOf } from "../errors.ts";
import type { JobEvent } from "../gen/types.ts";
import { type BufferedEvent, EventBuffer, type EventQueue } from "./event_buffer.ts";
import type { JobEventLoggerOptions } from "./options.ts";
import { openSpoolFile } from "./spool_file.ts";
import type { JobEventSpool, SpoolContent } from "./spool.ts";

/** What an event takes in the spool beside its encoded self: subject, id and place. At least. */
const OVERHEAD_BYTES = 256;
const PAGE_EVENTS = 1000;

/** What a {@linkcode SpooledBuffer} is made from. */
export interface SpooledBufferOptions {
  readonly spool: JobEventSpool;
  /** What the subject of every event begins with. */
  readonly subjectPrefix: string;
  /** Events in memory, at the most. */
  readonly maxBufferSize: number;
  /** Bytes of the events in memory, at the most. */
  readonly maxBufferBytes: number;
  /** Bytes of the events in the spool, at the most. */
  readonly maxSpoolBytes: number;
  /** Gives the id of a new event. */
  readonly idOf: (ordinal: number) => string;
  /** Told when the spool fails where nobody waits for it. */
  readonly onError: (error: JobEventError) => void;
}

/**
 * A queue that keeps each event in the spool from the moment it is taken until it is settled.
 *
 * In memory are the events at its front, without a gap; those behind them are read from the spool
 * when their turn comes.
 */
export class SpooledBuffer implements EventQueue {
  readonly #options: SpooledBufferOptions;
  readonly #spool: JobEventSpool;
  // Only encodes.
  readonly #encoder: EventBuffer;
  readonly #memory: BufferedEvent[] = [];
  #memoryBytes = 0;
  /** Events in the spool that were never in memory, all behind `#loaded`. */
  #tail: number;
  #loaded = 0;
  #lastOrdinal: number;
  #held: number;
  #heldBytes: number;
  /** Events whose removal failed. */
  #unremoved: number[] = [];
  #isClosed = false;

  /** @throws {JobEventError} `ERR_UNAVAILABLE`: the spool cannot be read. */
  constructor(options: SpooledBufferOptions) {
    this.#options = options;
    this.#spool = options.spool;
    this.#encoder = new EventBuffer(options.subjectPrefix);
    const { length, bytes, lastOrdinal } = readContent(this.#spool);
    this.#tail = length;
    this.#held = length;
    this.#heldBytes = bytes;
    this.#lastOrdinal = lastOrdinal;
    this.#load();
  }

  /** Events in the spool, those under way included. */
  get held(): number {
    return this.#held;
  }

  /** Size of the events in the spool, encoded. */
  get heldBytes(): number {
    return this.#heldBytes;
  }

  /** Whether the spool can take an event of this size. */
  hasRoom(size: number): boolean {
    const bytes = this.#heldBytes + size + (this.#held + 1) * OVERHEAD_BYTES;
    return bytes <= this.#options.maxSpoolBytes;
  }

  /** The largest event that the spool can take at all. */
  get maxEventBytes(): number {
    return this.#options.maxSpoolBytes - OVERHEAD_BYTES;
  }

  get length(): number {
    return this.#memory.length + this.#tail;
  }

  /** Size of the events in memory. */
  get byteLength(): number {
    return this.#memoryBytes;
  }

  get firstOrdinal(): number {
    // Whoever waits for an event waits no longer when it will not be sent.
    return this.#isClosed ? Infinity : this.#memory[0]?.ordinal ?? Infinity;
  }

  get lastOrdinal(): number {
    return this.length === 0 ? 0 : this.#lastOrdinal;
  }

  countUpTo(ordinal: number): number {
    const end = this.#memory.findIndex((event) => event.ordinal > ordinal);
    if (end >= 0) return end;
    const isInTail = this.#tail > 0 && ordinal > this.#loaded;
    return this.#memory.length + (isInTail ? this.#count(ordinal) : 0);
  }

  encode(event: JobEvent): number {
    return this.#encoder.encode(event);
  }

  discard(): void {
    this.#encoder.discard();
  }

  draft(): Pick<BufferedEvent, "subject" | "payload"> {
    return this.#encoder.draft();
  }

  /**
   * Takes in the event that was encoded: into the spool, and into memory where there is room.
   *
   * @throws {JobEventError} `ERR_UNAVAILABLE`: the spool did not take it; it can still be drafted
   * and discarded.
   */
  commit(ordinal: number, traceparent?: string): void {
    const { subject, payload } = this.draft();
    const eventId = this.#options.idOf(ordinal);
    const trace = traceparent === undefined ? {} : { traceparent };
    const event = { ordinal, eventId, subject, payload, ...trace };
    try {
      this.#spool.add(event);
    } catch (cause) {
      throw failure("Cannot spool an event", cause);
    }
    this.discard();
    this.#held++;
    this.#heldBytes += payload.length;
    this.#lastOrdinal = ordinal;
    if (this.#tail === 0 && this.#hasMemory(payload.length)) this.#push(event);
    else this.#tail++;
  }

  shift(): BufferedEvent | undefined {
    if (this.#isClosed) return undefined;
    const event = this.#memory.shift();
    if (event === undefined) return undefined;
    this.#memoryBytes -= event.payload.length;
    if (this.#memory.length === 0) this.#load();
    return event;
  }

  unshift(event: BufferedEvent): void {
    this.#memory.unshift(event);
    this.#memoryBytes += event.payload.length;
  }

  /** Removes events that were taken out and need not be kept any more. */
  remove(events: readonly BufferedEvent[]): void {
    for (const { payload } of events) this.#heldBytes -= payload.length;
    this.#held -= events.length;
    this.#unremoved.push(...events.map(({ ordinal }) => ordinal));
    this.#removeAll();
  }

  /** Gives nothing any more. What is held stays in the spool for the next logger. */
  close(): void {
    this.#isClosed = true;
    this.#removeAll();
    try {
      this.#spool.close();
    } catch (cause) {
      this.#report(failure("Cannot close the spool", cause));
    }
  }

  /** What fails here is tried again with the next events: until then they are only superfluous. */
  #removeAll(): void {
    if (this.#unremoved.length === 0) return;
    try {
      this.#spool.remove(this.#unremoved);
      this.#unremoved = [];
    } catch (cause) {
      this.#report(failure("Cannot remove stored events from the spool", cause));
    }
  }

  #hasMemory(size: number): boolean {
    const { maxBufferSize, maxBufferBytes } = this.#options;
    return this.#memory.length < maxBufferSize && this.#memoryBytes + size <= maxBufferBytes;
  }

  #push(event: BufferedEvent): void {
    this.#memory.push(event);
    this.#memoryBytes += event.payload.length;
    this.#loaded = event.ordinal;
  }

  #load(): void {
    if (this.#tail === 0) return;
    const { maxBufferSize, maxBufferBytes } = this.#options;
    try {
      const limit = Math.min(maxBufferSize, PAGE_EVENTS);
      const events = this.#spool.read(this.#loaded, limit, maxBufferBytes);
      for (const event of events) this.#push(event);
      this.#tail = events.length === 0 ? 0 : this.#tail - events.length;
    } catch (cause) {
      this.#giveUpTail(cause);
    }
  }

  #count(through: number): number {
    try {
      return this.#spool.count(this.#loaded, through);
    } catch (cause) {
      this.#giveUpTail(cause);
      return 0;
    }
  }

  /** What cannot be read is left where it is: the next logger on the spool tries again. */
  #giveUpTail(cause: unknown): void {
    const count = this.#tail;
    this.#tail = 0;
    this.#report(failure(`Cannot read ${count} events, which stay in the spool`, cause));
  }

  /** In a moment: the owner, who may log then, must not meet an event half taken. */
  #report(error: JobEventError): void {
    queueMicrotask(() => this.#options.onError(error));
  }
}

/**
 * Opens what the option `spool` names.
 *
 * @throws {JobEventError} It cannot be opened.
 */
export function openSpool(
  spool: JobEventLoggerOptions["spool"],
  options: Omit<SpooledBufferOptions, "spool"> & { readonly enabled: boolean },
): SpooledBuffer | undefined {
  if (spool === undefined || !options.enabled) return undefined;
  const opened = typeof spool === "string"
    ? openSpoolFile(spool, options.onError)
    : spool.openSpool();
  return new SpooledBuffer({ ...options, spool: opened });
}

function readContent(spool: JobEventSpool): SpoolContent {
  try {
    return spool.content();
  } catch (cause) {
    spool.close();
    throw failure("Cannot read the spool", cause);
  }
}

function failure(what: string, cause: unknown): JobEventError {
  return new JobEventError("ERR_UNAVAILABLE", `${what}: ${messageOf(cause)}`, { cause });
}
