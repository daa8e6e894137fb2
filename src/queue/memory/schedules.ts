/** Recurring tasks in memory. */

import type { Recurrence, TaskSchedule } from "../queue.ts";
import { newRecord, type TaskRecord } from "../record.ts";
import { newSchedule, nextRun, occurrenceId, type ScheduleRecord } from "../recurrence.ts";
import type { TaskInput } from "../task.ts";

/** Where the occurrences go. */
interface Tasks {
  get(id: string): TaskRecord | undefined;
  enqueue(record: TaskRecord): string;
  delete(id: string): boolean;
}

interface Entry extends ScheduleRecord {
  readonly nextRunAt: number;
}

/** All recurring tasks of a queue. */
export class MemorySchedules {
  readonly #tasks: Tasks;
  readonly #entries = new Map<string, Entry>();

  /** @param tasks Where the occurrences go. */
  constructor(tasks: Tasks) {
    this.#tasks = tasks;
  }

  /** Adds a schedule, or replaces the one of this name. */
  set(name: string, recurrence: Recurrence, task: TaskInput): TaskSchedule {
    const record = newSchedule(name, recurrence, task);
    newRecord(record.task, Date.now());
    this.delete(name);
    return toSchedule(this.#enqueueNext(record));
  }

  /** Ends a schedule. Gives whether it was there. */
  delete(name: string): boolean {
    const entry = this.#entries.get(name);
    if (entry === undefined) return false;
    this.#entries.delete(name);
    const id = occurrenceId(name, entry.nextRunAt);
    if (this.#tasks.get(id)?.state === "pending") this.#tasks.delete(id);
    return true;
  }

  /** All schedules, by name. */
  list(): TaskSchedule[] {
    return [...this.#entries.values()].map(toSchedule)
      .sort((left, right) => left.name < right.name ? -1 : 1);
  }

  /** An occurrence waits no more: the next one does. */
  follow(name: string, id: string): void {
    const entry = this.#entries.get(name);
    if (entry !== undefined && occurrenceId(name, entry.nextRunAt) === id) {
      this.#enqueueNext(entry);
    }
  }

  #enqueueNext({ name, recurrence, task }: ScheduleRecord): Entry {
    const entries = this.#entries;
    const after = Math.max(entries.get(name)?.nextRunAt ?? 0, Date.now());
    const nextRunAt = nextRun(recurrence, after);
    const entry = { name, recurrence, task, nextRunAt };
    entries.set(name, entry);
    const id = occurrenceId(name, nextRunAt);
    this.#tasks.enqueue(newRecord({ ...task, id, runAt: new Date(nextRunAt) }, Date.now(), name));
    return entry;
  }
}

function toSchedule({ nextRunAt, ...rest }: Entry): TaskSchedule {
  return { ...rest, nextRunAt: new Date(nextRunAt) };
}
