/** When recurring tasks run. */

import { Cron } from "croner";
import { messageOf } from "../errors.ts";
import { checkWhole } from "../storage/filter.ts";
import type { Recurrence } from "./queue.ts";
import { checkName } from "./record.ts";
import type { TaskInput } from "./task.ts";

/** A schedule as it is kept. */
export interface ScheduleRecord {
  readonly name: string;
  readonly recurrence: Recurrence;
  readonly task: TaskInput;
}

/**
 * Checks a schedule.
 *
 * @throws {TypeError} A field is of the wrong type.
 * @throws {RangeError} The recurrence never comes, or is no recurrence.
 */
export function newSchedule(
  name: string,
  recurrence: Recurrence,
  task: TaskInput,
): ScheduleRecord {
  checkName("name", name);
  checkName("name", occurrenceId(name, 0));
  if ("everyMs" in recurrence) checkWhole("everyMs", recurrence.everyMs, 1);
  nextRun(recurrence, Date.now());
  const { id: _id, runAt: _runAt, delayMs: _delayMs, ...kept } = task;
  return { name, recurrence, task: kept };
}

/**
 * The first time of a recurrence after another time, both in milliseconds since the Unix epoch.
 *
 * @throws {RangeError} There is none, or it is no recurrence.
 */
export function nextRun(recurrence: Recurrence, afterMs: number): number {
  if ("everyMs" in recurrence) {
    const { everyMs } = recurrence;
    return (Math.floor(afterMs / everyMs) + 1) * everyMs;
  }
  const { cron, timeZone = "UTC" } = recurrence;
  let next: Date | null;
  try {
    next = new Cron(cron, { timezone: timeZone, paused: true }).nextRun(new Date(afterMs));
  } catch (cause) {
    throw new RangeError(
      `Cannot use the recurrence cron "${cron}" in ${timeZone}: ${messageOf(cause)}`,
      { cause },
    );
  }
  if (next !== null) return next.getTime();
  throw new RangeError(`Cannot use the recurrence cron "${cron}": it never comes`);
}

/** The id of the task that runs at a time: the same in every program. */
export function occurrenceId(name: string, runAtMs: number): string {
  return `${name}@${new Date(runAtMs).toISOString()}`;
}
