/** Which tasks a filter means. */

import { checkWhole } from "../storage/filter.ts";
import type { TaskFilter, TaskQuery } from "./queue.ts";
import { stateAt, type TaskRecord, toTask } from "./record.ts";
import { type Task, TASK_STATES, type TaskState } from "./task.ts";

/** A filter that was checked. */
export interface CompiledFilter {
  /** The states that are meant; `undefined` for all. */
  readonly states: ReadonlySet<TaskState> | undefined;
  /** Whether all tasks are meant. */
  readonly isAll: boolean;
  /** Whether it says more than a queue and states. */
  readonly looksInside: boolean;
  /** Whether a record is meant. */
  matches(record: TaskRecord, nowMs: number): boolean;
}

/**
 * Checks a filter.
 *
 * @throws {TypeError} A state is none.
 */
export function compileFilter({ queue, state, functionName, tags }: TaskFilter): CompiledFilter {
  const states = state === undefined ? undefined : new Set([state].flat());
  for (const each of states ?? []) {
    if (TASK_STATES.includes(each)) continue;
    throw new TypeError(`state must be one of ${TASK_STATES.join(", ")}, got ${String(each)}`);
  }
  const wanted = Object.entries(tags ?? {});
  const looksInside = functionName !== undefined || wanted.length > 0;
  return {
    states,
    isAll: !looksInside && queue === undefined && states === undefined,
    looksInside,
    matches: (record, nowMs) => {
      if (queue !== undefined && record.queue !== queue) return false;
      if (functionName !== undefined && record.functionName !== functionName) return false;
      if (states !== undefined && !states.has(stateAt(record, nowMs))) return false;
      if (wanted.length === 0) return true;
      const has: Task["tags"] = toTask(record, nowMs).tags ?? {};
      return wanted.every(([name, value]) => has[name] === value);
    },
  };
}

/**
 * Which of the matching tasks are wanted: from, and up to but not with.
 *
 * @throws {RangeError} `limit` or `offset` is negative or not whole.
 */
export function rangeOf({ limit, offset = 0 }: TaskQuery): {
  readonly from: number;
  readonly to: number;
} {
  checkWhole("offset", offset);
  if (limit !== undefined) checkWhole("limit", limit);
  return { from: offset, to: offset + (limit ?? Infinity) };
}
