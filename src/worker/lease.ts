/** Keeps the claim on a task for as long as it is executed. */

import { isJobEventError } from "../errors.ts";
import type { TaskQueue } from "../queue/queue.ts";
import type { ClaimedTask } from "../queue/task.ts";
import { type CancelTimer, startTimer } from "../timer.ts";

/** A claim is extended so often within its time, so that one heartbeat may fail. */
const BEATS_PER_LEASE = 3;

/** Whether an error says that a claim is over. */
export function isLeaseLost(error: unknown): boolean {
  return isJobEventError(error) && error.code === "ERR_LEASE_LOST";
}

/** The heartbeat of one claim. */
export class Lease {
  readonly #queue: TaskQueue;
  readonly #task: ClaimedTask;
  readonly #leaseMs: number;
  readonly #onLost: (error: unknown) => void;
  #cancelTimer: CancelTimer | undefined;
  #lastBeat: number;
  #isOver = false;

  /**
   * Begins to beat.
   *
   * @param onLost Called once, when the claim is over.
   */
  constructor(queue: TaskQueue, task: ClaimedTask, onLost: (error: unknown) => void) {
    this.#queue = queue;
    this.#task = task;
    this.#onLost = onLost;
    this.#lastBeat = Date.now();
    this.#leaseMs = Math.max(task.leaseUntil.getTime() - this.#lastBeat, BEATS_PER_LEASE);
    this.#plan();
  }

  /** Extends the claim now. */
  async beat(): Promise<void> {
    const begin = Date.now();
    try {
      await this.#queue.heartbeat(this.#task);
      this.#lastBeat = begin;
    } catch (error) {
      if (isLeaseLost(error) && !this.#isOver) {
        this.end();
        this.#onLost(error);
      }
      throw error;
    }
  }

  /** Makes sure of a claim that may be over, as after a process was halted for a while. */
  async confirm(): Promise<void> {
    if (Date.now() - this.#lastBeat > this.#leaseMs / 2) await this.beat();
  }

  /** Stops beating. */
  end(): void {
    this.#isOver = true;
    this.#cancelTimer?.();
  }

  #plan(): void {
    this.#cancelTimer = startTimer(() => {
      // What is no loss passes: the next beat comes within the time of the claim.
      this.beat().catch(() => {}).finally(() => {
        if (!this.#isOver) this.#plan();
      });
    }, this.#leaseMs / BEATS_PER_LEASE);
  }
}
