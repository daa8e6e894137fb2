/** What a logger is told, and what it tells. */

import type { JobEventError } from "../errors.ts";
import type { JobEventType } from "../gen/types.ts";
import type { JobEventRecord } from "../storage/storage.ts";
import type { RetryOptions } from "./backoff.ts";
import type { Clock } from "./clock.ts";
import type { JobEventSpoolSource } from "./spool.ts";

/** What happens when the buffer is full. */
export type OverflowPolicy =
  /** The oldest event that is not under way makes room. */
  | "drop_oldest"
  /** The new event is not taken. */
  | "drop_newest"
  /** The new event is not taken, and that is no loss: the caller waits for `ready()` and logs it
   * again. */
  | "block";

/** Why an event was dropped. */
export type DropReason =
  /** The buffer was full. */
  | "overflow"
  /** The storage will never take it; `onError` has the reason. */
  | "rejected"
  /** The spool could not keep it; `onError` has the reason. */
  | "spool"
  /** The logger was stopped, and the event came later or stayed undelivered. A sink that says that
   * it is closed stops its logger. */
  | "stopped";

/**
 * An event that was not stored, as it was to be stored: `decodeJobEvent(payload)` gives all of its
 * fields, and `sink.append([event])` stores it after all.
 */
export interface DroppedJobEvent extends JobEventRecord {
  /** The id of the job. */
  readonly jobId: string;
  /** The type of the event. */
  readonly eventType: JobEventType;
}

/** Options of `JobEventLogger`. */
export interface JobEventLoggerOptions {
  /** `false`: every event is passed over, without an error. @default true */
  readonly enabled?: boolean;
  /** So many events make a batch; a full batch is sent at once. @default 100 */
  readonly batchSize?: number;
  /** So many bytes of encoded events make a batch, too. @default 1048576 */
  readonly batchBytes?: number;
  /** An event waits at most so long for its batch to fill; with 0 it waits for no other, and is
   * sent together with those that are logged meanwhile. @default 5000 */
  readonly flushIntervalMs?: number;
  /** Events that wait or are under way, at the most. @default 10000 */
  readonly maxBufferSize?: number;
  /** Bytes of the encoded events that wait or are under way, at the most. @default 67108864 */
  readonly maxBufferBytes?: number;
  /** What happens when the buffer is full. @default "drop_oldest" */
  readonly overflow?: OverflowPolicy;
  /**
   * Keeps accepted events in a file until they are stored: they survive the death of the process,
   * and an outage that is longer than memory. A path, or a `SqliteJobEventStorage`, whose file is
   * then used. The next logger on the file sends what is left, with the same event ids.
   *
   * An event for which `logEvent` gave `true` is in the file; the last ones may be lost when the
   * machine loses its power. Logging takes a write to the file each time. One logger at a time has
   * the file: the constructor throws `ERR_UNAVAILABLE` when another one has it. A file that is
   * damaged is moved to `path.corrupt-1` (2, 3, …), what can be read of it is kept, and `onError`
   * is told. Beside the file is its lock, `path.spool-lock`. Needs `node:sqlite`.
   *
   * An event that was stored just before the process died is sent again, with its id. A storage on
   * NATS knows ids for the stream's `duplicateWindowMs`: choose it longer than a restart takes.
   * @default none: events are in memory only
   */
  readonly spool?: string | JobEventSpoolSource;
  /**
   * Bytes of the events in the spool, at the most: their encoded size and 256 bytes each.
   * `overflow` says what happens then; `maxBufferSize` and `maxBufferBytes` bound only what of it
   * is in memory at the same time. The file keeps the size that it once had. @default 1073741824
   */
  readonly maxSpoolBytes?: number;
  /** How failed batches are repeated. */
  readonly retry?: RetryOptions;
  /** How long `stop()` tries to deliver what is left. @default 10000 */
  readonly stopTimeoutMs?: number;
  /** Told of every event that was refused or rejected, and of every batch that failed.
   * @default one line on the console, at most every ten seconds */
  readonly onError?: (error: JobEventError) => void;
  /** Told of events that are lost to the storage.
   * @default one line on the console, at most every ten seconds */
  readonly onDrop?: (events: readonly DroppedJobEvent[], reason: DropReason) => void;
  /**
   * Called with the promise of each sending that the logger begins by itself, so that a platform
   * that stops a function after its answer lets it end: `(sent) => context.waitUntil(sent)`. The
   * promise does not reject. Events that still wait for their batch to fill are not under way: a
   * function ends with `flush()`. @default nobody is told
   */
  readonly waitUntil?: (sent: Promise<void>) => void;
  /**
   * The trace that is current, as W3C Trace Context writes it (`traceparent`). Asked for with each
   * event that has no `metadata.traceparent` of its own. It is stored beside the event and comes
   * back on read. One that is not valid is reported to `onError` and left out. @default none
   */
  readonly traceparent?: () => string | undefined;
  /** The time; for tests. @default the system's */
  readonly clock?: Clock;
  /** Random numbers from 0 to 1 for the retries' jitter; for tests. @default Math.random */
  readonly random?: () => number;
}

/** What a logger has done so far. `logged = stored + rejected + dropped + buffered`, always. */
export interface LoggerStats {
  /** Valid events that came before `stop()` and were not blocked, and those of the spool. */
  readonly logged: number;
  /** Those of the logged events that the spool had from an earlier logger. */
  readonly recovered: number;
  /** Events that the storage has. */
  readonly stored: number;
  /** Those of the stored events that the storage had before: an answer to it was lost. */
  readonly duplicates: number;
  /** How often an event was put back to be sent again. */
  readonly retried: number;
  /** Events that the storage will never take. */
  readonly rejected: number;
  /** Events that were lost to a full buffer, to the spool or to `stop()`. */
  readonly dropped: number;
  /** Events that wait or are under way; in the end those that stay in the spool. */
  readonly buffered: number;
  /** Size of the events that wait or are under way, encoded. */
  readonly bufferedBytes: number;
  /** Those of the buffered events that are under way. */
  readonly inFlight: number;
  /** Events that were not valid. */
  readonly refused: number;
  /** Calls that found the buffer full under the policy `block`. */
  readonly blocked: number;
  /** Events that came after `stop()`. */
  readonly late: number;
  /** Batches that were sent. */
  readonly batches: number;
}

/** What became of the events that were logged before a flush and not stored yet. */
export interface FlushReport {
  /** Stored meanwhile. */
  readonly stored: number;
  /** Not stored when the time was up: they are still tried. */
  readonly pending: number;
  /** Rejected or dropped meanwhile. */
  readonly dropped: number;
}

/** How a logger ended. The numbers are those of its whole life. */
export interface StopReport {
  /** Events that the storage has. */
  readonly stored: number;
  /** Events that could not be delivered in time. The storage may have some of them: those whose
   * answer was lost. With a spool they stay there for the next logger. */
  readonly undelivered: number;
  /** Events that were rejected or dropped before. */
  readonly dropped: number;
  /** The undelivered events; none with a spool. */
  readonly events: readonly DroppedJobEvent[];
}
