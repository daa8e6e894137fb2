/** The one error class of this package and the table of its codes. */

/**
 * Every code a {@linkcode JobEventError} can have, with what it means.
 *
 * Mistakes in a call's arguments are `TypeError` or `RangeError` and have no code.
 */
export const JOB_EVENT_ERROR_CODES = {
  /** The event cannot be stored: a field is missing, of the wrong type or out of bounds. */
  ERR_INVALID_EVENT: "The event is not valid",
  /** The bytes are not an event. The message names the field and the offset. */
  ERR_DECODE: "The bytes are not an event",
  /** The encoded event is larger than the storage accepts. */
  ERR_EVENT_TOO_LARGE: "The event is too large",
  /** The storage cannot be reached or is busy; trying again later may help. */
  ERR_UNAVAILABLE: "The storage is not available",
  /** The operation did not end in its time. */
  ERR_TIMEOUT: "The operation timed out",
  /** The stream or file exists with another configuration than the one asked for. */
  ERR_STREAM_CONFIG: "The stream has another configuration",
  /** The server or the file system refuses the operation to this user. */
  ERR_PERMISSION: "Permission denied",
  /** The component was closed or stopped. */
  ERR_CLOSED: "The component is closed",
  /** A setting has a value that cannot be used. */
  ERR_CONFIGURATION: "The configuration is not valid",
  /** The storage or the server lacks a feature that the call needs. */
  ERR_UNSUPPORTED: "The feature is not supported",
  /** The claim on a task or a delivery ended before the call. */
  ERR_LEASE_LOST: "The lease was lost",
  /** What the call names does not exist. */
  ERR_NOT_FOUND: "Not found",
} as const;

/** A code of {@linkcode JobEventError}: a key of {@linkcode JOB_EVENT_ERROR_CODES}. */
export type JobEventErrorCode = keyof typeof JOB_EVENT_ERROR_CODES;

/**
 * An operation of this package that failed.
 *
 * @example
 * ```ts
 * import { JobEventError } from "@naq/events";
 * import assert from "node:assert/strict";
 *
 * const error = new JobEventError("ERR_TIMEOUT", "Cannot flush: no answer within 100 ms");
 * assert.equal(error.code, "ERR_TIMEOUT");
 * assert.equal(error.name, "JobEventError");
 * ```
 */
export class JobEventError extends Error {
  /** What kind of failure it is. Stable: safe to branch on. */
  readonly code: JobEventErrorCode;

  /** The name to recognise the class by where two copies of this package are loaded. */
  override readonly name = "JobEventError" as const;

  /**
   * Makes an error with a code.
   *
   * @param code What kind of failure it is.
   * @param message The action that failed and the value it failed on.
   * @param options `cause`: the error underneath.
   */
  constructor(code: JobEventErrorCode, message: string, options?: ErrorOptions) {
    super(message, options);
    this.code = code;
  }
}

/** Whether a value is a {@linkcode JobEventError}, from this copy of the package or another. */
export function isJobEventError(value: unknown): value is JobEventError {
  try {
    return typeof value === "object" && value !== null &&
      (value as { name?: unknown }).name === "JobEventError" &&
      typeof (value as { code?: unknown }).code === "string";
  } catch {
    // Anything can be thrown, also an object whose getters throw.
    return false;
  }
}

/** The message of any thrown value. */
export function messageOf(error: unknown): string {
  try {
    if (typeof error === "object" && error !== null && "message" in error) {
      return String(error.message);
    }
    return String(error);
  } catch {
    // Anything can be thrown, also what cannot be made a string.
    return `a thrown ${typeof error} without a message`;
  }
}
