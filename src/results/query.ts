/** Filters and queries of results: checked once, then applied to one result after the other. */

import { checkTime, compileRange } from "../storage/filter.ts";
import { isTaskResultState } from "./codec.ts";
import type { TaskResult, TaskResultFilter, TaskResultQuery } from "./results.ts";

/** Whether a result is meant. */
export type ResultTest = (result: TaskResult) => boolean;

/**
 * Checks a filter and makes it ready for use.
 *
 * @throws {TypeError} A value has the wrong type, or a state is not known.
 */
export function compileResultFilter(filter: TaskResultFilter): ResultTest {
  const { queue, functionName, workerId, tags = {} } = filter;
  const states = filter.state === undefined ? undefined : new Set([filter.state].flat());
  for (const state of states ?? []) {
    if (!isTaskResultState(state)) {
      throw new TypeError(`${JSON.stringify(state)} is not a state of a task result`);
    }
  }
  const since = filter.since === undefined ? -Infinity : checkTime("since", filter.since);
  const until = filter.until === undefined ? Infinity : checkTime("until", filter.until);
  const wantedTags = Object.entries(tags);
  return (result) => {
    if (states !== undefined && !states.has(result.state)) return false;
    if (queue !== undefined && result.queue !== queue) return false;
    if (functionName !== undefined && result.functionName !== functionName) return false;
    if (workerId !== undefined && result.workerId !== workerId) return false;
    const time = result.createdAt?.getTime() ?? 0;
    if (time < since || time > until) return false;
    return wantedTags.every(([name, value]) =>
      result.tags !== undefined && Object.hasOwn(result.tags, name) && result.tags[name] === value
    );
  };
}

/** A query that is ready for use. */
export interface CompiledQuery {
  readonly order: "oldest" | "newest";
  /** So many matching results are needed at the most. */
  readonly wanted: number;
  /** Adds a result where it is meant. Gives whether further ones are. */
  take(result: TaskResult): boolean;
  /** What was taken. */
  readonly results: TaskResult[];
}

/**
 * Checks a query and makes it ready for use, once.
 *
 * @throws {RangeError} `limit` or `offset` is negative or not whole.
 * @throws {TypeError} See {@linkcode compileResultFilter}.
 */
export function compileResultQuery(query: TaskResultQuery): CompiledQuery {
  const test = compileResultFilter(query);
  const { limit, offset, order } = compileRange(query);
  const results: TaskResult[] = [];
  let skipped = 0;
  return {
    order,
    wanted: limit === 0 ? 0 : limit + offset,
    results,
    take(result) {
      if (!test(result)) return true;
      if (skipped < offset) skipped++;
      else results.push(result);
      return results.length < limit;
    },
  };
}
