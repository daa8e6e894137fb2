/** One connection to a SQLite file. */

import { DatabaseSync, type SQLInputValue, type StatementSync } from "node:sqlite";
import { JobEventError } from "../../errors.ts";
import type { JobEventSpool } from "../../logger/spool.ts";
import { lockSpool, SqliteSpool } from "../../logger/sqlite_spool.ts";
import { sqliteError } from "./errors.ts";

const MAX_STATEMENTS = 200;

/** How long SQLite waits for a lock, which stops the whole thread: most are gone within that, and
 * for longer ones there is `WriteQueue`. */
const MAX_BLOCKING_MS = 5;

/** A value that SQLite stores. */
export type SqlValue = SQLInputValue;

/**
 * A connection that keeps its prepared statements and gives this package's errors.
 */
export class Database {
  /** The file. */
  readonly path: string;
  /** Whether nothing may be written. */
  readonly readOnly: boolean;
  #isClosed = false;
  readonly #busyTimeoutMs: number;
  readonly #connection: DatabaseSync;
  readonly #statements = new Map<string, StatementSync>();
  readonly #begin: StatementSync;
  readonly #commit: StatementSync;
  readonly #rollback: StatementSync;

  /** @throws {JobEventError} The file cannot be opened. */
  constructor(
    path: string,
    options: { readonly readOnly: boolean; readonly busyTimeoutMs: number },
  ) {
    this.path = path;
    this.readOnly = options.readOnly;
    this.#busyTimeoutMs = options.busyTimeoutMs;
    try {
      this.#connection = new DatabaseSync(path, { readOnly: options.readOnly });
    } catch (error) {
      throw sqliteError("open the storage", path, error);
    }
    try {
      this.#blockFor(MAX_BLOCKING_MS);
      this.#begin = this.#connection.prepare("BEGIN IMMEDIATE");
      this.#commit = this.#connection.prepare("COMMIT");
      this.#rollback = this.#connection.prepare("ROLLBACK");
    } catch (error) {
      this.#connection.close();
      throw sqliteError("open the storage", path, error);
    }
  }

  /** The prepared statement; the same text is prepared once. */
  prepare(sql: string): StatementSync {
    let statement = this.#statements.get(sql);
    if (statement === undefined) {
      // Filters have many forms. A program uses few of them; this bounds those that use all.
      if (this.#statements.size >= MAX_STATEMENTS) this.#statements.clear();
      statement = this.#connection.prepare(sql);
      this.#statements.set(sql, statement);
    }
    return statement;
  }

  /** Runs statements that are needed once. */
  exec(sql: string): void {
    this.#connection.exec(sql);
  }

  /** Runs a statement and gives the number of rows that it changed. */
  run(sql: string, ...values: SqlValue[]): number {
    return Number(this.prepare(sql).run(...values).changes);
  }

  /** The first row. */
  get<Row>(sql: string, ...values: SqlValue[]): Row | undefined {
    return this.prepare(sql).get(...values) as Row | undefined;
  }

  /** All rows. */
  all<Row>(sql: string, ...values: SqlValue[]): Row[] {
    return this.prepare(sql).all(...values) as Row[];
  }

  /**
   * Runs something and turns SQLite's errors into this package's.
   *
   * @param action What it does, for the message.
   */
  guard<Result>(action: string, work: () => Result): Result {
    try {
      return work();
    } catch (error) {
      throw sqliteError(action, this.path, error);
    }
  }

  /**
   * Runs something in one transaction that may write: all of it is done, or nothing.
   *
   * @throws {JobEventError} `ERR_UNSUPPORTED`: the storage was opened for reading.
   */
  transaction<Result>(action: string, work: () => Result): Result {
    return this.write(action, () => {
      this.#begin.run();
      try {
        const result = work();
        this.#commit.run();
        return result;
      } catch (error) {
        // Some failures, a full disk for one, have ended the transaction already.
        if (this.#connection.isTransaction) this.#rollback.run();
        throw error;
      }
    });
  }

  /**
   * Runs one statement that writes, which is a transaction of its own.
   *
   * @throws {JobEventError} `ERR_UNSUPPORTED`: the storage was opened for reading.
   */
  write<Result>(action: string, work: () => Result): Result {
    if (this.readOnly) {
      throw new JobEventError(
        "ERR_UNSUPPORTED",
        `Cannot ${action} in ${this.path}: the storage was opened with readOnly`,
      );
    }
    return this.guard(action, work);
  }

  /**
   * Opens the spool of a logger in this file.
   *
   * @throws {JobEventError} `ERR_UNAVAILABLE`: another logger has it. `ERR_UNSUPPORTED`: the
   * storage was opened for reading.
   */
  openSpool(): JobEventSpool {
    return this.write("open the spool", () => {
      const unlock = lockSpool(this.path);
      try {
        const spool = new SqliteSpool(this.#connection, () => {
          if (!this.#isClosed) this.#blockFor(MAX_BLOCKING_MS);
          unlock();
        });
        // What a spool does is done when its call returns: it cannot be tried again later.
        this.#blockFor(this.#busyTimeoutMs);
        return spool;
      } catch (error) {
        unlock();
        throw error;
      }
    });
  }

  /** How long a statement waits for the lock of another process, at most. */
  #blockFor(timeoutMs: number): void {
    this.#connection.exec(`PRAGMA busy_timeout = ${Math.min(timeoutMs, this.#busyTimeoutMs)}`);
  }

  /** Closes the connection. */
  close(): void {
    this.#isClosed = true;
    this.#statements.clear();
    this.#connection.close();
  }
}
