/** The tables, and how a file gets from one version of them to the next. */

import { JobEventError } from "../../errors.ts";
import type { Database } from "./database.ts";

/** Marks a file as one of this package: "naqe" in ASCII. */
const APPLICATION_ID = 0x6e617165;

/**
 * One step for each version; the version of a file is the number of steps that it has behind it.
 * Steps are only ever added.
 *
 * An index ends with the rowid, which is the sequence: each gives its events in order.
 */
const STEPS: readonly string[] = [
  `
  CREATE TABLE events (
    sequence INTEGER PRIMARY KEY,
    event_id TEXT NOT NULL,
    subject TEXT NOT NULL,
    payload BLOB NOT NULL,
    stored_at INTEGER NOT NULL,
    job_id TEXT NOT NULL,
    event_type TEXT NOT NULL,
    timestamp REAL,
    worker_id TEXT,
    queue_name TEXT
  );
  CREATE UNIQUE INDEX events_event_id ON events (event_id);
  CREATE INDEX events_job_id ON events (job_id);
  CREATE INDEX events_event_type ON events (event_type);
  CREATE INDEX events_worker_id ON events (worker_id) WHERE worker_id IS NOT NULL;
  CREATE INDEX events_queue_name ON events (queue_name) WHERE queue_name IS NOT NULL;
  CREATE INDEX events_timestamp ON events (timestamp);
  CREATE INDEX events_stored_at ON events (stored_at);

  CREATE TABLE event_tags (
    name TEXT NOT NULL,
    value TEXT NOT NULL,
    sequence INTEGER NOT NULL,
    PRIMARY KEY (name, value, sequence)
  ) WITHOUT ROWID;
  CREATE INDEX event_tags_sequence ON event_tags (sequence);

  CREATE TABLE state (
    id INTEGER PRIMARY KEY CHECK (id = 1),
    last_sequence INTEGER NOT NULL
  );
  INSERT INTO state VALUES (1, 0);

  CREATE TABLE consumers (
    name TEXT PRIMARY KEY,
    filter TEXT NOT NULL,
    cursor INTEGER NOT NULL
  ) WITHOUT ROWID;
  CREATE TABLE pending (
    consumer TEXT NOT NULL,
    sequence INTEGER NOT NULL,
    delivery_count INTEGER NOT NULL,
    due_at INTEGER NOT NULL,
    member TEXT,
    PRIMARY KEY (consumer, sequence)
  ) WITHOUT ROWID;
  CREATE INDEX pending_due_at ON pending (consumer, due_at);
  CREATE TABLE dead_letters (
    id INTEGER PRIMARY KEY,
    consumer TEXT NOT NULL,
    sequence INTEGER NOT NULL,
    event_id TEXT NOT NULL,
    subject TEXT NOT NULL,
    payload BLOB NOT NULL,
    job_id TEXT NOT NULL,
    reason TEXT NOT NULL,
    delivery_count INTEGER NOT NULL,
    dead_at INTEGER NOT NULL
  );
  CREATE INDEX dead_letters_consumer ON dead_letters (consumer);
  CREATE INDEX dead_letters_job_id ON dead_letters (job_id);
  `,
  // The columns of the event are those of a replayed dead letter: the event may have expired.
  `
  ALTER TABLE pending ADD COLUMN fence TEXT NOT NULL DEFAULT '';
  ALTER TABLE pending ADD COLUMN event_id TEXT;
  ALTER TABLE pending ADD COLUMN subject TEXT;
  ALTER TABLE pending ADD COLUMN payload BLOB;
  ALTER TABLE pending ADD COLUMN job_id TEXT;

  CREATE TABLE letters (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    consumer TEXT NOT NULL,
    sequence INTEGER NOT NULL,
    event_id TEXT NOT NULL,
    subject TEXT NOT NULL,
    payload BLOB NOT NULL,
    job_id TEXT NOT NULL,
    reason TEXT NOT NULL,
    delivery_count INTEGER NOT NULL,
    dead_at INTEGER NOT NULL
  );
  INSERT INTO letters SELECT * FROM dead_letters;
  DROP TABLE dead_letters;
  ALTER TABLE letters RENAME TO dead_letters;
  CREATE INDEX dead_letters_consumer ON dead_letters (consumer);
  CREATE INDEX dead_letters_job_id ON dead_letters (job_id);
  `,
  `
  ALTER TABLE events ADD COLUMN traceparent TEXT;
  ALTER TABLE pending ADD COLUMN traceparent TEXT;
  ALTER TABLE dead_letters ADD COLUMN traceparent TEXT;
  `,
];

/** The version of the tables that this code reads and writes. */
export const SCHEMA_VERSION: number = STEPS.length;

/**
 * Looks at a file before anything is written to it.
 *
 * @returns The number of steps that the file lacks.
 * @throws {JobEventError} `ERR_STREAM_CONFIG`: the file is not of this package, or of a newer
 * version of it.
 */
export function missingSteps(database: Database): number {
  const version = pragma(database, "user_version");
  const application = pragma(database, "application_id");
  const isNew = version === 0 && application === 0 && isEmpty(database);
  if (application !== APPLICATION_ID && !isNew) {
    throw configError(database, "it is the database of another program");
  }
  if (version > SCHEMA_VERSION) {
    throw configError(
      database,
      `its schema has version ${version} and this package knows versions up to ` +
        `${SCHEMA_VERSION}; update the package`,
    );
  }
  return SCHEMA_VERSION - version;
}

/** Brings a file to the version of this code. Another process may do so at the same time. */
export function migrate(database: Database): void {
  if (missingSteps(database) === 0) return;
  if (database.readOnly) {
    throw configError(
      database,
      "its schema is older than this package; open it without readOnly once",
    );
  }
  database.transaction("create the schema", () => {
    // Looked at again under the lock: whoever had it before may have done the work.
    const missing = missingSteps(database);
    if (missing === 0) return;
    for (const step of STEPS.slice(SCHEMA_VERSION - missing)) database.exec(step);
    database.exec(`PRAGMA application_id = ${APPLICATION_ID}`);
    database.exec(`PRAGMA user_version = ${SCHEMA_VERSION}`);
  });
}

/** The value of a pragma that is a number. */
export function pragma(database: Database, name: string): number {
  const row = database.get<Record<string, unknown>>(`PRAGMA ${name}`);
  return Number(Object.values(row ?? {})[0]);
}

function isEmpty(database: Database): boolean {
  return database.get("SELECT 1 FROM sqlite_master LIMIT 1") === undefined;
}

function configError(database: Database, reason: string): JobEventError {
  return new JobEventError(
    "ERR_STREAM_CONFIG",
    `Cannot open the storage in ${database.path}: ${reason}`,
  );
}
