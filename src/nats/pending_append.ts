/** One append on its way: what became of its records so far, and when to stop waiting. */

import type { JobEventError } from "../errors.ts";
import type { AppendOutcome, JobEventRecord } from "../storage/storage.ts";

/** What an append tells its publisher. */
export interface PendingAppendOwner {
  /** Nothing was sent or settled for the time of the ack timeout. */
  readonly onTimeout: (append: PendingAppend) => void;
  /** The caller's signal aborted. */
  readonly onAbort: (append: PendingAppend, reason: unknown) => void;
  /** Every record has its outcome. */
  readonly onEnd: (append: PendingAppend) => void;
}

/** The records of one call of `append`. */
export class PendingAppend {
  readonly records: readonly JobEventRecord[];
  /** Resolves when every record has its outcome. */
  readonly result: Promise<readonly AppendOutcome[]>;
  /** The first record that was not looked at yet. */
  cursor = 0;
  /** Whether no more of it is sent. */
  isAbandoned = false;
  /** When something was last sent or settled, as `performance.now()`. */
  lastProgress: number = performance.now();

  readonly #outcomes: (AppendOutcome | undefined)[];
  readonly #owner: PendingAppendOwner;
  readonly #ackTimeoutMs: number;
  readonly #signal: AbortSignal | undefined;
  readonly #onAbort = (): void => this.#owner.onAbort(this, this.#signal?.reason);
  #left: number;
  #timer: ReturnType<typeof setTimeout>;
  #resolve!: (outcomes: readonly AppendOutcome[]) => void;

  constructor(
    records: readonly JobEventRecord[],
    owner: PendingAppendOwner,
    ackTimeoutMs: number,
    signal: AbortSignal | undefined,
  ) {
    this.records = records;
    this.#outcomes = new Array<AppendOutcome | undefined>(records.length).fill(undefined);
    this.#left = records.length;
    this.#owner = owner;
    this.#ackTimeoutMs = ackTimeoutMs;
    this.#signal = signal;
    this.result = new Promise((resolve) => this.#resolve = resolve);
    this.#timer = setTimeout(() => this.#checkTime(), ackTimeoutMs);
    signal?.addEventListener("abort", this.#onAbort);
  }

  /** Whether a record has its outcome. */
  isSettled(index: number): boolean {
    return this.#outcomes[index] !== undefined;
  }

  /** Whether every record has its outcome. */
  get hasEnded(): boolean {
    return this.#left === 0;
  }

  /** Gives a record its outcome. The first one counts. */
  settle(index: number, outcome: AppendOutcome): void {
    if (this.#outcomes[index] !== undefined) return;
    this.#outcomes[index] = outcome;
    this.#left--;
    if (this.#left === 0) this.#end();
  }

  /**
   * Sends no more of it: the records without an outcome have to be sent again.
   *
   * @param isUnderWay Which records were sent and may still get an outcome of their own.
   */
  abandon(error: JobEventError, isUnderWay: (index: number) => boolean = () => false): void {
    this.isAbandoned = true;
    this.cursor = this.records.length;
    const outcome: AppendOutcome = { status: "retry", error };
    for (let index = 0; index < this.records.length; index++) {
      if (!isUnderWay(index)) this.settle(index, outcome);
    }
  }

  /** One timer serves all records: it looks when there was progress, and waits for the rest. */
  #checkTime(): void {
    const leftMs = this.lastProgress + this.#ackTimeoutMs - performance.now();
    if (leftMs <= 0) this.#owner.onTimeout(this);
    if (this.hasEnded) return;
    this.#timer = setTimeout(() => this.#checkTime(), leftMs > 0 ? leftMs : this.#ackTimeoutMs);
  }

  #end(): void {
    clearTimeout(this.#timer);
    this.#signal?.removeEventListener("abort", this.#onAbort);
    this.#owner.onEnd(this);
    // Every place is filled: the last outcome has just been given.
    this.#resolve(this.#outcomes as readonly AppendOutcome[]);
  }
}
