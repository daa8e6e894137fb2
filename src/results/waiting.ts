/** Waiting for a result without a race: listening comes before looking. */

import { JobEventError } from "../errors.ts";
import { type CancelTimer, pause, startTimer } from "../timer.ts";
import type { TaskResult, WaitForResultOptions } from "./results.ts";

/** How long the last look of a wait whose time is up may take. */
const LAST_LOOK_MS = 1000;

/** Somebody who waits for the result of one task. */
export interface ResultListener {
  /** The task's id as a token. */
  readonly token: string;
  /** The result was stored. */
  readonly onResult: (result: TaskResult) => void;
  /** No result will come. */
  readonly onEnd: (error: unknown) => void;
}

/** The listeners of a store, by the tasks that they wait for. */
export class ResultListeners {
  readonly #listeners = new Map<string, Set<ResultListener>>();

  /** How many tasks are waited for. */
  get size(): number {
    return this.#listeners.size;
  }

  /** Whether somebody waits for a task. */
  has(token: string): boolean {
    return this.#listeners.has(token);
  }

  /** Adds a listener. */
  add(listener: ResultListener): void {
    const { token } = listener;
    const others = this.#listeners.get(token);
    if (others === undefined) this.#listeners.set(token, new Set([listener]));
    else others.add(listener);
  }

  /** Removes a listener. */
  remove(listener: ResultListener): void {
    const others = this.#listeners.get(listener.token);
    if (others?.delete(listener) && others.size === 0) this.#listeners.delete(listener.token);
  }

  /** Tells those who wait for a task. */
  give(token: string, result: TaskResult): void {
    for (const listener of [...this.#listeners.get(token) ?? []]) listener.onResult(result);
  }

  /** Tells everyone that nothing will come. */
  end(error: unknown): void {
    const listeners = [...this.#listeners.values()].flatMap((each) => [...each]);
    this.#listeners.clear();
    for (const listener of listeners) listener.onEnd(error);
  }
}

/** What a wait needs of a store. */
export interface ResultSource {
  /** Adds a listener. Resolves when it misses nothing that is stored from then on. */
  listen(listener: ResultListener): Promise<void>;
  /** Removes a listener. */
  forget(listener: ResultListener): void;
  /**
   * The result that is there.
   *
   * @param isWanted Whether it is still of interest: it may have come meanwhile.
   */
  look(isWanted: () => boolean): Promise<TaskResult | null>;
}

/** Waits for a result. The options were checked. */
export function waitForResult(
  source: ResultSource,
  token: string,
  { timeoutMs, signal }: WaitForResultOptions,
): Promise<TaskResult | null> {
  if (signal?.aborted) return Promise.reject(signal.reason);
  if (timeoutMs === 0) return source.look(() => true);
  return new Promise((resolve, reject) => {
    let cancelTimer: CancelTimer | undefined;
    let isOpen = true;
    const settle = (end: () => void): void => {
      isOpen = false;
      cancelTimer?.();
      signal?.removeEventListener("abort", abort);
      source.forget(listener);
      end();
    };
    const abort = (): void => settle(() => reject(signal?.reason));
    const listener: ResultListener = {
      token,
      onResult: (result) => settle(() => resolve(result)),
      onEnd: (error) => settle(() => reject(error)),
    };
    signal?.addEventListener("abort", abort);
    if (timeoutMs !== undefined) {
      // What tells of results may lag behind what is stored: `null` shall mean that there is none.
      cancelTimer = startTimer(() => settle(() => resolve(lookBriefly(source))), timeoutMs);
    }
    source.listen(listener).then(() => source.look(() => isOpen)).then(
      (result) => result === null || settle(() => resolve(result)),
      (error) => settle(() => reject(error)),
    );
  });
}

/** The result that is there, or `null` when the store does not answer at once. */
async function lookBriefly(source: ResultSource): Promise<TaskResult | null> {
  const end = new AbortController();
  const look = source.look(() => true).catch(() => null);
  try {
    return await Promise.race([look, pause(LAST_LOOK_MS, end.signal).then(() => null)]);
  } finally {
    end.abort();
  }
}

/**
 * Checks the options of a wait.
 *
 * @throws {RangeError} `timeoutMs` is negative or no number.
 */
export function checkWait({ timeoutMs }: WaitForResultOptions): void {
  if (timeoutMs === undefined || (typeof timeoutMs === "number" && timeoutMs >= 0)) return;
  throw new RangeError(`timeoutMs must be at least 0, got ${String(timeoutMs)}`);
}

/** The error of a call to a store that is closed. */
export function closedStore(action: string): JobEventError {
  return new JobEventError("ERR_CLOSED", `Cannot ${action}: the result storage is closed`);
}
