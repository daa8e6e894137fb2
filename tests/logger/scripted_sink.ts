/** A sink whose outcomes a test decides: faults that no real storage makes on demand. */

import { JobEventError } from "../../src/errors.ts";
import { JobEventSubjects } from "../../src/event/subjects.ts";
import type {
  AppendOptions,
  AppendOutcome,
  JobEventRecord,
  JobEventSink,
} from "../../src/storage/storage.ts";

/** Decides what becomes of one batch. */
export type Script = (
  records: readonly JobEventRecord[],
  call: number,
  options: AppendOptions,
) => readonly AppendOutcome[] | Promise<readonly AppendOutcome[]>;

/** Keeps what it stored, in order. */
export class ScriptedSink implements JobEventSink {
  readonly subjects: JobEventSubjects = new JobEventSubjects();
  /** What is stored. */
  readonly stored: JobEventRecord[] = [];
  /** The batches that came. */
  readonly batches: (readonly JobEventRecord[])[] = [];
  /** Appends under way. */
  running = 0;
  /** The most appends that were ever under way at the same time. */
  maxRunning = 0;
  script: Script;

  constructor(script: Script = (records) => this.store(records)) {
    this.script = script;
  }

  /** Stores records, each once. */
  store(records: readonly JobEventRecord[]): AppendOutcome[] {
    return records.map((record) => {
      const index = this.stored.findIndex((other) => other.eventId === record.eventId);
      if (index >= 0) return { status: "duplicate", sequence: index + 1 };
      return { status: "stored", sequence: this.stored.push(record) };
    });
  }

  async append(
    records: readonly JobEventRecord[],
    options: AppendOptions = {},
  ): Promise<readonly AppendOutcome[]> {
    this.batches.push(records);
    this.running++;
    this.maxRunning = Math.max(this.maxRunning, this.running);
    try {
      return await this.script(records, this.batches.length, options);
    } finally {
      this.running--;
    }
  }

  close(): Promise<void> {
    return Promise.resolve();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }

  /** The ids of the jobs in the order in which they were stored. */
  storedJobs(): string[] {
    return this.stored.map((record) => this.subjects.parse(record.subject)!.jobId);
  }
}

/** Outcomes that all ask for another try. */
export function allRetry(records: readonly JobEventRecord[]): AppendOutcome[] {
  const error = new JobEventError("ERR_UNAVAILABLE", "Cannot store: the test says so");
  return records.map(() => ({ status: "retry", error }));
}

/** An outcome for a record that will never be taken. */
export const REJECTED: AppendOutcome = {
  status: "rejected",
  error: new JobEventError("ERR_EVENT_TOO_LARGE", "Cannot store: the test says so"),
};

/** A gate that is closed until it is opened. */
export function gate(): { readonly opened: Promise<void>; readonly open: () => void } {
  const { promise, resolve } = Promise.withResolvers<void>();
  return { opened: promise, open: resolve };
}
