/** The bytes of records and schedules. */

import { JobEventError } from "../../errors.ts";
import { isPlainObject } from "../../event/check.ts";
import { packDynamic } from "../../event/dynamic.ts";
import { MsgpackReader } from "../../event/msgpack_read.ts";
import type { TaskRecord } from "../record.ts";
import { TASK_STATES } from "../task.ts";
import type { ScheduleState } from "./schedules.ts";

type Fits = (value: unknown) => boolean;

const text: Fits = (value) => typeof value === "string";
const number: Fits = (value) => Number.isFinite(value);
const bytes: Fits = (value) => value instanceof Uint8Array;
/** A MessagePack map in bytes. */
const map: Fits = (value) => bytes(value) && decodeMap(value as Uint8Array) !== undefined;

/** Every field, with its key in the map. */
const FIELDS: readonly (readonly [keyof TaskRecord, key: string, Fits, "required"?])[] = [
  ["id", "id", text, "required"],
  ["functionName", "function_name", text, "required"],
  ["queue", "queue", text, "required"],
  ["priority", "priority", Number.isSafeInteger, "required"],
  ["state", "state", (value) => TASK_STATES.some((state) => state === value), "required"],
  ["createdAt", "created_at", number, "required"],
  ["runAt", "run_at", number, "required"],
  ["ttlMs", "ttl_ms", number],
  ["expiresAt", "expires_at", number],
  ["attempts", "attempts", number, "required"],
  ["maxRetries", "max_retries", number, "required"],
  ["retryDelayMs", "retry_delay_ms", number, "required"],
  ["retryStrategy", "retry_strategy", text, "required"],
  ["maxRetryDelayMs", "max_retry_delay_ms", number, "required"],
  ["timeoutMs", "timeout_ms", number],
  ["body", "body", map],
  ["lastError", "last_error", isPlainObject],
  ["result", "result", map],
  ["workerId", "worker_id", text],
  ["startedAt", "started_at", number],
  ["finishedAt", "finished_at", number],
  ["scheduleName", "schedule_name", text],
  ["claimToken", "claim_token", text],
  ["leaseUntil", "lease_until", number],
  ["generation", "generation", Number.isSafeInteger, "required"],
];

/** A record as a MessagePack map with snake_case keys. */
export function encodeRecord(record: TaskRecord): Uint8Array {
  const fields: Record<string, unknown> = {};
  for (const [name, key] of FIELDS) {
    const value = record[name];
    if (value !== undefined) fields[key] = value;
  }
  return packDynamic(fields, "record", "task")!;
}

/**
 * The record of bytes.
 *
 * @throws {JobEventError} `ERR_DECODE`: they are not one.
 */
export function decodeRecord(payload: Uint8Array): TaskRecord {
  const fields = decodeMap(payload);
  const record: Record<string, unknown> = {};
  for (const [name, key, fits, isRequired] of FIELDS) {
    const value = fields[key];
    if (value === undefined && isRequired === undefined) continue;
    if (!fits(value)) throw invalid(key);
    record[name] = value;
  }
  return record as unknown as TaskRecord;
}

/** A schedule as a MessagePack map. */
export function encodeSchedule({ name, recurrence, task, nextRunAt }: ScheduleState): Uint8Array {
  const map = { name, recurrence: { ...recurrence }, task: { ...task }, nextRunAt };
  return packDynamic(map, "schedule", "task")!;
}

/**
 * The schedule of bytes.
 *
 * @throws {JobEventError} `ERR_DECODE`: they are not one.
 */
export function decodeSchedule(payload: Uint8Array): ScheduleState {
  const fields = decodeMap(payload);
  for (const key of ["recurrence", "task"]) if (!isPlainObject(fields[key])) throw invalid(key);
  if (!text(fields["name"])) throw invalid("name");
  if (!number(fields["nextRunAt"])) throw invalid("nextRunAt");
  return fields as unknown as ScheduleState;
}

function invalid(key: string): JobEventError {
  return new JobEventError("ERR_DECODE", `${key} is missing, or not what it should be`);
}

function decodeMap(payload: Uint8Array): Record<string, unknown> {
  const reader = new MsgpackReader(payload, "task");
  const fields = reader.dynamicMap();
  reader.end();
  return fields;
}
