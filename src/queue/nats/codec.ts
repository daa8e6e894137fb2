/** The bytes of a record. */

import { JobEventError, messageOf } from "../../errors.ts";
import { packDynamic } from "../../event/dynamic.ts";
import { MsgpackReader } from "../../event/msgpack_read.ts";
import type { TaskRecord } from "../record.ts";
import type { ScheduleState } from "./schedules.ts";

/** A record as a MessagePack map with snake_case keys. */
export function encodeRecord(record: TaskRecord): Uint8Array {
  return packDynamic(
    {
      id: record.id,
      function_name: record.functionName,
      queue: record.queue,
      priority: record.priority,
      state: record.state,
      created_at: record.createdAt,
      run_at: record.runAt,
      ttl_ms: record.ttlMs,
      expires_at: record.expiresAt,
      attempts: record.attempts,
      max_retries: record.maxRetries,
      retry_delay_ms: record.retryDelayMs,
      retry_strategy: record.retryStrategy,
      max_retry_delay_ms: record.maxRetryDelayMs,
      timeout_ms: record.timeoutMs,
      body: record.body,
      last_error: record.lastError,
      result: record.result,
      worker_id: record.workerId,
      started_at: record.startedAt,
      finished_at: record.finishedAt,
      schedule_name: record.scheduleName,
      claim_token: record.claimToken,
      lease_until: record.leaseUntil,
      generation: record.generation,
    },
    "record",
    "task",
  )!;
}

/**
 * The record of bytes.
 *
 * @throws {JobEventError} `ERR_DECODE`: they are not one.
 */
export function decodeRecord(bytes: Uint8Array): TaskRecord {
  const map = decodeMap(bytes);
  const record: Record<string, unknown> = {};
  for (const [key, value] of Object.entries(map)) {
    record[key.replace(/_[a-z]/g, (part) => part.slice(1).toUpperCase())] = value;
  }
  if (typeof record["id"] !== "string" || typeof record["state"] !== "string") {
    throw new JobEventError("ERR_DECODE", "Cannot read a task: the bytes are not a record");
  }
  return record as unknown as TaskRecord;
}

/** A schedule as a MessagePack map. */
export function encodeSchedule({ name, recurrence, task, nextRunAt }: ScheduleState): Uint8Array {
  const map = { name, recurrence: { ...recurrence }, task: { ...task }, nextRunAt };
  return packDynamic(map, "schedule", "task")!;
}

/** The schedule of bytes. */
export function decodeSchedule(bytes: Uint8Array): ScheduleState {
  return decodeMap(bytes) as unknown as ScheduleState;
}

function decodeMap(bytes: Uint8Array): Record<string, unknown> {
  try {
    const reader = new MsgpackReader(bytes);
    const map = reader.dynamicMap();
    reader.end();
    return map;
  } catch (cause) {
    throw new JobEventError("ERR_DECODE", `Cannot read a task: ${messageOf(cause)}`, { cause });
  }
}
