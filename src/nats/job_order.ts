/** Keeps the order of each job: while a message of a job is under way, its next ones wait. */

import type { PendingAppend } from "./pending_append.ts";

/** A record that is the next one of its job. */
export interface NextRecord {
  readonly append: PendingAppend;
  /** Which record of the append it is. */
  readonly index: number;
  readonly job: string;
}

/** The jobs that have a message under way, each with the records that wait for it. */
export class JobOrder {
  readonly #start: string;
  /** Most jobs have nothing that waits: for them there is no array. */
  readonly #waiting = new Map<string, NextRecord[] | undefined>();

  /**
   * Begins with no job.
   *
   * @param subjectPrefix What comes before the job in a subject.
   */
  constructor(subjectPrefix: string) {
    this.#start = `${subjectPrefix}.`;
  }

  /** The job of a subject: its first token after the prefix, or all of a foreign one. */
  jobOf(subject: string): string {
    if (!subject.startsWith(this.#start)) return subject;
    const start = this.#start.length;
    const end = subject.indexOf(".", start);
    return end < 0 ? subject.slice(start) : subject.slice(start, end);
  }

  /** Whether the record has to wait for one before it. If not, its job is busy from now on. */
  mustWait(record: NextRecord): boolean {
    if (!this.#waiting.has(record.job)) {
      this.#waiting.set(record.job, undefined);
      return false;
    }
    const waiting = this.#waiting.get(record.job);
    if (waiting === undefined) this.#waiting.set(record.job, [record]);
    else waiting.push(record);
    return true;
  }

  /** Nothing of the job is under way any more: gives the record that is next, if one waits. */
  next(job: string): NextRecord | undefined {
    const waiting = this.#waiting.get(job);
    for (let record = waiting?.shift(); record !== undefined; record = waiting?.shift()) {
      if (!record.append.isSettled(record.index)) return record;
    }
    this.#waiting.delete(job);
    return undefined;
  }

  /** Forgets all jobs. */
  clear(): void {
    this.#waiting.clear();
  }
}
