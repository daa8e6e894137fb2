/** Errors that JetStream answers with: what each is called here, and whether it passes. */

import { JobEventError, type JobEventErrorCode } from "../errors.ts";

/** The error in an answer of JetStream. */
export interface ApiError {
  /** What kind of error it is, as in HTTP. */
  readonly code: number;
  /** Which error it is; 0 where an old server does not say. */
  readonly err_code?: number;
  readonly description?: string;
}

/** The `err_code`s that this package tells apart. The server's `errors.json` has all of them. */
export const ApiErrorCode = {
  AccountResources: 10002,
  ClusterIncomplete: 10004,
  NoSuitablePeers: 10005,
  ClusterNotAvailable: 10008,
  ClusterNotLeader: 10009,
  ConsumerNotFound: 10014,
  InsufficientResources: 10023,
  MaximumStreams: 10027,
  MemoryExhausted: 10028,
  NoAccount: 10035,
  NoMessage: 10037,
  NotEnabledForAccount: 10039,
  StorageExhausted: 10047,
  StreamInvalidConfig: 10052,
  MessageTooLarge: 10054,
  StreamNameInUse: 10058,
  StreamNotFound: 10059,
  StreamNotMatching: 10060,
  SubjectOverlap: 10065,
  WrongLastSequence: 10071,
  ReplicasWithoutCluster: 10074,
  NotEnabled: 10076,
  StoreFailed: 10077,
  HeadersTooLarge: 10097,
  StreamSealed: 10109,
  MaxBytesRequired: 10113,
  StreamOffline: 10118,
  NoLimits: 10120,
  MaxStreamBytes: 10122,
  DuplicateInProcess: 10158,
  WrongLastSequenceConstant: 10164,
  TooManyRequests: 10167,
} as const;

const { AccountResources, MemoryExhausted, NotEnabledForAccount, StorageExhausted } = ApiErrorCode;

/** The errors that more than their class (`code`) says something about. */
const CODES: ReadonlyMap<number, JobEventErrorCode> = new Map<number, JobEventErrorCode>([
  [ApiErrorCode.NoAccount, "ERR_UNSUPPORTED"],
  [NotEnabledForAccount, "ERR_UNSUPPORTED"],
  [ApiErrorCode.NotEnabled, "ERR_UNSUPPORTED"],
  [ApiErrorCode.NoLimits, "ERR_UNSUPPORTED"],
  [ApiErrorCode.MessageTooLarge, "ERR_EVENT_TOO_LARGE"],
  [ApiErrorCode.HeadersTooLarge, "ERR_EVENT_TOO_LARGE"],
  [ApiErrorCode.DuplicateInProcess, "ERR_UNAVAILABLE"],
  [ApiErrorCode.NoSuitablePeers, "ERR_STREAM_CONFIG"],
  [MemoryExhausted, "ERR_STREAM_CONFIG"],
  [StorageExhausted, "ERR_STREAM_CONFIG"],
  [ApiErrorCode.StreamInvalidConfig, "ERR_STREAM_CONFIG"],
  [ApiErrorCode.ReplicasWithoutCluster, "ERR_STREAM_CONFIG"],
]);

/** To a publisher these pass by themselves, when events expire or an operator makes room. */
const FULL: ReadonlySet<number> = new Set([AccountResources, StorageExhausted, MemoryExhausted]);

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
