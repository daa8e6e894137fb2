/** What a processor is told, and what it tells. */

import type { JobEventType, StoredJobEvent } from "../gen/types.ts";
import type { JobEventFilter, StreamStart } from "../storage/storage.ts";

/** An event of one of the types `T`. */
export type JobEventOf<T extends JobEventType> = StoredJobEvent & { readonly eventType: T };

/** What is done with an event. A handler that throws or rejects has failed. */
export type JobEventHandler<T extends JobEventType = JobEventType> = (
  event: JobEventOf<T>,
) => void | Promise<void>;

/** What `JobEventProcessor.monitorJob` gives: a function that ends it. */
export interface JobMonitor {
  /** Ends it. */
  (): void;
  /** Resolves when nothing that is stored from then on is missed, by whomever. Rejects when the
   * source cannot be followed; `onError` is told as well. */
  readonly ready: Promise<void>;
}

/** Options of `JobEventProcessor`. */
export interface JobEventProcessorOptions {
  /** `false`: `start()` does nothing. @default true */
  readonly enabled?: boolean;
  /**
   * The name that the members of a group share. With a name each event goes to one member, at
   * least once, and what came while nobody ran is delivered. Without one the processor gets every
   * event from `start()` on. @default none
   */
  readonly consumerName?: string;
  /** Where to begin: with a name, where a group begins that is not there yet.
   * @default "all" with a name, "new" without */
  readonly from?: StreamStart;
  /** How many jobs' events are handled at the same time. The events of one job are always handled
   * one after the other. @default 1 */
  readonly concurrency?: number;
  /** A handler that takes longer has failed. @default 30000 */
  readonly handlerTimeoutMs?: number;
  /** With a name: after so many deliveries an event becomes a dead letter. @default 5 */
  readonly maxDeliver?: number;
  /** With a name: the wait before each further delivery of an event; the last one is for all that
   * follow. @default [1000, 5000, 30000] */
  readonly backoffMs?: number | readonly number[];
  /** With a name: a member that is silent for so long has lost its events to the others. One whose
   * handlers run, however long, is not silent. @default 30000 */
  readonly ackWaitMs?: number;
  /** Only these events. @default all */
  readonly filter?: JobEventFilter;
  /** Told of each failure: of a handler, with its event, or of the source.
   * @default one line on the console, at most every ten seconds */
  readonly onError?: (error: unknown, event?: StoredJobEvent) => void;
  /** Told of each event that became a dead letter, with the last error. That is `ERR_TIMEOUT` when
   * no handler failed, but whoever had the event never answered: their process died, for one. */
  readonly onDeadLetter?: (event: StoredJobEvent, error: unknown) => void;
}

/** Options of `JobEventProcessor.waitForJobEvent`. */
export interface WaitOptions {
  /** How long to wait. @default without end */
  readonly timeoutMs?: number;
  /** Gives up waiting: the promise rejects with the signal's reason. */
  readonly signal?: AbortSignal;
  /** Whether an event that is stored already will do. @default true */
  readonly includePast?: boolean;
}

/** What a processor has done so far. */
export interface ProcessorStats {
  /** Events that came. */
  readonly received: number;
  /** Events that every handler dealt with. */
  readonly processed: number;
  /** Events that a handler failed on; with a name, counted for each delivery. */
  readonly failed: number;
  /** Those of the received events that were delivered before. */
  readonly redelivered: number;
  /** Events that became dead letters. */
  readonly deadLetters: number;
  /** Calls of handlers that failed. */
  readonly handlerErrors: number;
  /** Those of the failed calls that took too long. */
  readonly handlerTimeouts: number;
  /** Calls of handlers that `stop()`, or the end of a monitor, did not wait for any longer. */
  readonly abandoned: number;
  /** Events that are being handled or wait for their turn. */
  readonly pending: number;
  /** Callers of `waitForJobEvent` that wait. */
  readonly waiters: number;
  /** Jobs' monitors that run. */
  readonly monitors: number;
}
