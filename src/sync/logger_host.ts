/** The worker's half of the blocking logger: sends what the other half buffers. */

import type { MessagePort } from "node:worker_threads";
import type { JobEventError } from "../errors.ts";
import { EventIdSource } from "../event/event_id.ts";
import { Backoff, type RetryOptions } from "../logger/backoff.ts";
import { systemClock } from "../logger/clock.ts";
import type { BufferedEvent } from "../logger/event_buffer.ts";
import { type QueuedEvents, Sender } from "../logger/sender.ts";
import type { JobEventSink } from "../storage/storage.ts";
import { notify } from "./host.ts";
import { type PackedValue, packThrown } from "./packed_error.ts";
import {
  AWAKE,
  COUNTS,
  NOTICES,
  RECEIVED,
  type SharedEvent,
  SharedEventBuffer,
  type SharedEventMemory,
  URGENT,
} from "./shared_buffer.ts";

/** Errors that the other half has not asked for yet, at the most; those beyond are left out. */
const MAX_NOTICES = 100;

/** What the caller's half tells. */
export interface LoggerConfig {
  /** What every event id begins with. */
  readonly idPrefix: string;
  readonly events: SharedEventMemory;
  readonly signal: SharedArrayBuffer;
  /** Where notices go. */
  readonly port: MessagePort;
  readonly batchSize: number;
  readonly batchBytes: number;
  readonly flushIntervalMs: number;
  readonly retry: RetryOptions;
}

/** Something that the owner of the logger is told. */
export interface LoggerNotice {
  readonly error: PackedValue;
  /** The event, when the storage will never take it. */
  readonly rejected?: BufferedEvent;
}

/** The shared buffer, with what came back from a failed batch in front of it. */
class SendQueue implements QueuedEvents {
  readonly #shared: SharedEventBuffer;
  /** These are as good as under way: the other thread can no longer take them. */
  readonly #returned: SharedEvent[] = [];
  #takenBytes = 0;

  constructor(shared: SharedEventBuffer) {
    this.#shared = shared;
  }

  get length(): number {
    return this.#returned.length + this.#shared.length;
  }

  get byteLength(): number {
    return this.#returnedBytes() + this.#shared.byteLength;
  }

  get firstOrdinal(): number {
    return this.#returned[0]?.ordinal ?? this.#shared.firstOrdinal;
  }

  get lastOrdinal(): number {
    return Math.max(this.#shared.lastOrdinal, this.#returned.at(-1)?.ordinal ?? 0);
  }

  /** Bytes of the events that came back no more. Right only while none is under way. */
  get settledBytes(): number {
    return this.#takenBytes - this.#returnedBytes();
  }

  /** Nobody reads the sender's own reports here: the other half counts. */
  countUpTo(): number {
    return this.length;
  }

  shift(): SharedEvent | undefined {
    const returned = this.#returned.shift();
    if (returned !== undefined) return returned;
    const event = this.#shared.shift();
    this.#takenBytes += event?.size ?? 0;
    return event;
  }

  unshift(event: BufferedEvent): void {
    this.#returned.unshift(event as SharedEvent);
  }

  #returnedBytes(): number {
    return this.#returned.reduce((sum, { size }) => sum + size, 0);
  }
}

/** Delivers the events of one logger. */
export class LoggerHost {
  readonly #shared: SharedEventBuffer;
  readonly #queue: SendQueue;
  readonly #sender: Sender;
  readonly #signal: Int32Array;
  readonly #port: MessagePort;

  constructor(sink: JobEventSink, config: LoggerConfig) {
    this.#shared = new SharedEventBuffer(config.events);
    this.#queue = new SendQueue(this.#shared);
    this.#signal = new Int32Array(config.signal);
    this.#port = config.port;
    const ids = new EventIdSource(config.idPrefix);
    this.#sender = new Sender({
      sink,
      buffer: this.#queue,
      toRecord: ({ ordinal, subject, payload }) => ({ eventId: ids.at(ordinal), subject, payload }),
      backoff: new Backoff(config.retry),
      clock: systemClock,
      batchSize: config.batchSize,
      batchBytes: config.batchBytes,
      flushIntervalMs: config.flushIntervalMs,
      onError: (error) => this.#reportError(error),
      onRejected: (rejected, error) => this.#tell({ error: packThrown(error), rejected }),
      onRoom: () => this.#publish(),
    });
  }

  /** Something was buffered. */
  wake(): void {
    // Before the look at the buffer: what comes after it wakes again.
    Atomics.store(this.#shared.cells, AWAKE, 0);
    const isUrgent = Atomics.exchange(this.#shared.cells, URGENT, 0) === 1;
    if (isUrgent) this.#sender.sendSoon(this.#queue.lastOrdinal);
    else if (this.#queue.length > 0) this.#sender.noticeEvent();
  }

  /** Sends at once. Nobody waits here for the end: the other half sees the counts. */
  flush(lastOrdinal: number, timeoutMs: number): void {
    void this.#sender.flush(lastOrdinal, timeoutMs);
  }

  /** Stops and gives what was not delivered, oldest first. */
  end(): readonly BufferedEvent[] {
    return this.#sender.end();
  }

  release(): void {
    this.#port.close();
  }

  #reportError(error: JobEventError): void {
    const { cells } = this.#shared;
    const waiting = Atomics.load(cells, NOTICES) - Atomics.load(cells, RECEIVED);
    if (waiting < MAX_NOTICES) this.#tell({ error: packThrown(error) });
    this.#publish();
  }

  #tell(notice: LoggerNotice): void {
    this.#port.postMessage(notice);
    Atomics.add(this.#shared.cells, NOTICES, 1);
  }

  /** Called when a batch has come back, so that nothing is under way. */
  #publish(): void {
    const counts = { ...this.#sender.counts, bytes: this.#queue.settledBytes };
    COUNTS.forEach((name, index) => {
      Atomics.store(this.#shared.counts, index, BigInt(counts[name]));
    });
    notify(this.#signal);
  }
}
