/** What keeps a logger's events until they are stored: interfaces only. */

import type { JobEventRecord } from "../storage/storage.ts";

/** An event in a spool. */
export interface SpooledEvent extends JobEventRecord {
  /** Its place in the order of the spool: a whole number that rises. */
  readonly ordinal: number;
}

/** What a spool holds. */
export interface SpoolContent {
  /** Number of events. */
  readonly length: number;
  /** Size of the encoded events. */
  readonly bytes: number;
  /** The place of the newest event; 0 for none. */
  readonly lastOrdinal: number;
}

/**
 * Keeps the events of one logger in order. Everything is synchronous and may throw; what a call has
 * done when it returns survives the death of the process.
 */
export interface JobEventSpool {
  /** What is there now. */
  content(): SpoolContent;
  /** Adds an event behind all others. */
  add(event: SpooledEvent): void;
  /** The events that follow, at least one if there is one: at most `limit`, of `maxBytes`. */
  read(after: number, limit: number, maxBytes: number): SpooledEvent[];
  /** The number of events after one place and up to another. */
  count(after: number, through: number): number;
  /** Removes events. Those that are not there do not matter. */
  remove(ordinals: readonly number[]): void;
  /** Lets another logger have the spool. */
  close(): void;
}

/** What can keep a logger's events: a `SqliteJobEventStorage` can. */
export interface JobEventSpoolSource {
  /**
   * Opens its spool, which one logger has at a time.
   *
   * @throws {JobEventError} `ERR_UNAVAILABLE`: another logger has it.
   */
  openSpool(): JobEventSpool;
}
