/** What a store of results is: interfaces only. */

import type { JobEventValue } from "../event/dynamic.ts";
import type { StorageHealth } from "../storage/storage.ts";

/** How a task ended. */
export type TaskResultState =
  /** Its function returned. */
  | "completed"
  /** Its function threw, took too long or is not there, and there is no further retry. */
  | "failed"
  /** Somebody cancelled it. */
  | "cancelled"
  /** Its time to live was over before a worker took it. */
  | "expired";

/** What a task failed with, as plain data. */
export interface TaskResultError {
  /** The name of the error's class, such as `TypeError`. */
  readonly name: string;
  /** What it says. */
  readonly message: string;
  /** Its `code`, where it has one. */
  readonly code?: string;
  /** Where it was thrown. */
  readonly stack?: string;
}

/** How a task ended, and what came of it. */
export interface TaskResult {
  /** The id of the task. */
  readonly id: string;
  /** How it ended. */
  readonly state: TaskResultState;
  /** What its function returned; absent for `undefined`. At most 31 levels deep and 8 MiB. */
  readonly value?: JobEventValue;
  /** What it failed with. */
  readonly error?: TaskResultError;
  /** The queue it came from. */
  readonly queue?: string;
  /** The function that it called. */
  readonly functionName?: string;
  /** The worker that ran it last. */
  readonly workerId?: string;
  /** How often it was run. */
  readonly attempts?: number;
  /** When its last run began. */
  readonly startedAt?: Date;
  /** When its last run ended. */
  readonly finishedAt?: Date;
  /** How long its last run took, in milliseconds. */
  readonly durationMs?: number;
  /** The tags of the task. */
  readonly tags?: Readonly<Record<string, string>>;
  /** What else belongs to it. */
  readonly metadata?: Readonly<Record<string, JobEventValue>>;
  /** When the result was stored. Every store fills it in, unless it is there. */
  readonly createdAt?: Date;
  /** When the store forgets the result; absent for never. Every store fills it in. */
  readonly expiresAt?: Date;
}

/** Options of {@linkcode TaskResultStorage.set}. */
export interface SetResultOptions {
  /**
   * How long the result is kept, in milliseconds, at least 1; `Infinity` for ever.
   * @default until the result's own `expiresAt`, else the store's `defaultTtlMs`
   */
  readonly ttlMs?: number;
}

/** Options of {@linkcode TaskResultStorage.wait}. */
export interface WaitForResultOptions {
  /** Gives `null` after so long, in milliseconds. 0 looks once. @default without end */
  readonly timeoutMs?: number;
  /** Ends the wait: it rejects with the signal's reason. */
  readonly signal?: AbortSignal;
}

/** Options of {@linkcode TaskResultStorage.delete}. */
export interface DeleteResultOptions {
  /**
   * Asked where there is a result: whether it is to be deleted. One that is stored after the
   * question stays, whatever the answer. @default it is
   */
  readonly onlyIf?: () => Promise<boolean>;
}

/** Which results are meant. Everything that is given must match. */
export interface TaskResultFilter {
  /** Only results of this state, or of one of these. */
  readonly state?: TaskResultState | readonly TaskResultState[];
  /** Only those of tasks of this queue. */
  readonly queue?: string;
  /** Only those of tasks that called this function. */
  readonly functionName?: string;
  /** Only those that this worker stored. */
  readonly workerId?: string;
  /** Only those that were stored at or after this time. */
  readonly since?: Date;
  /** Only those that were stored at or before this time. */
  readonly until?: Date;
  /** Only those that have all of these tags. */
  readonly tags?: Readonly<Record<string, string>>;
}

/** Which results to list, how many, and in which order. */
export interface TaskResultQuery extends TaskResultFilter {
  /** At most so many; 0 gives none. @default all */
  readonly limit?: number;
  /** Pass over so many matching results first. @default 0 */
  readonly offset?: number;
  /** Whether the first or the last one stored comes first. @default "oldest" */
  readonly order?: "oldest" | "newest";
}

/**
 * Keeps the results of tasks, each until it expires. A result that has expired is never given,
 * listed or counted, also where its bytes are still there.
 *
 * Every method but `healthCheck` and `close` throws `ERR_CLOSED` after {@linkcode close}, and a
 * `RangeError` for an id that is empty or too long.
 */
export interface TaskResultStorage extends AsyncDisposable {
  /**
   * Stores a result in place of the one that the task may have.
   *
   * @throws {TypeError} The result is not valid, or has a value that MessagePack has no form for;
   * the message has its path.
   * @throws {RangeError} `ttlMs` is below 1.
   * @throws {JobEventError} `ERR_EVENT_TOO_LARGE`: the message has the size and the limit. Else it
   * is not stored, or nobody knows: storing it again does no harm.
   */
  set(result: TaskResult, options?: SetResultOptions): Promise<void>;
  /** The result of a task, or `null` while there is none. */
  get(id: string): Promise<TaskResult | null>;
  /** The results of those of the tasks that have one, by their ids. */
  getMany(ids: readonly string[]): Promise<Map<string, TaskResult>>;
  /**
   * The result of a task, as soon as there is one. A result that is there already is given at once;
   * one that is stored meanwhile is not missed.
   *
   * @returns `null` when the time is up.
   * @throws {RangeError} `timeoutMs` is negative.
   * @throws {JobEventError} `ERR_CLOSED` when the store is closed meanwhile.
   */
  wait(id: string, options?: WaitForResultOptions): Promise<TaskResult | null>;
  /**
   * Forgets a result.
   *
   * @returns Whether there was one, and it was deleted.
   */
  delete(id: string, options?: DeleteResultOptions): Promise<boolean>;
  /**
   * The results of a query.
   *
   * @throws {RangeError} `limit` or `offset` is negative or not whole.
   */
  list(query?: TaskResultQuery): Promise<TaskResult[]>;
  /** The number of results of a filter. */
  count(filter?: TaskResultFilter): Promise<number>;
  /**
   * Frees what expired results take. Stores do so by themselves, too, when results are stored.
   *
   * @returns How many there were.
   */
  cleanupExpired(): Promise<number>;
  /**
   * The state of the store: `messages` are its results, with those that have expired and are not
   * freed. Never throws, and ends within its time.
   *
   * @param options `timeoutMs`: the time. @default 5000
   */
  healthCheck(options?: { readonly timeoutMs?: number }): Promise<StorageHealth>;
  /** Ends the waits and frees what the store holds. Idempotent. */
  close(): Promise<void>;
}
