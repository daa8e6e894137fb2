/** What a URL asks for. */

import { isJobEventType } from "../gen/types.ts";
import { type CompiledFilter, compileFilter } from "../storage/filter.ts";
import type { JobEventFilter } from "../storage/storage.ts";
import type { EventRow } from "./wire.ts";

/** Which events a list shows: a filter of the storage, and a text in the error. */
export interface ListFilter {
  readonly filter: JobEventFilter;
  /** Whether a row matches, its error included. */
  matches(row: EventRow): boolean;
}

/**
 * Reads a filter: `job`, `worker`, `queue`, `type` (several, with commas), `tag` (several, as
 * `name=value`), `error` (a text in its type or message), `since` and `until` (in seconds since the
 * Unix epoch).
 *
 * @throws {TypeError} A type is not known, or a time is no number.
 * @throws {RangeError} An id cannot be one.
 */
export function readFilter(params: URLSearchParams): ListFilter {
  const jobId = textOf(params, "job");
  const workerId = textOf(params, "worker");
  const queueName = textOf(params, "queue");
  const types = (textOf(params, "type") ?? "").split(",").filter(isJobEventType);
  const since = timeOf(params, "since");
  const until = timeOf(params, "until");
  const tags = params.getAll("tag").filter((tag) => tag.includes("=")).map((tag) => {
    const at = tag.indexOf("=");
    return [tag.slice(0, at), tag.slice(at + 1)] as const;
  });
  const filter: JobEventFilter = {
    ...(jobId === undefined ? {} : { jobId }),
    ...(workerId === undefined ? {} : { workerId }),
    ...(queueName === undefined ? {} : { queueName }),
    ...(types.length === 0 ? {} : { eventType: types }),
    ...(since === undefined ? {} : { since }),
    ...(until === undefined ? {} : { until }),
    ...(tags.length === 0 ? {} : { tags: Object.fromEntries(tags) }),
  };
  const compiled = compileFilter(filter);
  const error = textOf(params, "error")?.toLowerCase();
  return { filter, matches: (row) => matchesRow(compiled, row) && hasError(row, error) };
}

/** A whole number of at least 0 in a URL. */
export function numberOf(params: URLSearchParams, name: string): number | undefined {
  const text = textOf(params, name);
  if (text === undefined) return undefined;
  const value = Number(text);
  if (Number.isSafeInteger(value) && value >= 0) return value;
  throw new RangeError(`${name} must be a whole number of at least 0, got ${JSON.stringify(text)}`);
}

function matchesRow(filter: CompiledFilter, row: EventRow): boolean {
  const { job, type, at, worker, queue, tags } = row;
  return !filter.impossible && filter.matches({
    jobId: job,
    eventType: type,
    timestamp: at,
    ...(worker === undefined ? {} : { workerId: worker }),
    ...(queue === undefined ? {} : { queueName: queue }),
    ...(tags === undefined ? {} : { tags }),
  });
}

function hasError(row: EventRow, error: string | undefined): boolean {
  if (error === undefined) return true;
  return [row.errorType, row.errorMessage].some((text) => text?.toLowerCase().includes(error));
}

/** A parameter that is empty is as good as none. */
function textOf(params: URLSearchParams, name: string): string | undefined {
  return params.get(name) || undefined;
}

function timeOf(params: URLSearchParams, name: string): Date | undefined {
  const text = textOf(params, name);
  if (text === undefined) return undefined;
  const time = new Date(Number(text) * 1000);
  if (!Number.isNaN(time.getTime())) return time;
  throw new TypeError(`${name} must be seconds since 1970, got ${JSON.stringify(text)}`);
}
