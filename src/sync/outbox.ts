/** The caller's half of the blocking logger: the shared buffer, and who is told of it. */

import type { MessagePort } from "node:worker_threads";
import { randomPrefix } from "../event/event_id.ts";
import type { BufferedEvent } from "../logger/event_buffer.ts";
import type { Remote } from "./client.ts";
import type { LoggerConfig, LoggerHost, LoggerNotice } from "./logger_host.ts";
import { threads } from "./platform.ts";
import {
  allocateEventMemory,
  AWAKE,
  COUNTS,
  NOTICES,
  RECEIVED,
  type SharedEvent,
  SharedEventBuffer,
  URGENT,
} from "./shared_buffer.ts";
import type { StorageLink } from "./storage.ts";

/** Bounds of an {@linkcode Outbox}, and how the worker sends. */
export interface OutboxOptions
  extends Pick<LoggerConfig, "batchSize" | "batchBytes" | "flushIntervalMs" | "retry"> {
  readonly maxBufferSize: number;
  readonly maxBufferBytes: number;
}

/** What the worker has done with the events. */
export type OutboxCounts = Readonly<Record<typeof COUNTS[number], number>>;

/** How long the worker is waited for when it is to hand back what it could not deliver. */
const HAND_BACK_MS = 1000;

/** Events on their way to the worker. Everything that was put in is settled or taken out again. */
export class Outbox {
  readonly #link: StorageLink;
  readonly #options: OutboxOptions;
  readonly #shared: SharedEventBuffer;
  readonly #remote: Remote<LoggerHost>;
  readonly #port: MessagePort;
  /** What every event id begins with. */
  readonly idPrefix: string = randomPrefix();
  /** What was put in and not taken out again. */
  #events = 0;
  #bytes = 0;
  /** Settled, as far as it was looked at: the worker may be further. */
  #settledEvents = 0;
  #settledBytes = 0;

  constructor(link: StorageLink, options: OutboxOptions) {
    link.client.assertUsable("make a logger");
    this.#link = link;
    this.#options = options;
    const events = allocateEventMemory(options.maxBufferSize, options.maxBufferBytes);
    this.#shared = new SharedEventBuffer(events);
    const { port1, port2 } = new (threads("storage").MessageChannel)();
    this.#port = port1;
    const { batchSize, batchBytes, flushIntervalMs, retry } = options;
    const signal = link.client.signal.buffer;
    const config: LoggerConfig = {
      idPrefix: this.idPrefix,
      events,
      signal,
      port: port2,
      batchSize,
      batchBytes,
      flushIntervalMs,
      retry,
    };
    this.#remote = link.remote.openSoon("openLogger", [config], [port2]);
  }

  /** Events that wait or are under way. */
  get buffered(): number {
    this.#look();
    return this.#events - this.#settledEvents;
  }

  /** Their size. */
  get bufferedBytes(): number {
    this.#look();
    return this.#bytes - this.#settledBytes;
  }

  /** Those of them that the worker has taken. */
  get inFlight(): number {
    return Math.max(0, this.buffered - this.#shared.length);
  }

  /** Whether there is room for an event of this size. */
  hasRoom(size: number): boolean {
    const { maxBufferSize, maxBufferBytes } = this.#options;
    const hasRoom = (): boolean =>
      this.#events - this.#settledEvents < maxBufferSize &&
      this.#bytes - this.#settledBytes + size <= maxBufferBytes;
    // Nothing is unsettled again: what was known at the last look is enough if it says yes.
    if (hasRoom()) return true;
    this.#look();
    return hasRoom();
  }

  /** Puts in an event that there is room for. */
  push(ordinal: number, subject: Uint8Array, payload: Uint8Array): void {
    this.#shared.push(ordinal, subject, payload);
    this.#events++;
    this.#bytes += subject.length + payload.length;
    this.#wake();
  }

  /** Takes out the oldest event that the worker has not taken. */
  shift(): SharedEvent | undefined {
    const event = this.#shared.shift();
    if (event !== undefined) {
      this.#events--;
      this.#bytes -= event.size;
    }
    return event;
  }

  /** Has everything sent, and does not wait for it. */
  sendSoon(): void {
    Atomics.store(this.#shared.cells, URGENT, 1);
    this.#wake();
  }

  /** Has everything sent at once and waits for it. Gives up when the worker has ended. */
  flush(lastOrdinal: number, timeoutMs: number): void {
    if (this.buffered === 0) return;
    this.#remote.post("flush", [lastOrdinal, timeoutMs]);
    this.#link.client.waitFor(() => this.buffered === 0 || undefined, timeoutMs);
  }

  /** Waits until a condition holds that the worker's work can bring about. */
  waitUntil(condition: () => boolean, timeoutMs: number): boolean {
    return this.#link.client.waitFor(() => condition() || undefined, timeoutMs) ?? false;
  }

  /**
   * Ends the sending and takes out what is left, oldest first. What a worker held that does not
   * answer is not among it.
   */
  end(): BufferedEvent[] {
    const left: BufferedEvent[] = [];
    try {
      if (this.buffered > 0) left.push(...this.#remote.call("end", [], HAND_BACK_MS));
    } catch {
      // It has ended or hangs: what it has not taken is still here.
    }
    for (let event = this.shift(); event !== undefined; event = this.shift()) left.push(event);
    return left;
  }

  /** Frees what the worker has for this. */
  close(): void {
    this.#remote.release();
    this.#port.close();
  }

  counts(): OutboxCounts {
    const { counts } = this.#shared;
    const entries = COUNTS.map((name, index) => [name, Number(Atomics.load(counts, index))]);
    return Object.fromEntries(entries) as OutboxCounts;
  }

  /** What the worker has to tell the owner. */
  takeNotices(): LoggerNotice[] {
    const { cells } = this.#shared;
    const notices: LoggerNotice[] = [];
    if (Atomics.load(cells, NOTICES) === Atomics.load(cells, RECEIVED)) return notices;
    const { receiveMessageOnPort } = threads("storage");
    for (let got = receiveMessageOnPort(this.#port); got; got = receiveMessageOnPort(this.#port)) {
      notices.push(got.message as LoggerNotice);
    }
    Atomics.add(cells, RECEIVED, notices.length);
    return notices;
  }

  #look(): void {
    const { stored, rejected, bytes } = this.counts();
    this.#settledEvents = stored + rejected;
    this.#settledBytes = bytes;
  }

  #wake(): void {
    if (Atomics.exchange(this.#shared.cells, AWAKE, 1) === 0) this.#remote.post("wake", []);
  }
}
