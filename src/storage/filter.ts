/** Filters and queries: checked once, then applied to one event after the other. */

import { encodeSubjectToken } from "../event/token.ts";
import { isJobEventType, type JobEvent, type JobEventType } from "../gen/types.ts";
import type { JobEventFilter, JobEventQuery } from "./storage.ts";

/** The fields of an event that a filter looks at. */
export type FilteredFields = Pick<
  JobEvent,
  "jobId" | "eventType" | "timestamp" | "workerId" | "queueName" | "tags"
>;

/** A filter whose values are checked and in the form in which they are compared. */
export interface CompiledFilter {
  /** The job, or `undefined` for any. */
  readonly jobId: string | undefined;
  /** The worker, or `undefined` for any. */
  readonly workerId: string | undefined;
  /** The queue, or `undefined` for any. */
  readonly queueName: string | undefined;
  /** The types, each once, or `undefined` for any. */
  readonly types: readonly JobEventType[] | undefined;
  /** The first timestamp, in seconds since the Unix epoch. */
  readonly since: number | undefined;
  /** The last timestamp, in seconds since the Unix epoch. */
  readonly until: number | undefined;
  /** The tags that must all be there. */
  readonly tags: readonly (readonly [name: string, value: string])[];
  /** Whether no event at all can match: there is nothing to read. */
  readonly impossible: boolean;
  /** Whether an event matches. */
  matches(event: FilteredFields): boolean;
}

/** Which part of the matching events a query wants. */
export interface CompiledRange {
  /** At most so many; `Infinity` for all. */
  readonly limit: number;
  /** So many are passed over. */
  readonly offset: number;
  /** Only what was stored after this position. */
  readonly afterSequence: number;
  /** Which end comes first. */
  readonly order: "oldest" | "newest";
}

/**
 * Checks a filter and makes it ready for use.
 *
 * @throws {TypeError} A value has the wrong type, or an event type is not known.
 * @throws {RangeError} An id is empty or too long: no event can have it.
 */
export function compileFilter(filter: JobEventFilter): CompiledFilter {
  const types = compileTypes(filter.eventType);
  const since = compileTime("since", filter.since);
  const until = compileTime("until", filter.until);
  const tags = compileTags(filter.tags);
  const { jobId, workerId, queueName } = filter;
  // An id that cannot be a subject token cannot be stored either: the same error everywhere.
  if (jobId !== undefined) encodeSubjectToken(jobId);
  if (workerId !== undefined) encodeSubjectToken(workerId);
  if (queueName !== undefined) encodeSubjectToken(queueName);
  const typeSet = types === undefined ? undefined : new Set(types);
  return {
    jobId,
    workerId,
    queueName,
    types,
    since,
    until,
    tags,
    // Stored strings are UTF-8, which has no lone surrogates: a tag with one matches nothing.
    impossible: types?.length === 0 ||
      (since !== undefined && until !== undefined && since > until) ||
      tags.some(([name, value]) => !name.isWellFormed() || !value.isWellFormed()),
    matches(event) {
      if (jobId !== undefined && event.jobId !== jobId) return false;
      if (workerId !== undefined && event.workerId !== workerId) return false;
      if (queueName !== undefined && event.queueName !== queueName) return false;
      if (typeSet !== undefined && !typeSet.has(event.eventType)) return false;
      // Written so that a timestamp that is not a number is in no range.
      if (since !== undefined && !(event.timestamp >= since)) return false;
      if (until !== undefined && !(event.timestamp <= until)) return false;
      return tags.length === 0 || hasTags(event.tags, tags);
    },
  };
}

/**
 * Checks the numbers and the order of a query.
 *
 * @throws {RangeError} `limit`, `offset` or `afterSequence` is negative or not whole.
 * @throws {TypeError} `order` is neither "oldest" nor "newest".
 */
export function compileRange(query: JobEventQuery): CompiledRange {
  const { limit, offset = 0, afterSequence = 0, order = "oldest" } = query;
  if (limit !== undefined) checkWhole("limit", limit);
  checkWhole("offset", offset);
  checkWhole("afterSequence", afterSequence);
  if (order !== "oldest" && order !== "newest") {
    throw new TypeError(
      `Invalid query: order must be "oldest" or "newest", got ${JSON.stringify(order)}`,
    );
  }
  return { limit: limit ?? Infinity, offset, afterSequence, order };
}

/**
 * Throws unless `value` is a whole number of at least `least`.
 *
 * @throws {RangeError} It is not; the message has the name.
 */
export function checkWhole(name: string, value: number, least: number = 0): void {
  if (!Number.isSafeInteger(value) || value < least) {
    throw new RangeError(
      `${name} must be a whole number of at least ${least}, got ${String(value)}`,
    );
  }
}

/**
 * The milliseconds of a `Date`.
 *
 * @throws {TypeError} It is no valid `Date`; the message has the name.
 */
export function checkTime(name: string, value: Date): number {
  const time = typeof value?.getTime === "function" ? value.getTime() : NaN;
  if (Number.isNaN(time)) {
    throw new TypeError(`${name} must be a valid Date, got ${String(value)}`);
  }
  return time;
}

/**
 * Throws unless a value is a type of events.
 *
 * @throws {TypeError} It is not.
 */
export function checkEventType(type: JobEventType): void {
  if (!isJobEventType(type)) {
    throw new TypeError(`${JSON.stringify(type)} is not a job event type`);
  }
}

function compileTime(name: string, value: Date | undefined): number | undefined {
  return value === undefined ? undefined : checkTime(name, value) / 1000;
}

function compileTypes(types: JobEventFilter["eventType"]): readonly JobEventType[] | undefined {
  if (types === undefined) return undefined;
  const list = typeof types === "string" ? [types] : [...new Set(types)];
  list.forEach(checkEventType);
  return list;
}

function compileTags(tags: JobEventFilter["tags"]): (readonly [string, string])[] {
  const entries = Object.entries(tags ?? {});
  for (const [name, value] of entries) {
    if (typeof value !== "string") {
      throw new TypeError(`Invalid query: tags.${name} must be a string, got ${String(value)}`);
    }
  }
  return entries;
}

function hasTags(tags: JobEvent["tags"], wanted: CompiledFilter["tags"]): boolean {
  if (tags === undefined) return false;
  return wanted.every(([name, value]) => Object.hasOwn(tags, name) && tags[name] === value);
}
