/** How a record gets from one state to the next: the rules of every queue, without any storage. */

import { errorMessage, errorType } from "../event/format.ts";
import { checkWhole } from "../storage/filter.ts";
import type { FailOptions } from "./queue.ts";
import { LATEST_MS, stateAt, type TaskRecord } from "./record.ts";
import type { TaskClaim } from "./task.ts";

/** An error says no more than this: its task must be stored whatever was thrown. */
const MAX_MESSAGE_LENGTH = 4096;

/** Who claims a task, and for how long. */
export interface Claim {
  readonly claimToken: string;
  readonly leaseUntil: number;
  readonly workerId: string | undefined;
}

/** What is to be done with a task that comes up in its queue. */
export type Verdict =
  /** It may be claimed. */
  | { readonly action: "claim" }
  /** Its time has not come, or somebody has it: look again after so many milliseconds. */
  | { readonly action: "wait"; readonly delayMs: number }
  /** Nothing: it has ended, or is in the queue once more. */
  | { readonly action: "drop" }
  /** It ends without another execution, as the new record says. */
  | { readonly action: "end"; readonly record: TaskRecord };

/**
 * Decides about a task that comes up.
 *
 * @param generation Which time that it was put into its queue this is.
 */
export function judge(record: TaskRecord, generation: number, nowMs: number): Verdict {
  if (generation < record.generation) return { action: "drop" };
  if (stateAt(record, nowMs) === "expired") {
    return record.state === "expired"
      ? { action: "drop" }
      : { action: "end", record: expired(record, nowMs) };
  }
  if (record.state === "pending") {
    const delayMs = record.runAt - nowMs;
    return delayMs > 0 ? { action: "wait", delayMs } : { action: "claim" };
  }
  if (record.state !== "running") return { action: "drop" };
  const delayMs = (record.leaseUntil ?? 0) - nowMs;
  if (delayMs > 0) return { action: "wait", delayMs };
  if (record.attempts <= record.maxRetries) return { action: "claim" };
  const lastError = { type: "LeaseLost", message: "The worker was lost: its lease ended" };
  return { action: "end", record: ended({ ...record, lastError }, "failed", nowMs) };
}

/** An execution begins. */
export function claimed(record: TaskRecord, claim: Claim, nowMs: number): TaskRecord {
  const { workerId: _last, ...rest } = record;
  const { workerId, ...own } = claim;
  return {
    ...rest,
    ...own,
    ...(workerId === undefined ? {} : { workerId }),
    state: "running",
    attempts: record.attempts + 1,
    startedAt: nowMs,
  };
}

/** An execution succeeded. */
export function completed(
  record: TaskRecord,
  result: Uint8Array | undefined,
  nowMs: number,
): TaskRecord {
  const done = ended(record, "completed", nowMs);
  return result === undefined ? done : { ...done, result };
}

/** An execution failed: again, or for good. */
export function failed(
  record: TaskRecord,
  error: unknown,
  { retry = true, delayMs }: FailOptions,
  nowMs: number,
): TaskRecord {
  if (delayMs !== undefined) checkWhole("delayMs", delayMs);
  const message = errorMessage(error).slice(0, MAX_MESSAGE_LENGTH);
  const lastError = { type: errorType(error).slice(0, MAX_MESSAGE_LENGTH), message };
  if (!retry || record.attempts > record.maxRetries) {
    return ended({ ...record, lastError }, "failed", nowMs);
  }
  return queued({ ...record, lastError }, nowMs + (delayMs ?? retryDelay(record)));
}

/** The delay before the next retry, in milliseconds. */
export function retryDelay(
  record: Pick<TaskRecord, "attempts" | "retryDelayMs" | "retryStrategy" | "maxRetryDelayMs">,
): number {
  const { attempts, retryDelayMs, retryStrategy, maxRetryDelayMs } = record;
  const factor = retryStrategy === "fixed"
    ? 1
    : retryStrategy === "linear"
    ? attempts
    : 2 ** Math.min(attempts - 1, 52);
  return Math.min(retryDelayMs * Math.max(factor, 1), maxRetryDelayMs);
}

/** A claim is given back without an execution. */
export function released(record: TaskRecord, nowMs: number): TaskRecord {
  const { expiresAt, attempts } = record;
  const back = queued({ ...record, attempts: attempts - 1 }, nowMs);
  return expiresAt === undefined || attempts > 1 ? back : { ...back, expiresAt };
}

/** A task that ended comes back, as if it was new. `undefined`: it cannot. */
export function requeued(record: TaskRecord, nowMs: number): TaskRecord | undefined {
  const state = stateAt(record, nowMs);
  if (state !== "failed" && state !== "cancelled" && state !== "expired") return undefined;
  const { finishedAt: _finished, expiresAt: _expires, ...rest } = record;
  const back = queued({ ...rest, attempts: 0 }, nowMs);
  return record.ttlMs === undefined
    ? back
    : { ...back, expiresAt: Math.min(nowMs + record.ttlMs, LATEST_MS) };
}

/** A task is cancelled. `undefined`: it has ended already. */
export function cancelled(record: TaskRecord, nowMs: number): TaskRecord | undefined {
  const state = stateAt(record, nowMs);
  if (state !== "pending" && state !== "running") return undefined;
  return ended(record, "cancelled", nowMs);
}

/** A pending task's time to live is over. */
export function expired(record: TaskRecord, nowMs: number): TaskRecord {
  return ended(record, "expired", nowMs);
}

function ended(
  record: TaskRecord,
  state: "completed" | "failed" | "cancelled" | "expired",
  nowMs: number,
): TaskRecord {
  const { leaseUntil: _lease, ...rest } = record;
  return { ...rest, state, finishedAt: nowMs };
}

/** Into its queue once more. A task that was started once does not expire any more. */
function queued(record: TaskRecord, runAt: number): TaskRecord {
  const { leaseUntil: _lease, expiresAt: _expires, ...rest } = record;
  const generation = record.generation + 1;
  return { ...rest, state: "pending", runAt: Math.min(runAt, LATEST_MS), generation };
}

/** Whether a claim holds. */
export function isHeld(
  record: TaskRecord | undefined,
  claim: TaskClaim,
  nowMs: number,
): record is TaskRecord {
  return record?.state === "running" && record.claimToken === claim.claimToken &&
    (record.leaseUntil ?? 0) > nowMs;
}
