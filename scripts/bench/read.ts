/**
 * How long does it take to find ten events of a job among 300,000, and to count those of a type?
 *
 * Method: one nats-server of each version on the same machine, with one stream in files that has
 * 300,000 events of 30,000 jobs, ten of each, which lie apart. One operation is one call, each time
 * for another job, so that the server has little of it at hand. The peer is what a client without
 * this package would do on the current server: an ordered consumer of `@nats-io/jetstream` for each
 * read, deleted afterwards.
 */

import { jetstream, jetstreamManager } from "@nats-io/jetstream";
import { connect } from "@nats-io/transport-node";
import { encodeJobEvent } from "../../src/event/encode.ts";
import { JobEvent } from "../../src/gen/factories.ts";
import { decodeStoredJobEvent } from "../../src/gen/decode.ts";
import type { NatsConnectionLike } from "../../src/nats/connection.ts";
import { NatsJobEventStorage } from "../../src/storage/nats.ts";
import { type NatsServer, type NatsServerVersion, startNatsServer } from "../nats_server.ts";
import { bench, type Contender } from "./timing.ts";

const JOBS = 30_000;
const EVENTS_OF_A_JOB = 10;
const BATCH = 3000;

interface Prepared {
  readonly server: NatsServer;
  readonly connection: Awaited<ReturnType<typeof connect>>;
  readonly storage: NatsJobEventStorage;
}

/** A server with a full stream. */
async function prepare(version: NatsServerVersion): Promise<Prepared> {
  const server = await startNatsServer({ version });
  const connection = await connect({ servers: server.url });
  const storage = await NatsJobEventStorage.open(connection as NatsConnectionLike, {
    stream: { maxBytes: 1024 ** 3 },
  });
  let id = 0;
  for (let start = 0; start < JOBS; start += BATCH) {
    // The events of a job lie apart, as they do when jobs run at the same time.
    for (let step = 0; step < EVENTS_OF_A_JOB; step++) {
      const records = Array.from({ length: BATCH }, (_, at) => {
        const event = step < EVENTS_OF_A_JOB - 1
          ? JobEvent.started(`job-${start + at}`, `worker-${at % 10}`, "async")
          : JobEvent.completed(`job-${start + at}`, `worker-${at % 10}`, 12.3);
        const subject = storage.subjects.forEvent(event);
        return { eventId: `e${++id}`, subject, payload: encodeJobEvent(event) };
      });
      const outcomes = await storage.append(records);
      const failed = outcomes.find(({ status }) => status !== "stored");
      if (failed !== undefined) throw new Error(`An event was not stored: ${failed.status}`);
    }
  }
  return { server, connection, storage };
}

let lastJob = 0;
const nextJob = (): string => `job-${(lastJob += 7919) % JOBS}`;

function repeat(operation: () => Promise<number>, wanted: number): Contender["round"] {
  return async (count) => {
    const started = performance.now();
    for (let index = 0; index < count; index++) {
      const found = await operation();
      if (found !== wanted) throw new Error(`Found ${found} events, not ${wanted}`);
    }
    return (performance.now() - started) * 1e6;
  };
}

function contenders(name: string, { storage }: Prepared): Contender[] {
  const read = async (): Promise<number> => (await storage.getEvents(nextJob())).length;
  const newest = async (): Promise<number> =>
    (await storage.listEvents({ order: "newest", limit: 10 })).length;
  const count = (): Promise<number> => storage.countEvents({ eventType: "completed" });
  return [
    { name: `getEvents, ${name}`, round: repeat(read, EVENTS_OF_A_JOB) },
    { name: `the 10 newest events, ${name}`, round: repeat(newest, 10) },
    { name: `countEvents by type, ${name}`, round: repeat(count, JOBS) },
  ];
}

/** The history of a job through an ordered consumer of the client library. */
async function readOrdered({ connection, storage }: Prepared): Promise<number> {
  const consumers = jetstream(connection).consumers;
  const filter_subjects = storage.subjects.job(nextJob());
  const consumer = await consumers.get(storage.streamName, { filter_subjects });
  let found = 0;
  const messages = await consumer.fetch({ max_messages: EVENTS_OF_A_JOB });
  for await (const { data, subject, seq } of messages) {
    decodeStoredJobEvent(data, subject, seq, "");
    found++;
  }
  const { name } = await consumer.info(true);
  const manager = await jetstreamManager(connection, { checkAPI: false });
  await manager.consumers.delete(storage.streamName, name);
  return found;
}

const current = await prepare("current");
const floor = await prepare("floor");
try {
  await bench({
    title: "Read and count in a stream of 300,000 events",
    rounds: 5,
    roundMs: 400,
    contenders: [
      ...contenders(current.server.version, current),
      ...contenders(floor.server.version, floor),
      {
        name: `ordered consumer, ${current.server.version}`,
        round: repeat(() => readOrdered(current), EVENTS_OF_A_JOB),
      },
    ],
  });
} finally {
  for (const { server, connection, storage } of [current, floor]) {
    await storage.close();
    await connection.close();
    await server.stop();
  }
}
