/** Opens a spool that has a file of its own. */

import { JobEventError, messageOf } from "../errors.ts";
import { builtinModule } from "./host.ts";
import type { JobEventSpool } from "./spool.ts";
import {
  connect,
  lockSpool,
  rescue,
  type SqliteConnection,
  SqliteSpool,
  transaction,
} from "./sqlite_spool.ts";

/** What is used of `node:fs`. */
interface FileSystem {
  existsSync(path: string): boolean;
  renameSync(from: string, to: string): void;
}

/**
 * Opens the file, and makes it where it does not exist. What is damaged is moved aside; what can be
 * read of it is kept.
 *
 * @param onError Told of damage.
 * @throws {JobEventError} `ERR_UNSUPPORTED`: the runtime has no `node:sqlite`. `ERR_UNAVAILABLE`:
 * another logger has the file, or it cannot be opened.
 */
export function openSpoolFile(
  path: string,
  onError: (error: JobEventError) => void,
): JobEventSpool {
  let unlock: (() => void) | undefined;
  try {
    unlock = lockSpool(path);
    return openLocked(path, unlock, onError);
  } catch (cause) {
    unlock?.();
    if ((cause as { name?: unknown }).name === "JobEventError") throw cause;
    throw new JobEventError("ERR_UNAVAILABLE", `Cannot spool to ${path}: ${messageOf(cause)}`, {
      cause,
    });
  }
}

function openLocked(
  path: string,
  unlock: () => void,
  onError: (error: JobEventError) => void,
): JobEventSpool {
  try {
    return open(path, unlock);
  } catch (cause) {
    if (!isDamage(cause)) throw cause;
    const aside = moveAside(path);
    const spool = open(path, unlock);
    const count = copy(aside, path);
    onError(
      new JobEventError(
        "ERR_STREAM_CONFIG",
        `The spool ${path} was damaged: ${count} of its events could be read and are kept, the ` +
          `file is now ${aside}: ${messageOf(cause)}`,
        { cause },
      ),
    );
    return spool;
  }
}

function open(path: string, unlock: () => void): JobEventSpool {
  const connection = connect(path);
  try {
    connection.exec("PRAGMA busy_timeout = 5000");
    connection.exec("PRAGMA journal_mode = WAL");
    // What is committed survives the death of the process; waiting for the disk would cost
    // milliseconds for each event.
    connection.exec("PRAGMA synchronous = NORMAL");
    const spool = new SqliteSpool(connection, () => {
      connection.close();
      unlock();
    });
    // Damage that is found later would be found when it is too late to keep the rest.
    const row = connection.prepare("PRAGMA quick_check(1)").get() as Record<string, unknown>;
    const [result] = Object.values(row);
    if (result !== "ok") throw new Error(`database disk image is malformed: ${result}`);
    return spool;
  } catch (error) {
    connection.close();
    throw error;
  }
}

/** SQLite's own messages, which are the same on every runtime; not all pass its codes on. */
function isDamage(error: unknown): boolean {
  return /malformed|file is not a database/.test(messageOf(error));
}

/** Renames the file with what belongs to it; gives its new path. */
function moveAside(path: string): string {
  const { existsSync, renameSync } = builtinModule("node:fs") as FileSystem;
  let number = 1;
  while (existsSync(`${path}.corrupt-${number}`)) number++;
  const aside = `${path}.corrupt-${number}`;
  for (const suffix of ["", "-wal", "-shm"]) {
    if (existsSync(path + suffix)) renameSync(path + suffix, aside + suffix);
  }
  return aside;
}

/** Copies what can be read; gives the number of events. */
function copy(from: string, to: string): number {
  let damaged: SqliteConnection | undefined;
  const sound = connect(to);
  let count = 0;
  try {
    damaged = connect(from);
    const source = damaged;
    // The insert of this spool is all that is wanted of it; the connection is closed here.
    const spool = new SqliteSpool(sound, () => {});
    transaction(sound, () =>
      rescue(source, (event) => {
        spool.add(event);
        count++;
      }));
  } finally {
    damaged?.close();
    sound.close();
  }
  return count;
}
