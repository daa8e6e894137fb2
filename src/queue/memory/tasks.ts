/** The records of a queue in memory, and where each of them waits. */

import type { CompiledFilter } from "../filter.ts";
import type { QueueInfo } from "../queue.ts";
import { stateAt, type TaskRecord } from "../record.ts";
import { expired, judge } from "../transitions.ts";
import { DueTimes } from "./due_times.ts";
import { MemoryQueue } from "./lines.ts";
import { MemorySchedules } from "./schedules.ts";

/** Who wants to know. */
interface Listener {
  /** A task came into the line of a queue; or came back, by a call of the one who had it. */
  onReady(queue: string, isReturned: boolean): void;
  /** Something new comes up at a time. */
  onDue(): void;
  /** A task ended without anybody's call. */
  onEnded(record: TaskRecord): void;
}

/** Below this, times that do not matter any more are not looked for. */
const FEW = 1024;

/** All tasks. */
export class MemoryTasks {
  /** Recurring tasks. */
  readonly schedules: MemorySchedules;
  readonly #keepMs: number;
  readonly #listener: Listener;
  /** In the order of their last change. */
  readonly #records = new Map<string, TaskRecord>();
  readonly #queues = new Map<string, MemoryQueue>();
  readonly #due = new DueTimes();

  /** @param keepMs How long tasks that ended are kept, in milliseconds. */
  constructor(keepMs: number, listener: Listener) {
    this.#keepMs = keepMs;
    this.#listener = listener;
    this.schedules = new MemorySchedules(this);
  }

  /** How many tasks there are. */
  get size(): number {
    return this.#records.size;
  }

  /** When something comes up next. */
  get nextDue(): number | undefined {
    return this.#due.next;
  }

  /** The record of a task. */
  get(id: string): TaskRecord | undefined {
    return this.#records.get(id);
  }

  /** Adds a task unless it is there. */
  enqueue(record: TaskRecord): string {
    const { id } = record;
    if (!this.#records.has(id)) this.put(record);
    return id;
  }

  /**
   * Sets the record of a task, and puts the task where it belongs.
   *
   * @param isReturned Whether the one who had the task gives it back.
   */
  put(record: TaskRecord, isReturned: boolean = false): void {
    const { id, queue: name, priority, state, generation } = record;
    const before = this.#records.get(id);
    this.#records.delete(id);
    this.#records.set(id, record);
    const queue = this.#queue(name);
    queue.delete(priority, id);
    this.#noticeLeaving(before, record);
    if (state === "running") {
      queue.running.add(id);
      // After a heartbeat, the time that is there already is put off when it comes up.
      const isNew = before?.claimToken !== record.claimToken;
      if (isNew) this.#add(record.leaseUntil ?? 0, id, generation);
    } else if (state !== "pending") {
      this.#add((record.finishedAt ?? 0) + this.#keepMs, id, generation);
    } else if (record.runAt > Date.now()) {
      queue.delayed.add(id);
      this.#add(record.runAt, id, generation);
    } else {
      queue.add(priority, id);
      this.#listener.onReady(name, isReturned);
    }
  }

  /** Forgets a task. Gives whether it was there. */
  delete(id: string): boolean {
    const record = this.#records.get(id);
    if (record === undefined) return false;
    this.#records.delete(id);
    this.#queue(record.queue).delete(record.priority, id);
    this.#noticeLeaving(record, undefined);
    return true;
  }

  /** The next task of a queue that may be claimed. It is in no line then. */
  take(name: string, nowMs: number): TaskRecord | undefined {
    const queue = this.#queues.get(name);
    for (let id = queue?.take(); id !== undefined; id = queue?.take()) {
      const record = this.#records.get(id);
      if (record === undefined) continue;
      const verdict = judge(record, record.generation, nowMs);
      if (verdict.action === "claim") return record;
      if (verdict.action === "end") this.#end(verdict.record);
    }
    return undefined;
  }

  /** What is to happen up to a time happens. */
  tick(nowMs: number): this {
    for (let due = this.#due.take(nowMs); due !== undefined; due = this.#due.take(nowMs)) {
      const { id, generation } = due;
      const record = this.#records.get(id);
      if (record === undefined || record.generation !== generation) continue;
      const verdict = judge(record, generation, nowMs);
      if (verdict.action === "wait") this.#add(nowMs + verdict.delayMs, id, generation);
      else if (verdict.action === "end") this.#end(verdict.record);
      else if (verdict.action === "claim") this.#line(record);
      else if ((record.finishedAt ?? Infinity) + this.#keepMs <= nowMs) this.delete(id);
    }
    return this;
  }

  /** The records of a filter. */
  *matching(filter: CompiledFilter, nowMs: number): Iterable<TaskRecord> {
    for (const record of this.#records.values()) {
      if (filter.matches(record, nowMs)) yield record;
    }
  }

  /** What is in a queue. */
  info(name: string): QueueInfo {
    const queue = this.#queues.get(name);
    if (queue === undefined) return { pending: 0, running: 0, delayed: 0 };
    return { pending: queue.pending, running: queue.running.size, delayed: queue.delayed.size };
  }

  /** The queues that are not empty. */
  queues(): string[] {
    for (const [name, queue] of this.#queues) if (queue.isEmpty) this.#queues.delete(name);
    return [...this.#queues.keys()].sort();
  }

  /** Deletes the pending tasks of a queue. */
  purge(name: string): number {
    return (this.#queues.get(name)?.waiting() ?? []).filter((id) => this.delete(id)).length;
  }

  /** Ends what has expired, and deletes what ended long ago. */
  cleanup(nowMs: number): number {
    let count = 0;
    for (const record of [...this.#records.values()]) {
      const isOver = stateAt(record, nowMs) === "expired" && record.state === "pending";
      if (isOver) this.#end(expired(record, nowMs));
      else if ((record.finishedAt ?? Infinity) + this.#keepMs > nowMs) continue;
      else this.delete(record.id);
      count++;
    }
    return count;
  }

  /** Forgets everything. */
  clear(): void {
    this.#records.clear();
    this.#queues.clear();
    this.#due.keep(() => false);
  }

  #queue(name: string): MemoryQueue {
    let queue = this.#queues.get(name);
    if (queue === undefined) this.#queues.set(name, queue = new MemoryQueue());
    return queue;
  }

  #end(record: TaskRecord): void {
    this.put(record);
    this.#listener.onEnded(record);
  }

  /** Into the line of its priority: its time has come, or its holder was lost. */
  #line({ id, queue: name, priority }: TaskRecord): void {
    const queue = this.#queue(name);
    queue.delete(priority, id);
    queue.add(priority, id);
    this.#listener.onReady(name, false);
  }

  #add(at: number, id: string, generation: number): void {
    if (this.#due.size > FEW + 2 * this.#records.size) {
      this.#due.keep((due) => this.#records.get(due.id)?.generation === due.generation);
    }
    this.#due.add({ at, id, generation });
    this.#listener.onDue();
  }

  /** The next occurrence of a recurring task follows the one that waits no more. */
  #noticeLeaving(before: TaskRecord | undefined, after: TaskRecord | undefined): void {
    if (before?.state !== "pending" || after?.state === "pending") return;
    if (before.scheduleName !== undefined) this.schedules.follow(before.scheduleName, before.id);
  }
}
