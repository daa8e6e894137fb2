/** Failures that look alike, put together. */

import type { StoredJobEvent } from "../gen/types.ts";
import { cut } from "./rows.ts";
import type { FailureGroup } from "./wire.ts";

const MAX_GROUPS = 500;
const MAX_NAMES = 20;
const MAX_JOBS = 10;
const MINUTES = 60;

interface Group {
  readonly key: string;
  readonly errorType: string;
  message: string;
  count: number;
  firstAt: number;
  lastAt: number;
  readonly queues: Set<string>;
  readonly workers: Set<string>;
  /** Oldest first. */
  readonly jobs: Set<string>;
  /** By minute since the Unix epoch. */
  readonly perMinute: Map<number, number>;
}

/**
 * Groups failures by the type of their error and by its message, where what differs from job to job
 * counts as the same: numbers, ids, and what stands in quotes. When there are too many groups, the
 * one that was quiet for longest makes room.
 */
export class Failures {
  readonly #groups = new Map<string, Group>();

  /** Counts a failure. */
  add(event: StoredJobEvent): void {
    const { timestamp, jobId, workerId, queueName } = event;
    const errorType = cut(event.errorType ?? (event.eventType === "timeout" ? "timeout" : "?"));
    const message = cut(event.errorMessage ?? event.message ?? "");
    const key = `${errorType}: ${alike(message)}`;
    const group = this.#groups.get(key) ?? newGroup(key, errorType, timestamp);
    group.message = message;
    group.count++;
    group.firstAt = Math.min(group.firstAt, timestamp);
    group.lastAt = Math.max(group.lastAt, timestamp);
    if (queueName !== undefined && group.queues.size < MAX_NAMES) group.queues.add(queueName);
    if (workerId !== undefined && group.workers.size < MAX_NAMES) group.workers.add(workerId);
    remember(group.jobs, jobId);
    countMinute(group.perMinute, Math.floor(timestamp / 60));
    // The order of the map is that of the last failures.
    this.#groups.delete(key);
    this.#groups.set(key, group);
    if (this.#groups.size > MAX_GROUPS) this.#groups.delete(this.#groups.keys().next().value!);
  }

  /** How many groups there are. */
  get size(): number {
    return this.#groups.size;
  }

  /** The groups that failed last, the last one first. */
  list(limit: number, now: number): FailureGroup[] {
    const minute = Math.floor(now / 60);
    return [...this.#groups.values()].reverse().slice(0, limit).map((group) => ({
      ...group,
      queues: [...group.queues],
      workers: [...group.workers],
      jobs: [...group.jobs].reverse(),
      perMinute: Array.from(
        { length: MINUTES },
        (_, index) => group.perMinute.get(minute - MINUTES + 1 + index) ?? 0,
      ),
    }));
  }

  /** The types of the errors, each once. */
  types(): Set<string> {
    return new Set([...this.#groups.values()].map((group) => group.errorType));
  }
}

/** A message without what differs from job to job. */
function alike(message: string): string {
  return message
    .replace(/(["'`])(?:(?!\1).){1,200}\1/g, "$1…$1")
    .replace(/\b[0-9a-f]{8,}(-[0-9a-f]{4,}){0,4}\b/gi, "#")
    .replace(/\d+(\.\d+)*/g, "#");
}

function newGroup(key: string, errorType: string, at: number): Group {
  return {
    key,
    errorType,
    message: "",
    count: 0,
    firstAt: at,
    lastAt: at,
    queues: new Set(),
    workers: new Set(),
    jobs: new Set(),
    perMinute: new Map(),
  };
}

function remember(jobs: Set<string>, jobId: string): void {
  jobs.delete(jobId);
  jobs.add(jobId);
  if (jobs.size > MAX_JOBS) jobs.delete(jobs.values().next().value!);
}

function countMinute(perMinute: Map<number, number>, minute: number): void {
  perMinute.set(minute, (perMinute.get(minute) ?? 0) + 1);
  if (perMinute.size <= MINUTES) return;
  perMinute.delete(Math.min(...perMinute.keys()));
}
