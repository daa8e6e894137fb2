/** What goes wrong with a SQLite file, in this package's words. */

import { statSync } from "node:fs";
import { dirname } from "node:path";
import { isJobEventError, JobEventError, messageOf } from "../../errors.ts";

// The primary result codes, https://www.sqlite.org/rescode.html. Not every runtime passes the code
// on; the messages are SQLite's own and the same everywhere.
const RESULTS: readonly (readonly [code: number, message: RegExp, name: SqliteFailure])[] = [
  [5, /database is locked/, "busy"],
  [6, /database table is locked/, "busy"],
  [8, /attempt to write a readonly database/, "readonly"],
  [10, /disk I\/O error/, "io"],
  [11, /database disk image is malformed/, "corrupt"],
  [13, /database or disk is full/, "full"],
  [14, /unable to open database file/, "open"],
  [26, /file is not a database/, "no database"],
];

/** The failures that have an answer of their own. */
export type SqliteFailure =
  | "busy"
  | "readonly"
  | "io"
  | "corrupt"
  | "full"
  | "open"
  | "no database"
  | "closed"
  | "denied"
  | "other";

/** Which failure an error is; `undefined` when it does not come from SQLite. */
export function sqliteFailure(error: unknown): SqliteFailure | undefined {
  const { name, code, errcode } = (error ?? {}) as {
    name?: unknown;
    code?: unknown;
    errcode?: unknown;
  };
  // Deno's permission system, which asks before SQLite does.
  if (name === "NotCapable") return "denied";
  if (code === "ERR_INVALID_STATE") return "closed";
  if (code !== "ERR_SQLITE_ERROR") return undefined;
  const message = messageOf(error);
  for (const [result, pattern, failure] of RESULTS) {
    if (typeof errcode === "number" ? (errcode & 0xff) === result : pattern.test(message)) {
      return failure;
    }
  }
  return "other";
}

/** Whether an error means that another process has the lock of the file. */
export function isBusy(error: unknown): boolean {
  return isJobEventError(error) && sqliteFailure(error.cause) === "busy";
}

/**
 * Turns an error of SQLite into one of this package, with what can be done about it. Other errors
 * come back as they are.
 *
 * @param action What failed, for example "store events".
 */
export function sqliteError(action: string, path: string, cause: unknown): unknown {
  const failed = `Cannot ${action} in ${path}`;
  switch (sqliteFailure(cause)) {
    case undefined:
      return cause;
    case "busy":
      return new JobEventError(
        "ERR_UNAVAILABLE",
        `${failed}: another process kept the file locked for longer than busyTimeoutMs`,
        { cause },
      );
    case "readonly":
      return new JobEventError(
        "ERR_PERMISSION",
        `${failed}: the file or its directory is read-only for this user`,
        { cause },
      );
    case "full":
      return new JobEventError(
        "ERR_UNAVAILABLE",
        `${failed}: the disk is full or the file has reached maxBytes; free space, raise ` +
          "maxBytes or delete events with cleanupExpiredEvents",
        { cause },
      );
    case "corrupt":
      return new JobEventError("ERR_STREAM_CONFIG", `${failed}: the file is damaged`, { cause });
    case "no database":
      return new JobEventError("ERR_STREAM_CONFIG", `${failed}: the file is no SQLite database`, {
        cause,
      });
    case "open":
      return openError(failed, path, cause);
    case "denied":
      return new JobEventError("ERR_PERMISSION", `${failed}: ${messageOf(cause)}`, { cause });
    case "closed":
      return new JobEventError("ERR_CLOSED", `${failed}: the storage is closed`, { cause });
    case "io":
    case "other":
      return new JobEventError("ERR_UNAVAILABLE", `${failed}: ${messageOf(cause)}`, { cause });
  }
}

/** SQLite has one code for every way in which a file cannot be opened: find out which it was. */
function openError(failed: string, path: string, cause: unknown): JobEventError {
  if (isDirectory(path)) {
    return new JobEventError("ERR_CONFIGURATION", `${failed}: the path is a directory`, { cause });
  }
  if (!isDirectory(dirname(path))) {
    return new JobEventError(
      "ERR_NOT_FOUND",
      `${failed}: the directory ${dirname(path)} does not exist`,
      { cause },
    );
  }
  if (!exists(path)) {
    return new JobEventError(
      "ERR_PERMISSION",
      `${failed}: the file does not exist and cannot be created`,
      { cause },
    );
  }
  return new JobEventError(
    "ERR_PERMISSION",
    `${failed}: the file cannot be opened, or no files can be created beside it, which SQLite ` +
      "needs for its write-ahead log also to read",
    { cause },
  );
}

function isDirectory(path: string): boolean {
  try {
    return statSync(path).isDirectory();
  } catch {
    return false;
  }
}

/** Whether there is something at a path. */
export function exists(path: string): boolean {
  try {
    statSync(path);
    return true;
  } catch {
    return false;
  }
}
