/** What `--format json` and `--format ndjson` print: types only. Stable: fields are only added. */

import type { Task } from "../queue/task.ts";
import type { TaskResult } from "../results/results.ts";
import type { StorageHealth } from "../storage/storage.ts";
import type { JobMetricsSnapshot } from "../metrics/snapshot.ts";
import type { StoredJobEvent } from "../gen/types.ts";

/**
 * JSON, with an object of one key for each value that JSON has no form for: `{"$bigint": "…"}`,
 * `{"$bytes": "base64"}`, `{"$date": "ISO 8601"}` and `{"$number": "NaN"}`, also `"Infinity"` and
 * `"-Infinity"`. An object of an event that has one key with a `$` at its beginning gets one more
 * `$`.
 */
export type JsonValue =
  | null
  | boolean
  | number
  | string
  | readonly JsonValue[]
  | { readonly [key: string]: JsonValue | undefined };

/** An event: of `tail`, `list`, `history` and `export`. `import` and `emit -` read it. */
export interface EventJson extends Omit<StoredJobEvent, "details" | "metadata"> {
  /** See `JobEvent`. */
  readonly details?: { readonly [key: string]: JsonValue | undefined };
  /** See `JobEvent`. */
  readonly metadata?: { readonly [key: string]: JsonValue | undefined };
}

/** One step of a job: of `history`, an array of them or one a line. */
export interface HistoryStepJson extends EventJson {
  /** Time since the step before, in milliseconds; 0 for the first. */
  readonly gapMs: number;
}

/** `count`. */
export interface CountJson {
  /** Number of events. */
  readonly count: number;
}

/** `stats`. */
export interface StatsJson extends JobMetricsSnapshot {
  /** Events and failures over time, in parts of one length. */
  readonly timeline: {
    /** When the first part begins, in seconds since the Unix epoch. */
    readonly from: number;
    /** Length of a part, in seconds. */
    readonly seconds: number;
    /** Events of each part. */
    readonly events: readonly number[];
    /** Runs that failed or took too long, of each part. */
    readonly failed: readonly number[];
  };
}

/** A worker: of `workers`, an array of them or one a line. */
export interface WorkerJson {
  /** The worker. */
  readonly workerId: string;
  /** Its type; absent where no event says so. */
  readonly workerType?: string;
  /** Whether a job runs on it. */
  readonly state: "busy" | "idle";
  /** The jobs that run on it, the first one first; at most 100. */
  readonly jobs: readonly string[];
  /** Its last event, in seconds since the Unix epoch. */
  readonly lastSeen: number;
  /** Runs that ended well. */
  readonly completed: number;
  /** Runs that ended with an error or took too long. */
  readonly failed: number;
}

/** A dead letter: of `dead-letters list`, an array of them or one a line. */
export interface DeadLetterJson {
  /** What `show`, `replay` and `purge` call it. */
  readonly id: string;
  /** The group that gave up. */
  readonly consumerName: string;
  /** The event's position. */
  readonly natsSequence: number;
  /** Why. */
  readonly reason: string;
  /** How often the event was delivered. */
  readonly deliveryCount: number;
  /** When, as ISO 8601. */
  readonly deadAt: string;
  /** The event; absent where it cannot be decoded. */
  readonly event?: EventJson;
  /** The event as it is stored, in base64. */
  readonly payload: string;
}

/** What a command did: `emit`, `export`, `import`, `forward`, `delete`, `cleanup`, `dead-letters
 * replay` and `purge`. Numbers that a command does not count are absent. */
export interface ReportJson {
  /** Events that were read. */
  readonly read?: number;
  /** Events that were stored. */
  readonly stored?: number;
  /** Events that were there already. */
  readonly duplicates?: number;
  /** Events that the storage refused, or lines that are no event. */
  readonly refused?: number;
  /** Events or letters that were deleted. */
  readonly deleted?: number;
  /** Letters that were given to their groups again. */
  readonly replayed?: number;
  /** Position of the last event that was read. */
  readonly lastSequence?: number;
}

/** `health`. */
export type HealthJson = StorageHealth;

/** A finding: of `doctor`, an array of them or one a line. */
export interface FindingJson {
  /** What was looked at. */
  readonly check: string;
  /** `problem`: something does not work or will not; `warning`: something to know; `ok`. */
  readonly level: "ok" | "warning" | "problem";
  /** What was found. */
  readonly message: string;
  /** What to do about it. */
  readonly remedy?: string;
}

/** An object of this package as JSON: dates as ISO 8601, values of users as `JsonValue`. */
export type AsJson<Type> = {
  readonly [Key in keyof Type]: Exclude<Type[Key], undefined> extends Date ? string
    : Key extends "args" | "result" | "value" | "metadata" ? JsonValue
    : Type[Key];
};

/** A task: of `tasks show`, and of `tasks list`, an array of them or one a line. */
export type TaskJson = AsJson<Task>;

/** How a task ended: of `results get` and `results wait`. */
export type TaskResultJson = AsJson<TaskResult>;

/** What was done to tasks: `tasks enqueue`, `cancel`, `requeue` and `purge`. */
export interface TaskReportJson {
  /** The tasks that it was done to. */
  readonly ids?: readonly string[];
  /** Those it could not be done to: they are not there, or in another state. */
  readonly others?: readonly string[];
  /** How many tasks were deleted. */
  readonly deleted?: number;
}
