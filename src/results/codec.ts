/** Results as bytes: a MessagePack map with snake_case keys, as events are. */

import { JobEventError } from "../errors.ts";
import { type JobEventValue, packDynamic } from "../event/dynamic.ts";
import { MsgpackReader } from "../event/msgpack_read.ts";
import type { TaskResult, TaskResultError, TaskResultState } from "./results.ts";

const OWNER = "task result";
const STATES: ReadonlySet<unknown> = new Set<TaskResultState>([
  "completed",
  "failed",
  "cancelled",
  "expired",
]);

/** How the value of a field has to be. */
interface Kind {
  readonly expected: string;
  readonly fits: (value: unknown) => boolean;
}

const text: Kind = { expected: "a string", fits: (value) => typeof value === "string" };
const number: Kind = { expected: "a finite number", fits: Number.isFinite };
const time: Kind = {
  expected: "a valid Date",
  fits: (value) => value instanceof Date && !Number.isNaN(value.getTime()),
};
const map: Kind = {
  expected: "an object",
  fits: (value) => typeof value === "object" && value !== null && !Array.isArray(value),
};
const texts: Kind = {
  expected: "an object of strings",
  fits: (value) => map.fits(value) && Object.values(value as object).every(text.fits),
};
const error: Kind = {
  expected: "an object with name and message, and maybe code and stack",
  fits: (value) => {
    if (!map.fits(value)) return false;
    const { name, message, code, stack } = value as Partial<TaskResultError>;
    return text.fits(name) && text.fits(message) &&
      (code === undefined || text.fits(code)) && (stack === undefined || text.fits(stack));
  },
};

/** Every field, with its key in the map. */
const FIELDS: readonly (readonly [keyof TaskResult, key: string, Kind])[] = [
  ["id", "id", text],
  ["state", "state", {
    expected: [...STATES].join(", "),
    fits: (value) => STATES.has(value),
  }],
  ["value", "value", { expected: "a value", fits: () => true }],
  ["error", "error", error],
  ["queue", "queue", text],
  ["functionName", "function_name", text],
  ["workerId", "worker_id", text],
  ["attempts", "attempts", number],
  ["startedAt", "started_at", time],
  ["finishedAt", "finished_at", time],
  ["durationMs", "duration_ms", number],
  ["tags", "tags", texts],
  ["metadata", "metadata", map],
  ["createdAt", "created_at", time],
  ["expiresAt", "expires_at", time],
];

/** Whether a value is a state that a result can have. */
export function isTaskResultState(value: unknown): value is TaskResultState {
  return STATES.has(value);
}

/**
 * Encodes a result.
 *
 * @returns The bytes, which the caller owns.
 * @throws {TypeError} A field is missing or of the wrong type, or a value has no form.
 */
export function encodeTaskResult(result: TaskResult): Uint8Array {
  const fields: Record<string, unknown> = {};
  for (const [name, key, { expected, fits }] of FIELDS) {
    const value = result[name];
    if (value === undefined && name !== "id" && name !== "state") continue;
    if (!fits(value)) throw new TypeError(`Invalid ${OWNER}: ${name} must be ${expected}`);
    fields[key] = value;
  }
  return packDynamic(fields, "result", OWNER)!.slice();
}

/**
 * Decodes a result. Keys that are not known are passed over.
 *
 * @throws {JobEventError} `ERR_DECODE`: the bytes are no result.
 */
export function decodeTaskResult(bytes: Uint8Array): TaskResult {
  const reader = new MsgpackReader(bytes, OWNER);
  const fields: Readonly<Record<string, JobEventValue>> = reader.dynamicMap();
  reader.end();
  const result: Record<string, JobEventValue> = {};
  for (const [name, key, { expected, fits }] of FIELDS) {
    const value = fields[key];
    const isAbsent = value === undefined || (value === null && name !== "value");
    if (isAbsent && name !== "id" && name !== "state") continue;
    if (!fits(value)) {
      throw new JobEventError("ERR_DECODE", `Cannot decode ${OWNER}: ${key} must be ${expected}`);
    }
    result[name] = value!;
  }
  return result as unknown as TaskResult;
}
