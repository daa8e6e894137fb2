/** Opens a file and makes it ready. */

import { JobEventError } from "../../errors.ts";
import { Database } from "./database.ts";
import { exists, isBusy } from "./errors.ts";
import { migrate, missingSteps, pragma } from "./schema.ts";

/** How a file is opened; everything is checked. */
export interface OpenOptions {
  /** How long to wait for the lock of another process, in milliseconds. */
  readonly busyTimeoutMs: number;
  /** When SQLite waits for the disk. */
  readonly synchronous: "normal" | "full";
  /** Whether a file that does not exist is made. */
  readonly create: boolean;
  /** Whether nothing may be written. */
  readonly readOnly: boolean;
  /** The largest size of the file, in bytes. */
  readonly maxBytes: number | undefined;
}

/**
 * Opens a file; makes it where it does not exist, and brings it to the version of this code.
 *
 * @throws {JobEventError} The file cannot be used; the message says why.
 */
export async function openDatabase(path: string, options: OpenOptions): Promise<Database> {
  if (!options.create && path !== ":memory:" && !exists(path)) {
    throw new JobEventError(
      "ERR_NOT_FOUND",
      `Cannot open the storage in ${path}: there is no such file. Store an event to make it, or ` +
        "correct the path",
    );
  }
  const deadline = Date.now() + options.busyTimeoutMs;
  for (;;) {
    const database = new Database(path, options);
    try {
      database.guard("open the storage", () => prepare(database, options));
      return database;
    } catch (error) {
      database.close();
      // Switching a new file to its write-ahead log needs the file for itself, and SQLite does not
      // wait for that: two processes that make the same file meet here.
      if (!isBusy(error) || Date.now() >= deadline) throw error;
    }
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
}

function prepare(database: Database, options: OpenOptions): void {
  // First of all, so that nothing is written to a file of another program.
  missingSteps(database);
  if (!options.readOnly) {
    database.exec("PRAGMA journal_mode = WAL");
    database.exec(`PRAGMA synchronous = ${options.synchronous}`);
    // Overwrites what is deleted. It costs appends nothing that can be measured.
    database.exec("PRAGMA secure_delete = ON");
    if (options.maxBytes !== undefined) {
      const pages = Math.max(Math.floor(options.maxBytes / pragma(database, "page_size")), 1);
      database.exec(`PRAGMA max_page_count = ${pages}`);
    }
  }
  migrate(database);
}
