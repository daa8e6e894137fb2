/** A spool in a table of a SQLite file. */

import { JobEventError, messageOf } from "../errors.ts";
import { builtinModule } from "./host.ts";
import type { JobEventSpool, SpoolContent, SpooledEvent } from "./spool.ts";

/** A prepared statement of `node:sqlite`. */
interface Statement {
  run(...values: unknown[]): unknown;
  get(...values: unknown[]): unknown;
  all(...values: unknown[]): unknown[];
}

/** What a spool uses of a connection of `node:sqlite`. */
export interface SqliteConnection {
  exec(sql: string): void;
  prepare(sql: string): Statement;
  close(): void;
}

/**
 * Opens a connection by `node:sqlite`.
 *
 * @throws {JobEventError} `ERR_UNSUPPORTED`: the runtime has no such module.
 */
export function connect(path: string): SqliteConnection {
  const sqlite = builtinModule("node:sqlite") as {
    DatabaseSync: new (path: string) => SqliteConnection;
  } | undefined;
  if (sqlite === undefined) {
    throw new JobEventError(
      "ERR_UNSUPPORTED",
      `Cannot spool to ${path}: this runtime has no node:sqlite; use Deno, Bun or Node 22.18 or ` +
        "newer, or leave out the option spool",
    );
  }
  return new sqlite.DatabaseSync(path);
}

const COLUMNS = "ordinal, event_id, subject, payload, traceparent";

interface Row {
  readonly ordinal: number;
  readonly event_id: string;
  readonly subject: string;
  readonly payload: Uint8Array;
  readonly traceparent: string | null;
}

/** The events of one logger; a commit for each, so that each survives the death of the process. */
export class SqliteSpool implements JobEventSpool {
  readonly #connection: SqliteConnection;
  readonly #onClose: () => void;
  readonly #insert: Statement;
  readonly #delete: Statement;

  /** @param onClose Frees what was opened for this spool. */
  constructor(connection: SqliteConnection, onClose: () => void) {
    this.#connection = connection;
    this.#onClose = onClose;
    connection.exec(
      "CREATE TABLE IF NOT EXISTS naq_spool (ordinal INTEGER PRIMARY KEY, " +
        "event_id TEXT NOT NULL, subject TEXT NOT NULL, payload BLOB NOT NULL, traceparent TEXT)",
    );
    this.#insert = connection.prepare(`INSERT INTO naq_spool (${COLUMNS}) VALUES (?, ?, ?, ?, ?)`);
    this.#delete = connection.prepare("DELETE FROM naq_spool WHERE ordinal = ?");
  }

  content(): SpoolContent {
    return this.#connection.prepare(
      "SELECT count(*) AS length, coalesce(sum(length(payload)), 0) AS bytes, " +
        "coalesce(max(ordinal), 0) AS lastOrdinal FROM naq_spool",
    ).get() as SpoolContent;
  }

  add({ ordinal, eventId, subject, payload, traceparent }: SpooledEvent): void {
    this.#insert.run(ordinal, eventId, subject, payload, traceparent ?? null);
  }

  read(after: number, limit: number, maxBytes: number): SpooledEvent[] {
    const sizes = this.#connection.prepare(
      "SELECT ordinal, length(payload) AS size FROM naq_spool WHERE ordinal > ? " +
        "ORDER BY ordinal LIMIT ?",
    ).all(after, limit) as { ordinal: number; size: number }[];
    let bytes = 0;
    const end = sizes.findIndex(({ size }, index) => (bytes += size) > maxBytes && index > 0);
    const last = sizes.at(end < 0 ? -1 : end - 1);
    if (last === undefined) return [];
    const rows = this.#connection.prepare(
      `SELECT ${COLUMNS} FROM naq_spool WHERE ordinal > ? AND ordinal <= ? ORDER BY ordinal`,
    ).all(after, last.ordinal) as Row[];
    return rows.map(toEvent);
  }

  count(after: number, through: number): number {
    const row = this.#connection.prepare(
      "SELECT count(*) AS count FROM naq_spool WHERE ordinal > ? AND ordinal <= ?",
    ).get(after, through);
    return (row as { count: number }).count;
  }

  remove(ordinals: readonly number[]): void {
    transaction(this.#connection, () => {
      for (const ordinal of ordinals) this.#delete.run(ordinal);
    });
  }

  close(): void {
    this.#onClose();
  }
}

/**
 * Reads what can be read of a damaged file: from the front and from the back, up to the damage.
 *
 * @param take Gets each event.
 */
export function rescue(damaged: SqliteConnection, take: (event: SpooledEvent) => void): void {
  let after = 0;
  let before = Number.MAX_SAFE_INTEGER;
  const next = (order: "ASC" | "DESC"): SpooledEvent | undefined => {
    try {
      const row = damaged.prepare(
        `SELECT ${COLUMNS} FROM naq_spool WHERE ordinal > ? AND ordinal < ? ` +
          `ORDER BY ordinal ${order} LIMIT 1`,
      ).get(after, before) as Row | undefined;
      return row === undefined ? undefined : toEvent(row);
    } catch {
      return undefined;
    }
  };
  for (let event = next("ASC"); event !== undefined; event = next("ASC")) {
    after = event.ordinal;
    take(event);
  }
  for (let event = next("DESC"); event !== undefined; event = next("DESC")) {
    before = event.ordinal;
    take(event);
  }
}

function toEvent({ ordinal, event_id, subject, payload, traceparent }: Row): SpooledEvent {
  const trace = traceparent === null ? {} : { traceparent };
  return { ordinal, eventId: event_id, subject, payload, ...trace };
}

/** All of it is done, or nothing. */
export function transaction(connection: SqliteConnection, work: () => void): void {
  connection.exec("BEGIN IMMEDIATE");
  try {
    work();
    connection.exec("COMMIT");
  } catch (error) {
    try {
      connection.exec("ROLLBACK");
    } catch {
      // Some failures, a full disk for one, have ended the transaction already.
    }
    throw error;
  }
}

/**
 * Takes the lock of a spool: SQLite's own, on a file beside it, because the system takes it back
 * from a process that dies, at once and whatever it died of. A lease would have to run out first.
 *
 * @returns Gives the lock back.
 * @throws {JobEventError} `ERR_UNAVAILABLE`: another logger has it.
 */
export function lockSpool(path: string): () => void {
  if (path === ":memory:") return () => {};
  const lock = connect(`${path}.spool-lock`);
  try {
    lock.exec("PRAGMA busy_timeout = 500");
    lock.exec("BEGIN EXCLUSIVE");
    return () => lock.close();
  } catch (cause) {
    lock.close();
    if (!/locked/.test(messageOf(cause))) throw cause;
    throw new JobEventError(
      "ERR_UNAVAILABLE",
      `Cannot spool to ${path}: another logger uses it; give each logger a file of its own`,
      { cause },
    );
  }
}
