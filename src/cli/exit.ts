/** How commands end: exit codes, and what is said about errors. */

import { isJobEventError, type JobEventErrorCode, messageOf } from "../errors.ts";

/** The exit codes of `naq-events`. */
export const ExitCode = {
  /** Done. */
  Ok: 0,
  /** The command failed, or did its work in part only. */
  Failure: 1,
  /** The command line, an environment variable or the input cannot be used. */
  Usage: 2,
  /** What the command names is not there: a job, a file, a stream, a letter. */
  NotFound: 3,
  /** The storage cannot be reached, is busy, or did not answer in time. */
  Unavailable: 4,
  /** The server or the file system forbids it. */
  Permission: 5,
  /** Ended by Ctrl-C. */
  Interrupted: 130,
  /** Ended by SIGTERM. */
  Terminated: 143,
} as const;

/** One of the values of {@linkcode ExitCode}. */
export type ExitCode = (typeof ExitCode)[keyof typeof ExitCode];

/** A failure that this program itself knows the words for. */
export class CliError extends Error {
  override readonly name = "CliError" as const;
  /** The code that the program ends with. */
  readonly exitCode: ExitCode;

  constructor(exitCode: ExitCode, message: string) {
    super(message);
    this.exitCode = exitCode;
  }
}

const BY_ERROR_CODE: Readonly<Partial<Record<JobEventErrorCode, ExitCode>>> = {
  ERR_INVALID_EVENT: ExitCode.Usage,
  ERR_CONFIGURATION: ExitCode.Usage,
  ERR_NOT_FOUND: ExitCode.NotFound,
  ERR_UNAVAILABLE: ExitCode.Unavailable,
  ERR_TIMEOUT: ExitCode.Unavailable,
  ERR_PERMISSION: ExitCode.Permission,
};

const BY_SYSTEM_CODE: Readonly<Record<string, ExitCode>> = {
  ENOENT: ExitCode.NotFound,
  EACCES: ExitCode.Permission,
  EPERM: ExitCode.Permission,
  EROFS: ExitCode.Permission,
};

/** Which code the program ends with after an error. */
export function exitCodeOf(error: unknown): ExitCode {
  const { name, code, exitCode } = (error ?? {}) as {
    readonly name?: unknown;
    readonly code?: unknown;
    readonly exitCode?: ExitCode;
  };
  if (name === "CliError") return exitCode ?? ExitCode.Failure;
  if (isJobEventError(error)) return BY_ERROR_CODE[error.code] ?? ExitCode.Failure;
  // What this package throws for an argument that is out of its bounds, such as an id.
  if (name === "RangeError") return ExitCode.Usage;
  // Deno's permission system, which asks before the file system does.
  if (name === "NotCapable") return ExitCode.Permission;
  return BY_SYSTEM_CODE[String(code)] ?? ExitCode.Failure;
}

/** What is said about an error, in one line. */
export function errorLine(error: unknown): string {
  return messageOf(error).replace(/\s*[\r\n]+\s*/g, " ").trim();
}
