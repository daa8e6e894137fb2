/** What another program may write into the file of a storage. */

import { DatabaseSync } from "node:sqlite";
import { JobEventSubjects } from "../../src/event/subjects.ts";
import { event } from "./events.ts";

/** Stores the bytes c0 ff ee, which are no event, as one of a job. */
export function storeBroken(path: string, jobId: string): void {
  const subject = new JobEventSubjects().forEvent(event(jobId));
  const database = new DatabaseSync(path);
  try {
    database.exec("PRAGMA busy_timeout = 5000; BEGIN IMMEDIATE");
    database.prepare(
      "INSERT INTO events (sequence, event_id, subject, payload, stored_at, job_id, event_type) " +
        "SELECT last_sequence + 1, ?, ?, x'c0ffee', ?, ?, 'cancelled' FROM state",
    ).run(crypto.randomUUID(), subject, Date.now(), jobId);
    database.exec("UPDATE state SET last_sequence = last_sequence + 1; COMMIT");
  } finally {
    database.close();
  }
}
