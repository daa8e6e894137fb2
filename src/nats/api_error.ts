/** Errors that JetStream answers with: what each is called here, and whether it passes. */

import { JobEventError, type JobEventErrorCode } from "../errors.ts";
import * as ApiErrorCode from "./api_error_code.ts";

/** The error in an answer of JetStream. */
export interface ApiError {
  /** What kind of error it is, as in HTTP. */
  readonly code: number;
  /** Which error it is; 0 where an old server does not say. */
  readonly err_code?: number;
  readonly description?: string;
}

/** The errors that more than their class (`code`) says something about. */
const CODES: ReadonlyMap<number, JobEventErrorCode> = new Map<number, JobEventErrorCode>([
  [ApiErrorCode.NoAccount, "ERR_UNSUPPORTED"],
  [ApiErrorCode.NotEnabledForAccount, "ERR_UNSUPPORTED"],
  [ApiErrorCode.NotEnabled, "ERR_UNSUPPORTED"],
  [ApiErrorCode.NoLimits, "ERR_UNSUPPORTED"],
  [ApiErrorCode.MessageTooLarge, "ERR_EVENT_TOO_LARGE"],
  [ApiErrorCode.HeadersTooLarge, "ERR_EVENT_TOO_LARGE"],
  [ApiErrorCode.DuplicateInProcess, "ERR_UNAVAILABLE"],
  [ApiErrorCode.NoSuitablePeers, "ERR_STREAM_CONFIG"],
  [ApiErrorCode.MemoryExhausted, "ERR_STREAM_CONFIG"],
  [ApiErrorCode.StorageExhausted, "ERR_STREAM_CONFIG"],
  [ApiErrorCode.StreamInvalidConfig, "ERR_STREAM_CONFIG"],
  [ApiErrorCode.ReplicasWithoutCluster, "ERR_STREAM_CONFIG"],
]);

/** To a publisher these pass by themselves, when events expire or an operator makes room. */
const FULL: ReadonlySet<number> = new Set([
  ApiErrorCode.AccountResources,
  ApiErrorCode.StorageExhausted,
  ApiErrorCode.MemoryExhausted,
]);

/** A stream says these of a message that it will never take, under the code of a full store. */
const TOO_LARGE = /too large|exceeds maximum/i;

/** What an answer's error is called here. */
export function apiErrorToCode(error: ApiError): JobEventErrorCode {
  const known = CODES.get(error.err_code ?? 0);
  if (known !== undefined) return known;
  if (error.err_code === ApiErrorCode.StoreFailed && TOO_LARGE.test(error.description ?? "")) {
    return "ERR_EVENT_TOO_LARGE";
  }
  if (error.code === 404) return "ERR_NOT_FOUND";
  if (error.code === 408 || error.code === 429 || error.code >= 500) return "ERR_UNAVAILABLE";
  return "ERR_STREAM_CONFIG";
}

/** Whether the same request may succeed a moment later, as when a leader is being elected. */
export function isTransientApiError(error: ApiError): boolean {
  return apiErrorToCode(error) === "ERR_UNAVAILABLE" && (error.code === 503 || error.code === 429);
}

/** Whether a message that was refused with this error may be stored later, by trying again. */
export function isTransientPublishError(error: ApiError): boolean {
  return FULL.has(error.err_code ?? 0) || apiErrorToCode(error) === "ERR_UNAVAILABLE";
}

/** The name of the error that is the `cause` of {@linkcode apiFailure}'s. */
const NAME = "JetStreamApiError";

/**
 * The error for an answer that has one.
 *
 * @param action What failed, such as `Cannot create stream "S"`: the beginning of the message.
 * @param error What the server answered.
 * @param advice What to do about it.
 */
export function apiFailure(action: string, error: ApiError, advice?: string): JobEventError {
  const { code, err_code = 0, description = "" } = error;
  const cause = Object.assign(new Error(description), { name: NAME, code, err_code });
  const message = `${action}: ${description || "the server refuses"} (${err_code || code})`;
  return new JobEventError(
    apiErrorToCode(error),
    advice === undefined ? message : `${message}. ${advice}`,
    { cause },
  );
}

/** The answer's error that a thrown value comes from; `undefined` for every other value. */
export function apiErrorOf(error: unknown): ApiError | undefined {
  for (let current = error, depth = 0; depth < 5; depth++) {
    if (typeof current !== "object" || current === null) return undefined;
    const { name, code, err_code, message, cause } = current as Record<string, unknown>;
    if (name === NAME) {
      return { code: Number(code), err_code: Number(err_code), description: String(message) };
    }
    current = cause;
  }
  return undefined;
}

/** Whether a thrown value comes from an answer with this `err_code`. */
export function hasApiErrorCode(error: unknown, errCode: number): boolean {
  return apiErrorOf(error)?.err_code === errCode;
}
