/** The arguments and errors that all task queues have in common. */

import { JobEventError } from "../errors.ts";
import { checkWhole } from "../storage/filter.ts";
import type { DequeueOptions, TaskQueueOptions } from "./queue.ts";
import { checkQueue } from "./record.ts";
import type { TaskClaim } from "./task.ts";

const DEFAULT_LEASE_MS = 30_000;
const SHORTEST_LEASE_MS = 100;
const DEFAULT_KEEP_MS = 86_400_000;

/**
 * The options with their defaults.
 *
 * @throws {RangeError} A number is out of range.
 */
export function resolveOptions(options: TaskQueueOptions): Required<TaskQueueOptions> {
  const { leaseMs = DEFAULT_LEASE_MS, keepMs = DEFAULT_KEEP_MS } = options;
  checkWhole("leaseMs", leaseMs, SHORTEST_LEASE_MS);
  checkWhole("keepMs", keepMs);
  return { leaseMs, keepMs };
}

/** The arguments of `dequeue`, checked. */
export interface DequeueRequest {
  readonly queues: readonly string[];
  readonly timeoutMs: number;
  readonly signal: AbortSignal | undefined;
  readonly workerId: string | undefined;
}

/**
 * Checks the arguments of `dequeue`.
 *
 * @throws The signal's reason, when it has aborted.
 */
export function dequeueRequest(
  queues: string | readonly string[],
  { timeoutMs = Infinity, signal, workerId }: DequeueOptions,
): DequeueRequest {
  const names = [...new Set([queues].flat())];
  if (names.length === 0) throw new RangeError("queues must name at least one queue");
  for (const name of names) checkQueue(name);
  if (timeoutMs !== Infinity) checkWhole("timeoutMs", timeoutMs);
  signal?.throwIfAborted();
  return { queues: names, timeoutMs, signal, workerId };
}

/** The error of a claim that is over. */
export function leaseLost(action: string, { id }: TaskClaim): JobEventError {
  const why = "its lease ended, or the task was cancelled, deleted or given to another worker";
  return new JobEventError("ERR_LEASE_LOST", `Cannot ${action} task "${id}": ${why}`);
}

/** The error of every call after `close`. */
export function queueClosed(): JobEventError {
  return new JobEventError("ERR_CLOSED", "The task queue is closed");
}

/**
 * The ids of those that were enqueued.
 *
 * @throws {JobEventError} Some were not: the code of the first, and all errors underneath.
 */
export function enqueued(outcomes: readonly PromiseSettledResult<string>[]): string[] {
  const errors = outcomes.flatMap((each) => each.status === "rejected" ? [each.reason] : []);
  if (errors.length === 0) {
    return outcomes.map((each) => (each as PromiseFulfilledResult<string>).value);
  }
  const [first] = errors;
  throw new JobEventError(
    first?.code ?? "ERR_UNAVAILABLE",
    `Cannot enqueue ${errors.length} of ${outcomes.length} tasks: ${first?.message}`,
    { cause: new AggregateError(errors) },
  );
}
