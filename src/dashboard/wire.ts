/** What the server tells the page: interfaces only. The page imports them too. */

import type { JobEventType } from "../gen/types.ts";
import type { JobCounts, JobMetricsSnapshot } from "../metrics/snapshot.ts";
import type { StorageHealth } from "../storage/storage.ts";
import type { DashboardAction } from "./options.ts";

/** What the page knows before it asks: it stands in the page itself. */
export interface PageConfig {
  readonly title: string;
  /** The actions that the page may offer. Each is authorized again when it is called. */
  readonly actions: readonly DashboardAction[];
}

/** One event as a row of a list: everything but `details` and `metadata`, long texts cut. */
export interface EventRow {
  readonly seq: number;
  /** Seconds since the Unix epoch. */
  readonly at: number;
  readonly type: JobEventType;
  readonly job: string;
  readonly worker?: string;
  readonly queue?: string;
  readonly message?: string;
  readonly errorType?: string;
  readonly errorMessage?: string;
  readonly durationMs?: number;
  readonly tags?: Readonly<Record<string, string>>;
}

/** A value of `details` or `metadata`, as JSON can say it. */
export type JsonValue = null | boolean | number | string | readonly JsonValue[] | {
  readonly [key: string]: JsonValue;
};

/** One event with everything it has. */
export interface EventDetail extends EventRow {
  readonly eventId: string;
  readonly subject: string;
  readonly workerType?: string;
  readonly memoryMb?: number;
  readonly cpuTimeMs?: number;
  readonly traceparent?: string;
  readonly details?: JsonValue;
  readonly metadata?: JsonValue;
}

/** The events of one job, oldest first. */
export interface JobAnswer {
  readonly events: readonly EventDetail[];
  /** There are more than are shown. */
  readonly cut: boolean;
}

/** Where the next page of older events begins. */
export interface EventsCursor {
  readonly before: number;
  readonly offset: number;
}

/** A page of events, newest first. */
export interface EventsAnswer {
  readonly rows: readonly EventRow[];
  /** How many events were looked at for them. */
  readonly scanned: number;
  /** Absent when there are no older ones. */
  readonly next?: EventsCursor;
}

/** New events for a list, oldest first. */
export interface RowsMessage {
  readonly rows: readonly EventRow[];
  /** Matching events before `rows` that were not sent, since there were too many. */
  readonly skipped: number;
  /** Events were missed whose number is not known: the connection was away for long. */
  readonly gap: boolean;
}

/** How the server itself follows the storage. */
export interface LiveStatus {
  /** `reading`: it still reads what was stored before. `lost`: the storage does not answer. */
  readonly state: "reading" | "live" | "lost";
  /** How many events were counted. */
  readonly events: number;
  /** The last event that was counted. */
  readonly sequence: number;
  /** From when on events were counted, in seconds since the Unix epoch. */
  readonly since: number;
  /** Only so many of the events since then were counted, the last ones. */
  readonly cutAt?: number;
  /** What is wrong. */
  readonly error?: string;
}

/** The numbers of a queue or a worker. */
export interface GroupRow {
  readonly name: string;
  readonly started: number;
  readonly completed: number;
  readonly failed: number;
  readonly retries: number;
  readonly inFlight: number;
  readonly p50Ms: number;
  readonly p95Ms: number;
  readonly waitP95Ms: number;
  /** The last event, in seconds since the Unix epoch. */
  readonly lastSeen: number;
}

/** Values over time, one for each step from `from` on. */
export interface SeriesPart {
  readonly stepSeconds: number;
  /** The first step, in seconds since the Unix epoch. */
  readonly from: number;
  /** Runs that began. */
  readonly started: readonly number[];
  readonly completed: readonly number[];
  readonly failed: readonly number[];
  /** At the end of the step. */
  readonly inFlight: readonly number[];
  /** `null`: nothing ended. */
  readonly p50Ms: readonly (number | null)[];
  readonly p95Ms: readonly (number | null)[];
}

type Rates = "rates" | "startedRates" | "completedRates" | "failedRates";

/** Everything on the first page. */
export interface OverviewMessage extends JobCounts, Pick<JobMetricsSnapshot, Rates> {
  readonly status: LiveStatus;
  /** The server's clock, in seconds since the Unix epoch. */
  readonly now: number;
  readonly queues: readonly GroupRow[];
  readonly workers: readonly GroupRow[];
  /** How many queues and workers there are, shown or not. */
  readonly queueCount: number;
  readonly workerCount: number;
  /** By second and by minute: all steps in a connection's first message, then the last ones. */
  readonly series: readonly SeriesPart[];
}

/** Failures that look alike. */
export interface FailureGroup {
  readonly key: string;
  readonly errorType: string;
  /** The message of the last one. */
  readonly message: string;
  readonly count: number;
  /** Seconds since the Unix epoch. */
  readonly firstAt: number;
  readonly lastAt: number;
  readonly queues: readonly string[];
  readonly workers: readonly string[];
  /** The last jobs, newest first. */
  readonly jobs: readonly string[];
  /** Failures in each of the last 60 minutes, oldest first. */
  readonly perMinute: readonly number[];
}

/** The page of failures. */
export interface FailuresMessage {
  readonly status: LiveStatus;
  readonly groups: readonly FailureGroup[];
  /** How many groups there are, shown or not. */
  readonly groupCount: number;
}

/** A dead letter. */
export interface DeadLetterRow {
  readonly id: string;
  readonly consumer: string;
  readonly seq: number;
  readonly reason: string;
  readonly deliveries: number;
  /** Seconds since the Unix epoch. */
  readonly deadAt: number;
  /** Absent when it cannot be decoded. */
  readonly event?: EventRow;
}

/** The first dead letters. */
export interface DeadLettersAnswer {
  readonly letters: readonly DeadLetterRow[];
  /** There are more than are shown. */
  readonly cut: boolean;
}

/** The page of the storage's state. */
export interface HealthAnswer {
  readonly storage: StorageHealth;
  readonly status: LiveStatus;
  /** How many pages are open. */
  readonly clients: number;
}

/** Something that a search found. */
export interface SearchHit {
  readonly kind: "job" | "worker" | "queue" | "error";
  readonly value: string;
}

/** What a search found. */
export interface SearchAnswer {
  readonly hits: readonly SearchHit[];
}

/** What an action did. */
export interface ActionAnswer {
  /** How many events, letters or jobs. */
  readonly count: number;
}

/** Why a call failed. */
export interface ErrorAnswer {
  readonly error: string;
}
