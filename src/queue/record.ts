/** The record of a task, which decides its state. */

import { randomPrefix } from "../event/event_id.ts";
import { isPlainObject } from "../event/check.ts";
import { packDynamic } from "../event/dynamic.ts";
import { MsgpackReader } from "../event/msgpack_read.ts";
import { encodeSubjectToken } from "../event/token.ts";
import { checkTime, checkWhole } from "../storage/filter.ts";
import type {
  ClaimedTask,
  RetryStrategy,
  Task,
  TaskError,
  TaskInput,
  TaskState,
  TaskValue,
} from "./task.ts";

/** The record of a task. Times are in milliseconds since the Unix epoch. */
export interface TaskRecord {
  readonly id: string;
  readonly functionName: string;
  readonly queue: string;
  readonly priority: number;
  readonly state: TaskState;
  readonly createdAt: number;
  readonly runAt: number;
  readonly ttlMs?: number;
  readonly expiresAt?: number;
  readonly attempts: number;
  readonly maxRetries: number;
  readonly retryDelayMs: number;
  readonly retryStrategy: RetryStrategy;
  readonly maxRetryDelayMs: number;
  readonly timeoutMs?: number;
  /** `args`, `tags` and `metadata` as one MessagePack map, packed once; absent without any. */
  readonly body?: Uint8Array;
  readonly lastError?: TaskError;
  /** A MessagePack map with the result as its only member. */
  readonly result?: Uint8Array;
  readonly workerId?: string;
  readonly startedAt?: number;
  readonly finishedAt?: number;
  readonly scheduleName?: string;
  /** The claim, or the last one. */
  readonly claimToken?: string;
  readonly leaseUntil?: number;
  /** How often it was put into its queue: what else points at it from an earlier time is stale. */
  readonly generation: number;
}

const DEFAULT_RETRIES = 3;
const DEFAULT_RETRY_DELAY_MS = 1000;
const DEFAULT_MAX_RETRY_DELAY_MS = 3_600_000;
/** Priorities lie between minus this and this. */
const MAX_PRIORITY = 99;
/** A queue's name is part of a file's name on the server. */
const MAX_QUEUE_BYTES = 200;
/** The end of the year 9999, in milliseconds since the Unix epoch: no time lies behind it. */
export const LATEST_MS = 253_402_300_799_999;
const STRATEGIES: readonly RetryStrategy[] = ["fixed", "linear", "exponential"];

/**
 * The record of a new task.
 *
 * @param nowMs The time, in milliseconds since the Unix epoch.
 * @throws {TypeError} A field is of the wrong type, or cannot be encoded.
 * @throws {RangeError} A number is out of range, or a name is empty or too long.
 */
export function newRecord(input: TaskInput, nowMs: number, scheduleName?: string): TaskRecord {
  if (!isPlainObject(input)) throw new TypeError("A task must be an object");
  const { id = randomPrefix(), functionName, queue = "default", priority = 0 } = input;
  checkName("id", id);
  checkQueue(queue);
  checkText("functionName", functionName);
  if (functionName === "") throw new RangeError(`functionName must not be ""`);
  if (!Number.isSafeInteger(priority) || Math.abs(priority) > MAX_PRIORITY) {
    throw new RangeError(`priority must be a whole number from -99 to 99, got ${priority}`);
  }
  const runAt = startOf(input, nowMs);
  const { ttlMs, timeoutMs } = input;
  if (ttlMs !== undefined) checkWhole("ttlMs", ttlMs, 1);
  if (timeoutMs !== undefined) checkWhole("timeoutMs", timeoutMs, 1);
  const body = packBody(input);
  return {
    id,
    functionName,
    queue,
    priority,
    state: "pending",
    createdAt: nowMs,
    runAt,
    attempts: 0,
    ...retrySettings(input),
    generation: 0,
    ...(ttlMs === undefined ? {} : { ttlMs, expiresAt: Math.min(runAt + ttlMs, LATEST_MS) }),
    ...(timeoutMs === undefined ? {} : { timeoutMs }),
    ...(body === undefined ? {} : { body }),
    ...(scheduleName === undefined ? {} : { scheduleName }),
  };
}

function startOf({ runAt, delayMs }: TaskInput, nowMs: number): number {
  if (runAt !== undefined && delayMs !== undefined) {
    throw new TypeError("A task has either runAt or delayMs, not both");
  }
  if (delayMs !== undefined) checkWhole("delayMs", delayMs);
  const start = runAt === undefined ? nowMs + (delayMs ?? 0) : checkTime("runAt", runAt);
  if (start >= 0 && start <= LATEST_MS) return start;
  throw new RangeError("runAt must lie between the years 1970 and 9999");
}

function retrySettings(
  input: TaskInput,
): Pick<TaskRecord, "maxRetries" | "retryDelayMs" | "retryStrategy" | "maxRetryDelayMs"> {
  const {
    maxRetries = DEFAULT_RETRIES,
    retryDelayMs = DEFAULT_RETRY_DELAY_MS,
    retryStrategy = "exponential",
    maxRetryDelayMs = DEFAULT_MAX_RETRY_DELAY_MS,
  } = input;
  checkWhole("maxRetries", maxRetries);
  checkWhole("retryDelayMs", retryDelayMs);
  checkWhole("maxRetryDelayMs", maxRetryDelayMs);
  if (!STRATEGIES.includes(retryStrategy)) {
    throw new TypeError(
      `retryStrategy must be one of ${STRATEGIES.join(", ")}, got ${String(retryStrategy)}`,
    );
  }
  return { maxRetries, retryDelayMs, retryStrategy, maxRetryDelayMs };
}

function packBody({ args, tags, metadata }: TaskInput): Uint8Array | undefined {
  if (args === undefined && tags === undefined && metadata === undefined) return undefined;
  if (tags !== undefined) {
    if (!isPlainObject(tags)) throw new TypeError("tags must be an object");
    for (const [name, value] of Object.entries(tags)) checkText(`tags.${name}`, value);
  }
  if (metadata !== undefined && !isPlainObject(metadata)) {
    throw new TypeError("metadata must be an object");
  }
  return packDynamic({ args, tags, metadata }, "task", "task");
}

/** What a task is completed with, packed. */
export function packResult(result: TaskValue | undefined): Uint8Array | undefined {
  return result === undefined ? undefined : packDynamic({ result }, "task", "task");
}

/** The task of a record, as it stands at a time. */
export function toTask(record: TaskRecord, nowMs: number): Task {
  const { id, functionName, queue, priority, attempts } = record;
  const { maxRetries, retryDelayMs, retryStrategy, maxRetryDelayMs } = record;
  const { body, result, startedAt, finishedAt, leaseUntil, expiresAt } = record;
  return {
    id,
    functionName,
    queue,
    priority,
    state: stateAt(record, nowMs),
    createdAt: new Date(record.createdAt),
    runAt: new Date(record.runAt),
    attempts,
    maxRetries,
    retryDelayMs,
    retryStrategy,
    maxRetryDelayMs,
    ...(body === undefined ? {} : new MsgpackReader(body).dynamicMap()),
    ...(result === undefined ? {} : new MsgpackReader(result).dynamicMap()),
    ...(expiresAt === undefined ? {} : { expiresAt: new Date(expiresAt) }),
    ...(startedAt === undefined ? {} : { startedAt: new Date(startedAt) }),
    ...(finishedAt === undefined ? {} : { finishedAt: new Date(finishedAt) }),
    ...(record.state !== "running" || leaseUntil === undefined
      ? {}
      : { leaseUntil: new Date(leaseUntil) }),
    ...present(record, ["ttlMs", "timeoutMs", "lastError", "workerId", "scheduleName"]),
  };
}

/** The task of a record that was just claimed. */
export function toClaimedTask(record: TaskRecord, nowMs: number): ClaimedTask {
  const task = toTask(record, nowMs);
  return {
    ...task,
    claimToken: record.claimToken ?? "",
    leaseUntil: task.leaseUntil ?? new Date(nowMs),
  };
}

/** The state at a time: what has expired may not have been looked at since. */
export function stateAt({ state, expiresAt }: TaskRecord, nowMs: number): TaskState {
  return state === "pending" && expiresAt !== undefined && expiresAt <= nowMs ? "expired" : state;
}

function present<Key extends keyof TaskRecord>(
  record: TaskRecord,
  keys: readonly Key[],
): Partial<Pick<TaskRecord, Key>> {
  return Object.fromEntries(
    keys.filter((key) => record[key] !== undefined).map((key) => [key, record[key]]),
  ) as Partial<Pick<TaskRecord, Key>>;
}

/** The token of a queue's name. */
export function checkQueue(queue: string): string {
  const token = checkName("queue", queue);
  if (token.length <= MAX_QUEUE_BYTES) return token;
  throw new RangeError(`queue must be at most ${MAX_QUEUE_BYTES} bytes when encoded: ${token}`);
}

/** The token of a name. */
export function checkName(name: string, value: string): string {
  try {
    return encodeSubjectToken(value);
  } catch (error) {
    const Kind = (error as Error).name === "TypeError" ? TypeError : RangeError;
    throw new Kind(`Invalid task: ${name}: ${(error as Error).message}`, { cause: error });
  }
}

function checkText(name: string, value: string): void {
  if (typeof value === "string") return;
  throw new TypeError(`${name} must be a string, got ${value === null ? "null" : typeof value}`);
}
