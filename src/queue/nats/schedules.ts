/** Recurring tasks: each schedule is a key of the bucket, its next occurrence a task. */

import { readHistory } from "../../nats/history.ts";
import { patiently, type ReadContext } from "../../nats/patience.ts";
import { readOne } from "../../nats/point_read.ts";
import { deleteEvery, deleteMessage } from "../../nats/delete.ts";
import type { Recurrence, TaskSchedule } from "../queue.ts";
import { newRecord, type TaskRecord } from "../record.ts";
import { newSchedule, nextRun, occurrenceId, type ScheduleRecord } from "../recurrence.ts";
import type { TaskInput } from "../task.ts";
import { encodeSchedule } from "./codec.ts";
import { isUndecodable, type KeyDecoder, passOver } from "./decoder.ts";
import type { QueueNames } from "./names.ts";
import type { Requests } from "./requests.ts";

/** A schedule, and when the occurrence that waits runs. */
export interface ScheduleState extends ScheduleRecord {
  /** In milliseconds since the Unix epoch. */
  readonly nextRunAt: number;
}

/** Where the occurrences go. */
export interface OccurrenceQueue {
  enqueue(record: TaskRecord): Promise<string>;
  /** Deletes a task if it is pending. */
  withdraw(id: string): Promise<void>;
}

interface StoredSchedule {
  readonly state: ScheduleState;
  readonly revision: number;
}

/** All schedules. */
export class Schedules {
  readonly #context: ReadContext;
  readonly #names: QueueNames;
  readonly #requests: Requests;
  readonly #decoder: KeyDecoder;
  readonly #queue: OccurrenceQueue;

  /** @param context The bucket. */
  constructor(
    context: ReadContext,
    names: QueueNames,
    requests: Requests,
    decoder: KeyDecoder,
    queue: OccurrenceQueue,
  ) {
    this.#context = context;
    this.#names = names;
    this.#requests = requests;
    this.#decoder = decoder;
    this.#queue = queue;
  }

  /** Adds a schedule, or replaces the one of this name. */
  async set(name: string, recurrence: Recurrence, task: TaskInput): Promise<TaskSchedule> {
    const schedule = newSchedule(name, recurrence, task);
    newRecord(schedule.task, Date.now());
    for (;;) {
      const before = await this.#get(name);
      if (before !== undefined) {
        await this.#queue.withdraw(occurrenceId(name, before.state.nextRunAt));
      }
      const state = { ...schedule, nextRunAt: nextRun(recurrence, Date.now()) };
      await this.#enqueue(state);
      if (await this.#put(state, before?.revision ?? 0)) return toSchedule(state);
    }
  }

  /** Ends a schedule, also one that cannot be decoded. Gives whether it was there. */
  async delete(name: string): Promise<boolean> {
    let before: StoredSchedule | undefined;
    try {
      before = await this.#get(name);
    } catch (error) {
      if (!isUndecodable(error)) throw error;
      await deleteEvery(this.#context, this.#names.schedule(name), false);
      return true;
    }
    if (before === undefined) return false;
    const isDeleted = await deleteMessage(this.#context, before.revision, false);
    await this.#queue.withdraw(occurrenceId(name, before.state.nextRunAt));
    return isDeleted;
  }

  /** All schedules, by name. */
  async list(): Promise<TaskSchedule[]> {
    return (await this.#all()).map(toSchedule)
      .sort((left, right) => left.name < right.name ? -1 : 1);
  }

  /**
   * An occurrence waits no more: the next one does, before anything else happens. A program that
   * ends in between has not dealt with the occurrence, which comes again.
   */
  async follow({ scheduleName = "", runAt }: TaskRecord): Promise<void> {
    for (;;) {
      // Without its schedule an occurrence is the last one, and is dealt with all the same.
      const before = await passOver(() => this.#get(scheduleName));
      if (before === undefined || runAt < before.state.nextRunAt) return;
      const nextRunAt = nextRun(before.state.recurrence, Math.max(runAt, Date.now()));
      const state = { ...before.state, nextRunAt };
      await passOver(() => this.#enqueue(state));
      if (await this.#put(state, before.revision)) return;
    }
  }

  /** Enqueues occurrences that should be there and are not. */
  async repair(): Promise<void> {
    for (const state of await this.#all()) await passOver(() => this.#enqueue(state));
  }

  async #enqueue({ name, task, nextRunAt }: ScheduleState): Promise<void> {
    const id = occurrenceId(name, nextRunAt);
    const input = { ...task, id, runAt: new Date(nextRunAt) };
    await this.#queue.enqueue(newRecord(input, Date.now(), name));
  }

  async #get(name: string): Promise<StoredSchedule | undefined> {
    const body = { last_by_subj: this.#names.schedule(name) };
    const message = await patiently(this.#context, () => readOne(this.#context, body));
    if (message === undefined || message.payload.length === 0) return undefined;
    return { state: this.#decoder.schedule(message), revision: message.sequence };
  }

  async #put(state: ScheduleState, expected: number): Promise<boolean> {
    const subject = this.#names.schedule(state.name);
    const write = { subject, payload: encodeSchedule(state), expected };
    const { name } = this.#context.stream;
    return await patiently(this.#context, () => this.#requests.store(name, write)) !== undefined;
  }

  /** Without those that cannot be decoded. */
  async #all(): Promise<ScheduleState[]> {
    const options = {
      patterns: [this.#names.allSchedules()],
      afterSequence: 0,
      order: "oldest",
      wanted: Infinity,
    } as const;
    const all: ScheduleState[] = [];
    for await (const batch of readHistory(this.#context, options)) {
      for (const message of batch) {
        if (message.payload.length === 0) continue;
        const state = await passOver(() => this.#decoder.schedule(message));
        if (state !== undefined) all.push(state);
      }
    }
    return all;
  }
}

function toSchedule({ name, recurrence, task, nextRunAt }: ScheduleState): TaskSchedule {
  return { name, recurrence, task, nextRunAt: new Date(nextRunAt) };
}
