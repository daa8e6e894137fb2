/** Numbers over time, for the charts. */

import { Durations } from "../metrics/durations.ts";
import type { SeriesPart } from "./wire.ts";

/** What is counted in each step. */
export type SeriesCount = "started" | "completed" | "failed";

/** Durations of so many of the last steps are kept, to take in events that come late. */
const OPEN_STEPS = 3;

interface Step {
  readonly number: number;
  started: number;
  completed: number;
  failed: number;
  p50Ms: number | null;
  p95Ms: number | null;
  durations: Durations | undefined;
}

/** The last `length` steps of a time, by the events' timestamps. */
export class Series {
  readonly #stepSeconds: number;
  readonly #steps: (Step | undefined)[];
  readonly #open = new Set<Step>();
  #first = Infinity;
  #last = -Infinity;

  constructor(stepSeconds: number, length: number) {
    this.#stepSeconds = stepSeconds;
    this.#steps = Array.from({ length }, () => undefined);
  }

  /** Counts something; a step that is too long ago is passed over. */
  add(at: number, count: SeriesCount, durationMs?: number): void {
    const step = this.#step(at);
    if (step === undefined) return;
    step[count]++;
    if (durationMs === undefined) return;
    if (step.durations === undefined && step.number > this.#last - OPEN_STEPS) {
      step.durations = new Durations();
      this.#open.add(step);
    }
    step.durations?.add(durationMs);
  }

  /**
   * The steps from `count` steps before `now` until now.
   *
   * @param inFlight How many runs are in flight now: how many were follows from what began and
   * ended since.
   */
  part(now: number, inFlight: number, count: number): SeriesPart {
    const last = Math.floor(now / this.#stepSeconds);
    // Nothing is said of the time before the first event.
    const known = Math.max(last - this.#first + 1, 1);
    const length = Math.min(count, this.#steps.length, known);
    const numbers = Array.from({ length }, (_, index) => last - length + 1 + index);
    const steps = numbers.map((number) => {
      const step = this.#steps[number % this.#steps.length];
      return step?.number === number ? step : undefined;
    });
    for (const step of steps) if (step !== undefined) measure(step);
    return {
      stepSeconds: this.#stepSeconds,
      from: (numbers[0] ?? 0) * this.#stepSeconds,
      started: steps.map((step) => step?.started ?? 0),
      completed: steps.map((step) => step?.completed ?? 0),
      failed: steps.map((step) => step?.failed ?? 0),
      inFlight: backwards(steps, inFlight),
      p50Ms: steps.map((step) => step?.p50Ms ?? null),
      p95Ms: steps.map((step) => step?.p95Ms ?? null),
    };
  }

  #step(at: number): Step | undefined {
    const number = Math.floor(at / this.#stepSeconds);
    const index = number % this.#steps.length;
    const existing = this.#steps[index];
    if (existing !== undefined && existing.number === number) return existing;
    if (number <= this.#last - this.#steps.length || !(number >= 0)) return undefined;
    if (number > this.#last) {
      this.#last = number;
      this.#close(number - OPEN_STEPS);
    }
    this.#first = Math.min(this.#first, number);
    const step: Step = {
      number,
      started: 0,
      completed: 0,
      failed: 0,
      p50Ms: null,
      p95Ms: null,
      durations: undefined,
    };
    this.#steps[index] = step;
    return step;
  }

  /** Quantiles take memory: only the last steps keep what they are made of. */
  #close(through: number): void {
    for (const step of this.#open) {
      if (step.number > through) continue;
      measure(step);
      step.durations = undefined;
      this.#open.delete(step);
    }
  }
}

/** How many runs were in flight at the end of each step. */
function backwards(steps: readonly (Step | undefined)[], inFlight: number): number[] {
  let now = inFlight;
  return steps.toReversed().map((step) => {
    const then = Math.max(now, 0);
    if (step !== undefined) now += step.completed + step.failed - step.started;
    return then;
  }).reverse();
}

function measure(step: Step): void {
  if (step.durations === undefined) return;
  const { p50Ms, p95Ms } = step.durations.summary();
  step.p50Ms = p50Ms;
  step.p95Ms = p95Ms;
}
