/** The counters of one group of jobs: all, those of a queue, or those of a worker. */

import type { JobEventType } from "../gen/types.ts";
import { Durations } from "./durations.ts";
import type { JobCounts } from "./snapshot.ts";

/** What an event says about its job. Types that are not here change no counter. */
export const PHASES: Readonly<Partial<Record<JobEventType, Phase>>> = {
  enqueued: "enqueued",
  started: "started",
  retry_started: "started",
  completed: "completed",
  failed: "failed",
  timeout: "failed",
  retry_scheduled: "retry",
  cancelled: "over",
  max_retries_exceeded: "over",
  ttl_expired: "over",
};

/** A step in the life of a job, as far as it is counted. `over`: nothing is to come. */
export type Phase = "enqueued" | "started" | "completed" | "failed" | "retry" | "over";

/** Counts the jobs of one group. */
export class Counter {
  /** Runs that began and have not ended. */
  inFlight = 0;
  /** Time from `enqueued` to the first start. */
  readonly waitTimes: Durations = new Durations();
  #started = 0;
  #completed = 0;
  #failed = 0;
  #retries = 0;
  readonly #durations = new Durations();

  /** Counts a step, with the duration that its event has. */
  add(phase: Phase, durationMs: number | undefined): void {
    if (phase === "started") this.#started++;
    if (phase === "retry") this.#retries++;
    if (phase === "completed") this.#completed++;
    if (phase === "failed") this.#failed++;
    const isEnd = phase === "completed" || phase === "failed";
    if (isEnd && durationMs !== undefined) this.#durations.add(durationMs);
  }

  /** The numbers so far. */
  counts(): JobCounts {
    return {
      started: this.#started,
      completed: this.#completed,
      failed: this.#failed,
      retries: this.#retries,
      inFlight: this.inFlight,
      durations: this.#durations.summary(),
      waitTimes: this.waitTimes.summary(),
    };
  }
}
