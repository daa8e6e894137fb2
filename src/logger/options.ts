/** What a logger is told, and what it tells. */

import type { JobEventError } from "../errors.ts";
import type { JobEventType } from "../gen/types.ts";
import type { JobEventRecord } from "../storage/storage.ts";
import type { RetryOptions } from "./backoff.ts";
import type { Clock } from "./clock.ts";

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
  /** The logger was stopped, and the event came later or stayed undelivered. */
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
  /** An event waits at most so long for its batch to fill. @default 5000 */
  readonly flushIntervalMs?: number;
  /** Events that wait or are under way, at the most. @default 10000 */
  readonly maxBufferSize?: number;
  /** Bytes of the encoded events that wait or are under way, at the most. @default 67108864 */
  readonly maxBufferBytes?: number;
  /** What happens when the buffer is full. @default "drop_oldest" */
  readonly overflow?: OverflowPolicy;
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
  /** The time; for tests. @default the system's */
  readonly clock?: Clock;
  /** Random numbers from 0 to 1 for the retries' jitter; for tests. @default Math.random */
  readonly random?: () => number;
}

/** What a logger has done so far. `logged = stored + rejected + dropped + buffered`, always. */
export interface LoggerStats {
  /** Valid events that came before `stop()` and were not blocked. */
  readonly logged: number;
  /** Events that the storage has. */
  readonly stored: number;
  /** Those of the stored events that the storage had before: an answer to it was lost. */
  readonly duplicates: number;
  /** How often an event was put back to be sent again. */
  readonly retried: number;
  /** Events that the storage will never take. */
  readonly rejected: number;
  /** Events that were lost to a full buffer or to `stop()`. */
  readonly dropped: number;
  /** Events that wait or are under way. */
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
   * answer was lost. */
  readonly undelivered: number;
  /** Events that were rejected or dropped before. */
  readonly dropped: number;
  /** The undelivered events. */
  readonly events: readonly DroppedJobEvent[];
}
