/** What the benches store: events that are encoded already, each under a new id. */

import { encodeJobEvent } from "../../src/event/encode.ts";
import type { JobEventSubjects } from "../../src/event/subjects.ts";
import type { JobEventRecord, JobEventSink } from "../../src/storage/storage.ts";
import { completedEvents, SAMPLES } from "./samples.ts";
import type { Contender } from "./timing.ts";

/** Gives records of about 165 bytes, without end. */
export class Records {
  readonly #payloads: readonly Uint8Array[];
  readonly #subjects: readonly string[];
  readonly #run = crypto.randomUUID().slice(0, 8);
  #lastId = 0;

  /** @param subjects How the subjects are named. */
  constructor(subjects: JobEventSubjects) {
    const events = completedEvents();
    this.#payloads = events.map(encodeJobEvent);
    this.#subjects = events.map((event) => subjects.forEvent(event));
  }

  /** The next record. */
  readonly next = (): JobEventRecord => {
    const index = ++this.#lastId % SAMPLES;
    return {
      eventId: `${this.#run}-${this.#lastId}`,
      subject: this.#subjects[index]!,
      payload: this.#payloads[index]!,
    };
  };
}

/** Appends in batches, several of them under way at a time. */
export function appendIn(
  target: JobEventSink,
  { next }: Records,
  batch: number,
  concurrent: number,
): Contender["round"] {
  return async (count) => {
    const started = performance.now();
    let left = count;
    const work = async (): Promise<void> => {
      while (left > 0) {
        const size = Math.min(left, batch);
        left -= size;
        const outcomes = await target.append(Array.from({ length: size }, next));
        const failed = outcomes.find(({ status }) => status !== "stored");
        if (failed !== undefined) throw new Error(`An event was not stored: ${failed.status}`);
      }
    };
    await Promise.all(Array.from({ length: concurrent }, work));
    return (performance.now() - started) * 1e6;
  };
}
