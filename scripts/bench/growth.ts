/**
 * Does anything become slow as the stream grows, or as more producers write to it?
 *
 * Method: one nats-server of the current version on the same machine, with one stream in files. It
 * is filled with ten events of each of 10,000 jobs and more, to 100,000 and, with `--jobs
 * 10000,100000,1000000`, a million (ten million events, about four minutes and three gigabytes of
 * memory). At each size: how long the history of one of the last thousand jobs takes, and of any
 * job; how long it takes to count a type; and then how fast producers append, 1, 4 and 16 of them,
 * each with a connection of its own. The peer of each table is the smallest size.
 */

import { connect } from "@nats-io/transport-node";
import process from "node:process";
import { parseArgs } from "node:util";
import { NatsJobEventPublisher } from "../../src/nats/publisher.ts";
import { NatsJobEventStorage } from "../../src/storage/nats.ts";
import { startNatsServer } from "../nats_server.ts";
import { appendIn, Records } from "./appends.ts";
import { EVENTS_OF_A_JOB, fillWithJobs, jobId, JOBS_UNDER_WAY } from "./jobs.ts";
import { runtimeName, timesRows } from "./times.ts";
import { print, type Row } from "./timing.ts";

const PRODUCERS = [1, 4, 16];
const APPENDED = 20_000;
const READS = 100;
const COUNTS = 5;

const { values } = parseArgs({
  options: {
    jobs: { type: "string", default: "10000,100000" },
    json: { type: "boolean" },
  },
});
const sizes = values.jobs.split(",").map(Number);

const server = await startNatsServer();
const connection = await connect({ servers: server.url });
const storage = await NatsJobEventStorage.open(connection, {
  stream: { maxMsgs: 0, maxBytes: 8 * 1024 ** 3 },
});
const producers = await Promise.all(
  Array.from({ length: Math.max(...PRODUCERS) }, async () => {
    const own = await connect({ servers: server.url });
    return {
      own,
      publisher: new NatsJobEventPublisher(own),
      records: new Records(storage.subjects),
    };
  }),
);

/** The time of each call, in nanoseconds. */
async function timesOf(count: number, once: () => Promise<unknown>): Promise<number[]> {
  const tookNs: number[] = [];
  for (let index = 0; index < count; index++) {
    const started = performance.now();
    await once();
    tookNs.push((performance.now() - started) * 1e6);
  }
  return tookNs;
}

/** The time for an event, when so many producers append together. */
async function append(count: number): Promise<number> {
  const each = APPENDED / count;
  const started = performance.now();
  await Promise.all(
    producers.slice(0, count).map(({ publisher, records }) =>
      appendIn(publisher, records, 1000, 1)(each)
    ),
  );
  return (performance.now() - started) * 1e6 / APPENDED;
}

async function readJob(jobs: number, among: number): Promise<void> {
  const id = jobId(jobs - 1 - Math.floor(Math.random() * among));
  const { length } = await storage.getEvents(id);
  if (length !== EVENTS_OF_A_JOB) throw new Error(`Found ${length} events of job ${id}`);
}

/** The questions, each with the times at each size. */
const tables = new Map<string, number[][]>();

function note(question: string, tookNs: number[]): void {
  const table = tables.get(question) ?? [];
  table.push(tookNs);
  tables.set(question, table);
}

function rowsOf(tookNs: readonly number[][]): Row[] {
  // The smallest size is the peer, which comes last in a table.
  const names = sizes.map((jobs) => `${jobs.toLocaleString("en")} jobs`);
  return timesRows(names.toReversed(), tookNs.toReversed());
}

try {
  let filled = 0;
  for (const jobs of sizes) {
    await fillWithJobs(storage, jobs, filled);
    filled = jobs;
    const recent = Math.min(JOBS_UNDER_WAY, jobs);
    note("History of a recent job", await timesOf(READS, () => readJob(jobs, recent)));
    note("History of any job", await timesOf(READS, () => readJob(jobs, jobs)));
    const count = (): Promise<number> => storage.countEvents({ eventType: "completed" });
    note("Count a type", await timesOf(COUNTS, count));
    for (const count of PRODUCERS) {
      const rounds: number[] = [];
      for (let round = 0; round < 5; round++) rounds.push(await append(count));
      note(`Append, ${count} producers, for one event`, rounds);
    }
    const { rss } = process.memoryUsage();
    console.error(`${jobs} jobs done, this process has ${Math.round(rss / 1024 ** 2)} MiB`);
  }
  for (const [title, tookNs] of tables) {
    print({ title, runtime: runtimeName(), rows: rowsOf(tookNs), notes: [] });
  }
} finally {
  for (const { own, publisher } of producers) {
    await publisher.close();
    await own.close();
  }
  await storage.close();
  await connection.close();
  await server.stop();
}
