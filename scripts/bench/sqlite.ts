/**
 * How many events a second go into a SQLite file, in batches of a hundred?
 *
 * Method: each contender has a file of its own in the system's temporary directory, with the same
 * tables, indexes, write-ahead log and `synchronous = NORMAL`. A batch is one transaction. One
 * operation is one event, already encoded. The peer is a bare loop over `node:sqlite` that checks
 * and decodes nothing: it has the columns at hand.
 */

import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { encodeJobEvent } from "../../src/event/encode.ts";
import { SqliteJobEventStorage } from "../../src/storage/sqlite.ts";
import { completedEvents, SAMPLES } from "./samples.ts";
import { bench } from "./timing.ts";

const BATCH = 100;
const INSERT = "INSERT INTO events (sequence, event_id, subject, payload, stored_at, job_id, " +
  "event_type, timestamp, worker_id, queue_name) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)";

const directory = mkdtempSync(join(tmpdir(), "naq-events-bench-"));
const events = completedEvents();
const payloads = events.map(encodeJobEvent);
let lastId = 0;

const storage = await SqliteJobEventStorage.open(join(directory, "storage.sqlite"));
const subjects = events.map((event) => storage.subjects.forEvent(event));

async function appendToStorage(count: number): Promise<number> {
  let elapsedMs = 0;
  for (let left = count; left > 0; left -= BATCH) {
    const records = Array.from({ length: Math.min(left, BATCH) }, () => {
      const index = ++lastId % SAMPLES;
      return { eventId: `e${lastId}`, subject: subjects[index]!, payload: payloads[index]! };
    });
    const started = performance.now();
    await storage.append(records);
    elapsedMs += performance.now() - started;
  }
  return elapsedMs * 1e6;
}

const rawPath = join(directory, "raw.sqlite");
// The storage makes the tables, so that they are the same ones.
await (await SqliteJobEventStorage.open(rawPath)).close();
const raw = new DatabaseSync(rawPath);
raw.exec("PRAGMA synchronous = NORMAL");
const insert = raw.prepare(INSERT);
let lastSequence = 0;

function appendRaw(count: number): number {
  const started = performance.now();
  for (let left = count; left > 0; left -= BATCH) {
    raw.exec("BEGIN IMMEDIATE");
    for (let index = Math.min(left, BATCH); index > 0; index--) {
      const sequence = ++lastSequence;
      const sample = sequence % SAMPLES;
      const { jobId, eventType, timestamp, workerId, queueName } = events[sample]!;
      const [subject, payload] = [subjects[sample]!, payloads[sample]!];
      const columns = [jobId, eventType, timestamp, workerId ?? null, queueName ?? null] as const;
      insert.run(sequence, `e${sequence}`, subject, payload, 1763731200125, ...columns);
    }
    raw.exec("COMMIT");
  }
  return (performance.now() - started) * 1e6;
}

try {
  await bench({
    title: "Append events to a SQLite file in batches of 100",
    rounds: 9,
    roundMs: 300,
    contenders: [
      { name: "SqliteJobEventStorage.append", round: appendToStorage },
      { name: "bare node:sqlite", round: appendRaw },
    ],
  });
} finally {
  await storage.close();
  raw.close();
  rmSync(directory, { recursive: true, force: true });
}
