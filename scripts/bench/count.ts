/**
 * How long does it take to count events by type, by worker and by job, among 1,000,000?
 *
 * Method: one nats-server of the current version on the same machine, with one stream in files. One
 * operation is one count. The peer is reading all events and counting: an ordered consumer of
 * `@nats-io/jetstream`, whose messages msgpackr decodes; it is measured once.
 *
 * `--events N` for another stream, `--version floor` for the oldest server.
 */

import { jetstream } from "@nats-io/jetstream";
import { connect } from "@nats-io/transport-node";
import { unpack } from "msgpackr";
import { parseArgs } from "node:util";
import { NatsJobEventStorage } from "../../src/storage/nats.ts";
import type { JobEventFilter } from "../../src/storage/storage.ts";
import { type NatsServerVersion, startNatsServer } from "../nats_server.ts";
import { EVENTS_OF_A_JOB, fillWithJobs, jobId, WORKERS } from "./jobs.ts";
import { benchTimes } from "./times.ts";

const { values } = parseArgs({
  options: {
    events: { type: "string", default: "1000000" },
    version: { type: "string", default: "current" },
    json: { type: "boolean" },
  },
});
const events = Number(values.events);
const jobs = events / EVENTS_OF_A_JOB;

const server = await startNatsServer({ version: values.version as NatsServerVersion });
const connection = await connect({ servers: server.url });
const storage = await NatsJobEventStorage.open(connection, {
  stream: { maxBytes: 2 * 1024 ** 3 },
});
await fillWithJobs(storage, jobs);

async function count(filter: JobEventFilter, wanted: number): Promise<void> {
  const found = await storage.countEvents(filter);
  if (found !== wanted) throw new Error(`Counted ${found} events, not ${wanted}`);
}

async function readAndCount(): Promise<void> {
  const consumer = await jetstream(connection).consumers.get(storage.streamName);
  let found = 0;
  let left = events;
  for await (const { data } of await consumer.consume()) {
    if ((unpack(data) as { event_type: string }).event_type === "completed") found++;
    if (--left === 0) break;
  }
  await consumer.delete();
  if (found !== jobs) throw new Error(`Counted ${found} events, not ${jobs}`);
}

let next = 0;
/** All events of a job but those of its queue and its retry are a worker's. */
const eventsOfWorker = (EVENTS_OF_A_JOB - 2) * jobs / WORKERS;

try {
  await benchTimes({
    title: `Count among ${events.toLocaleString("en")} events, nats-server ${server.version}`,
    samples: 15,
    ways: [
      { name: "countEvents by type", once: () => count({ eventType: "completed" }, jobs) },
      {
        name: "countEvents by worker",
        once: () => count({ workerId: "worker-3" }, eventsOfWorker),
      },
      {
        name: "countEvents by worker and type",
        once: () => count({ workerId: "worker-3", eventType: "completed" }, jobs / WORKERS),
      },
      {
        name: "countEvents by job",
        once: () => count({ jobId: jobId((next += 7919) % jobs) }, EVENTS_OF_A_JOB),
      },
      { name: "countEvents, all", once: () => count({}, events) },
      { name: "read and count", once: readAndCount, samples: 1 },
    ],
  });
} finally {
  await storage.close();
  await connection.close();
  await server.stop();
}
