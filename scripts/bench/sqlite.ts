/**
 * How many events a second go into a SQLite file, in batches of a hundred? And how long does it
 * take to read the events of one job?
 *
 * Method: each contender has a file of its own in the system's temporary directory, with the same
 * tables, indexes, write-ahead log and `synchronous = NORMAL`. A batch is one transaction. One
 * operation is one event, already encoded. The peer is a bare loop over `node:sqlite` that checks
 * and decodes nothing: it has the columns at hand.
 *
 * For the reads both files get the ten events of each of 10,000 jobs, and one operation is the
 * whole history of a job, in turn. The bare loop selects by the same index and decodes the payloads
 * with msgpackr into plain objects, as whoever wrote it would have to.
 */

import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { Unpackr } from "msgpackr";
import { encodeJobEvent } from "../../src/event/encode.ts";
import { JobEvent } from "../../src/gen/factories.ts";
import { SqliteJobEventStorage } from "../../src/storage/sqlite.ts";
import { completedEvents, SAMPLES } from "./samples.ts";
import { bench } from "./timing.ts";

const BATCH = 100;
const JOBS = 10_000;
const EVENTS_A_JOB = 10;
const HISTORY = "SELECT sequence, event_id, subject, payload FROM events WHERE job_id = ? " +
  "ORDER BY sequence";
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

const jobId = (job: number): string => `job-${job % JOBS}`;

/** Both files get the same events of the same jobs. */
async function fill(path: string): Promise<SqliteJobEventStorage> {
  const filled = await SqliteJobEventStorage.open(path);
  for (let round = 0; round < EVENTS_A_JOB; round++) {
    for (let from = 0; from < JOBS; from += 1000) {
      await filled.storeEvents(Array.from(
        { length: 1000 },
        (_, index) => JobEvent.completed(jobId(from + index), "worker-3", 12.345 + round),
      ));
    }
  }
  return filled;
}

const full = await fill(join(directory, "full.sqlite"));
const rawFullPath = join(directory, "raw_full.sqlite");
await (await fill(rawFullPath)).close();
const rawFull = new DatabaseSync(rawFullPath);
const select = rawFull.prepare(HISTORY);
const unpackr = new Unpackr({ useRecords: false });
let lastJob = 0;

function check(events: number): void {
  if (events !== EVENTS_A_JOB) throw new Error(`A job has ${events} events`);
}

async function readStorage(count: number): Promise<number> {
  const started = performance.now();
  for (let left = count; left > 0; left--) check((await full.getEvents(jobId(++lastJob))).length);
  return (performance.now() - started) * 1e6;
}

function readRaw(count: number): number {
  const started = performance.now();
  for (let left = count; left > 0; left--) {
    const rows = select.all(jobId(++lastJob)) as { payload: Uint8Array }[];
    check(rows.map((row) => ({ ...row, event: unpackr.unpack(row.payload) })).length);
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
  await bench({
    title: `Read the ${EVENTS_A_JOB} events of one of ${JOBS.toLocaleString("en")} jobs`,
    contenders: [
      { name: "SqliteJobEventStorage.getEvents", round: readStorage },
      { name: "bare node:sqlite and msgpackr", round: readRaw },
    ],
  });
} finally {
  await storage.close();
  await full.close();
  raw.close();
  rawFull.close();
  rmSync(directory, { recursive: true, force: true });
}
