/** The engine of the SQLite storage. */

import { JobEventError } from "../../errors.ts";
import { ChangeSignal } from "../changes.ts";
import type { EngineStatus, EventEngine, Page, Span } from "../engine.ts";
import type { CompiledFilter } from "../filter.ts";
import type { CheckedRecord } from "../record.ts";
import type { AppendOutcome } from "../storage.ts";
import type { Database } from "./database.ts";
import { EventTable } from "./events.ts";
import { SqliteGroups } from "./groups.ts";
import { pragma } from "./schema.ts";
import { FileWatcher } from "./watch.ts";
import { WriteQueue } from "./write_queue.ts";

const SQLITE_BUSY = 5;

/** Keeps events in a file that several processes may use at once. */
export class SqliteEngine implements EventEngine {
  readonly name: string;
  readonly changes: ChangeSignal;
  readonly groups: SqliteGroups;
  readonly #database: Database;
  readonly #events: EventTable;
  readonly #queue: WriteQueue;

  /**
   * @param pollIntervalMs How often to look for what other processes write.
   * @param busyTimeoutMs How long to wait for the lock of another process.
   */
  constructor(database: Database, pollIntervalMs: number, busyTimeoutMs: number) {
    this.#queue = new WriteQueue(busyTimeoutMs);
    this.name = database.path;
    this.#database = database;
    this.#events = new EventTable(database);
    this.groups = new SqliteGroups(database, this.#events);
    this.changes = new ChangeSignal(
      new FileWatcher(database, pollIntervalMs, () => this.changes.notify()),
    );
  }

  write<Result>(work: () => Result, signal?: AbortSignal): Promise<Result> {
    return this.#queue.run(work, signal);
  }

  append(records: readonly CheckedRecord[], now: number): readonly AppendOutcome[] {
    return this.#events.append(records, now);
  }

  narrow(filter: CompiledFilter, span: Span): Span {
    return this.#events.narrow(filter, span);
  }

  readPage(filter: CompiledFilter, span: Span, order: "oldest" | "newest", limit: number): Page {
    return this.#events.readPage(filter, span, order, limit);
  }

  count(filter: CompiledFilter, span: Span): number {
    return this.#events.count(filter, span);
  }

  lastSequence(): number {
    return this.#events.lastSequence();
  }

  lastSequenceBefore(time: number): number {
    return this.#events.lastSequenceBefore(time);
  }

  deleteJob(jobId: string): number {
    return this.#events.deleteJob(jobId);
  }

  /**
   * Writes the whole file anew and empties the write-ahead log: what was deleted is in neither
   * then. Less is not enough: `secure_delete` overwrites a row where it lies when it is deleted,
   * but not the copies that SQLite left in the unused parts of pages when it split them.
   */
  readonly erasure: readonly (() => void)[] = [
    () => this.#database.write("erase events", () => this.#database.exec("VACUUM")),
    () => this.#emptyLog(),
  ];

  #emptyLog(): void {
    const row = this.#database.write(
      "erase events",
      () => this.#database.get<{ busy: number }>("PRAGMA wal_checkpoint(TRUNCATE)"),
    );
    if (row?.busy !== 1) return;
    const text = "they are deleted, but another process reads the write-ahead log, which still " +
      "has their bytes; call again with erase";
    throw new JobEventError("ERR_UNAVAILABLE", `Cannot erase events in ${this.name}: ${text}`, {
      // What the other statements fail with: it is tried again.
      cause: { code: "ERR_SQLITE_ERROR", errcode: SQLITE_BUSY, message: "database is locked" },
    });
  }

  deleteThrough(sequence: number, limit: number): number {
    return this.#events.deleteThrough(sequence, limit);
  }

  status(): EngineStatus {
    return this.#database.guard("check the storage", () => {
      const row = this.#database.get<Omit<EngineStatus, "bytes" | "consumers">>(
        "SELECT (SELECT count(*) FROM events) AS messages, " +
          "(SELECT coalesce(min(sequence), 0) FROM events) AS firstSequence, " +
          "(SELECT last_sequence FROM state) AS lastSequence, " +
          "'SQLite ' || sqlite_version() AS version",
      )!;
      const pages = pragma(this.#database, "page_count") - pragma(this.#database, "freelist_count");
      const bytes = pages * pragma(this.#database, "page_size");
      return { ...row, bytes, consumers: this.groups.size };
    });
  }

  async close(): Promise<void> {
    await this.#queue.idle();
    this.#database.close();
  }
}
