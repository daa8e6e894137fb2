/** What happened when, in a bounded number of parts, however long the time is. */

import type { JobEvent } from "../gen/types.ts";
import type { StatsJson } from "./types.ts";

const PARTS = 60;

/**
 * Counts events over time. Nobody needs to know how long the time is: when the parts do not
 * suffice, each becomes as long as two.
 */
export class Timeline {
  #seconds = 1;
  /** Number of the first part: its begin divided by the length of a part. */
  #first = 0;
  #events: number[] = [];
  #failed: number[] = [];

  /** Counts an event. */
  add({ timestamp, eventType }: JobEvent): void {
    const isFailure = eventType === "failed" || eventType === "timeout";
    if (this.#events.length === 0) this.#first = Math.floor(timestamp / this.#seconds);
    let part = this.#partOf(timestamp);
    while (Math.max(part, this.#events.length - 1) - Math.min(part, 0) >= PARTS) {
      this.#double();
      part = this.#partOf(timestamp);
    }
    if (part < 0) {
      const zeros = Array<number>(-part).fill(0);
      this.#events.unshift(...zeros);
      this.#failed.unshift(...zeros);
      this.#first += part;
      part = 0;
    }
    while (this.#events.length <= part) {
      this.#events.push(0);
      this.#failed.push(0);
    }
    this.#events[part]! += 1;
    if (isFailure) this.#failed[part]! += 1;
  }

  /** What was counted. */
  toJson(): StatsJson["timeline"] {
    return {
      from: this.#first * this.#seconds,
      seconds: this.#seconds,
      events: this.#events,
      failed: this.#failed,
    };
  }

  #partOf(timestamp: number): number {
    return Math.floor(timestamp / this.#seconds) - this.#first;
  }

  #double(): void {
    const isOdd = this.#first % 2 !== 0;
    const halve = (counts: readonly number[]): number[] => {
      const aligned = isOdd ? [0, ...counts] : counts;
      return Array.from(
        { length: Math.ceil(aligned.length / 2) },
        (_, at) => aligned[2 * at]! + (aligned[2 * at + 1] ?? 0),
      );
    };
    this.#events = halve(this.#events);
    this.#failed = halve(this.#failed);
    this.#first = Math.floor(this.#first / 2);
    this.#seconds *= 2;
  }
}
