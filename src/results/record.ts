/** What all stores do with a result before it is stored and after it was read. */

import { JobEventError } from "../errors.ts";
import { encodeSubjectToken } from "../event/token.ts";
import { decodeTaskResult, encodeTaskResult } from "./codec.ts";
import type { SetResultOptions, TaskResult } from "./results.ts";

/** How long a result is kept unless something else is said, in milliseconds: a day. */
export const DEFAULT_TTL_MS = 86_400_000;

/** A result as it is stored. */
export interface ResultRecord {
  /** The id as one token of a subject. */
  readonly token: string;
  readonly payload: Uint8Array;
  /** When it expires, in milliseconds since the Unix epoch; `Infinity` for never. */
  readonly expiresAt: number;
}

/** Bounds of a store. */
export interface ResultBounds {
  readonly defaultTtlMs: number;
  readonly maxResultBytes: number;
}

/** The latest time that a `Date` has. */
const LAST_TIME = 8.64e15;

/**
 * Checks the time that a result is kept for.
 *
 * @throws {RangeError} It is below 1 or no number.
 */
export function checkTtl(name: string, ttlMs: number): number {
  if (typeof ttlMs === "number" && ttlMs >= 1) return ttlMs;
  throw new RangeError(`${name} must be at least 1, or Infinity, got ${String(ttlMs)}`);
}

/**
 * Makes the record of a result.
 *
 * @throws {TypeError} The result is not valid.
 * @throws {RangeError} The id is empty or too long, or `ttlMs` is below 1.
 * @throws {JobEventError} `ERR_EVENT_TOO_LARGE`.
 */
export function toRecord(
  result: TaskResult,
  { ttlMs }: SetResultOptions,
  { defaultTtlMs, maxResultBytes }: ResultBounds,
): ResultRecord {
  const token = encodeSubjectToken(result.id);
  if (ttlMs !== undefined) checkTtl("ttlMs", ttlMs);
  const now = Date.now();
  const own = ttlMs === undefined ? result.expiresAt?.getTime() : undefined;
  const expiresAt = own ?? now + (ttlMs ?? defaultTtlMs);
  const { expiresAt: _, ...others } = result;
  const payload = encodeTaskResult({
    ...others,
    createdAt: result.createdAt ?? new Date(now),
    ...(expiresAt <= LAST_TIME ? { expiresAt: new Date(expiresAt) } : {}),
  });
  assertFits(result.id, payload.length, maxResultBytes, "maxResultBytes");
  return { token, payload, expiresAt: expiresAt <= LAST_TIME ? expiresAt : Infinity };
}

/** @throws {JobEventError} `ERR_EVENT_TOO_LARGE`, with what to change. */
export function assertFits(id: string, size: number, limit: number, setting: string): void {
  if (size <= limit) return;
  throw new JobEventError(
    "ERR_EVENT_TOO_LARGE",
    `Cannot store the result of task "${id}": it has ${size} bytes, more than the ${limit} of ` +
      `${setting}. Return less, such as where the data is, or raise the limit`,
  );
}

/** The result of bytes, unless it has expired. */
export function readRecord(payload: Uint8Array, now: number = Date.now()): TaskResult | undefined {
  const result = decodeTaskResult(payload);
  return result.expiresAt !== undefined && result.expiresAt.getTime() <= now ? undefined : result;
}
