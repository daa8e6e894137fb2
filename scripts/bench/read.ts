/**
 * How long does it take to find the ten events of a job, in a stream of 10,000 events and in one of
 * 1,000,000?
 *
 * Method: one nats-server on the same machine, with two streams in files. A thousand jobs are under
 * way at a time, so that the events of one lie apart; each fails once. One operation is one call
 * for another job. The server keeps what was read lately in memory and reads, unpacks and indexes 8
 * MiB for anything else, so two questions are asked of the large stream: for one of the last
 * thousand jobs, and for any job. The peers are an ordered consumer of `@nats-io/jetstream`, and an
 * ephemeral pull consumer that acknowledges, as in the original design; it asks for as many
 * messages as the server says there are: a larger batch would wait for its timeout.
 *
 * `--events N` for another large stream, `--version floor` for the oldest server, `--compression
 * none` for files that are not compressed.
 */

import { jetstream, jetstreamManager } from "@nats-io/jetstream";
import { connect, type NatsConnection } from "@nats-io/transport-node";
import { parseArgs } from "node:util";
import { NatsJobEventStorage } from "../../src/storage/nats.ts";
import type { NatsServerVersion } from "../nats_server.ts";
import { startNatsServer } from "../nats_server.ts";
import { EVENTS_OF_A_JOB, fillWithJobs, jobId, JOBS_UNDER_WAY } from "./jobs.ts";
import { benchTimes, type Timed } from "./times.ts";

const { values } = parseArgs({
  options: {
    events: { type: "string", default: "1000000" },
    version: { type: "string", default: "current" },
    compression: { type: "string", default: "s2" },
    samples: { type: "string", default: "200" },
    json: { type: "boolean" },
  },
});
const samples = Number(values.samples);

const server = await startNatsServer({ version: values.version as NatsServerVersion });
const connection: NatsConnection = await connect({ servers: server.url });
const client = jetstream(connection);
const manager = await jetstreamManager(connection);

/** A stream of jobs. */
interface Filled {
  readonly storage: NatsJobEventStorage;
  readonly jobs: number;
}

async function fill(name: string, events: number): Promise<Filled> {
  const storage = await NatsJobEventStorage.open(connection, {
    streamName: name,
    subjectPrefix: name.toLowerCase(),
    stream: { maxBytes: 2 * 1024 ** 3, compression: values.compression as "s2" | "none" },
  });
  const jobs = events / EVENTS_OF_A_JOB;
  await fillWithJobs(storage, jobs);
  return { storage, jobs };
}

function assertWhole(found: number): void {
  if (found !== EVENTS_OF_A_JOB) throw new Error(`Found ${found} events, not ${EVENTS_OF_A_JOB}`);
}

async function readOrdered(storage: NatsJobEventStorage, job: string): Promise<void> {
  const filter_subjects = storage.subjects.job(job);
  const consumer = await client.consumers.get(storage.streamName, { filter_subjects });
  let found = 0;
  for await (const { data } of await consumer.fetch({ max_messages: EVENTS_OF_A_JOB })) {
    if (data.length > 0) found++;
  }
  await consumer.delete();
  assertWhole(found);
}

async function readEphemeral(storage: NatsJobEventStorage, job: string): Promise<void> {
  const { name, num_pending } = await manager.consumers.add(storage.streamName, {
    filter_subject: storage.subjects.job(job),
    deliver_policy: "all",
    ack_policy: "explicit",
    inactive_threshold: 5e9,
  });
  const consumer = await client.consumers.get(storage.streamName, name);
  let found = 0;
  for await (const message of await consumer.fetch({ max_messages: num_pending })) {
    message.ack();
    found++;
  }
  await manager.consumers.delete(storage.streamName, name);
  assertWhole(found);
}

/** The ways to read a job among the last `among` ones. */
function ways({ storage, jobs }: Filled, among: number): Timed[] {
  const anyJob = (): string => jobId(jobs - 1 - Math.floor(Math.random() * among));
  return [
    {
      name: "getEvents",
      once: async () => assertWhole((await storage.getEvents(anyJob())).length),
    },
    { name: "ordered consumer", once: () => readOrdered(storage, anyJob()) },
    { name: "ephemeral pull consumer", once: () => readEphemeral(storage, anyJob()) },
  ];
}

const small = await fill("SMALL", 10_000);
const large = await fill("LARGE", Number(values.events));
try {
  const size = Number(values.events).toLocaleString("en");
  const files = `nats-server ${server.version}, compression ${values.compression}`;
  const title = "Ten events of a job, among";
  await benchTimes({
    title: `${title} 10,000; ${files}`,
    samples,
    ways: ways(small, small.jobs),
  });
  const recent = `${title} ${size}, one of the last ${JOBS_UNDER_WAY.toLocaleString("en")} jobs`;
  await benchTimes({ title: recent, samples, ways: ways(large, JOBS_UNDER_WAY) });
  await benchTimes({ title: `${title} ${size}, any job`, samples, ways: ways(large, large.jobs) });
} finally {
  await Promise.all([small.storage.close(), large.storage.close()]);
  await connection.close();
  await server.stop();
}
