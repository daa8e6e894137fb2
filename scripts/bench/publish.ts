/**
 * How many acknowledged events a second does the publisher store in JetStream?
 *
 * Method: one nats-server on the same machine, with one stream in memory, so that the disk does not
 * decide. One operation is one event of about 165 bytes, already encoded, under a new id. The
 * publisher has four appends under way at a time. The peers use the same connection: `js.publish`
 * one by one, a thousand of them at a time, and, as the ceiling, a publish that nobody acknowledges
 * to a subject that no stream takes, with a flush at the end of each round.
 */

import { jetstream } from "@nats-io/jetstream";
import { connect } from "@nats-io/transport-node";
import { encodeJobEvent } from "../../src/event/encode.ts";
import { NatsJobEventPublisher } from "../../src/nats/publisher.ts";
import { openEventStream } from "../../src/nats/stream.ts";
import { startNatsServer } from "../nats_server.ts";
import { completedEvents, SAMPLES } from "./samples.ts";
import { bench, type Contender } from "./timing.ts";

const CONCURRENT_APPENDS = 4;

const server = await startNatsServer();
const connection = await connect({ servers: server.url });
const stream = await openEventStream(connection, {
  stream: { storage: "memory", maxMsgs: 1_000_000, maxBytes: 512 * 1024 * 1024 },
});
const client = jetstream(connection);
const publisher = new NatsJobEventPublisher(connection);
const pipelined = new NatsJobEventPublisher(connection, { ordering: "pipelined" });
const ordered = new NatsJobEventPublisher(connection, { ordering: "job" });

const events = completedEvents();
const payloads = events.map(encodeJobEvent);
const subjects = events.map((event) => stream.subjects.forEvent(event));
let lastId = 0;

interface Sample {
  readonly eventId: string;
  readonly subject: string;
  readonly payload: Uint8Array;
}

function sample(): Sample {
  const index = ++lastId % SAMPLES;
  return { eventId: `bench-${lastId}`, subject: subjects[index]!, payload: payloads[index]! };
}

/** Appends in batches, several under way at a time. */
function appendIn(target: NatsJobEventPublisher, batch: number): Contender["round"] {
  return async (count) => {
    const started = performance.now();
    let left = count;
    const work = async (): Promise<void> => {
      while (left > 0) {
        const size = Math.min(left, batch);
        left -= size;
        const outcomes = await target.append(Array.from({ length: size }, sample));
        const failed = outcomes.find(({ status }) => status !== "stored");
        if (failed !== undefined) throw new Error(`An event was not stored: ${failed.status}`);
      }
    };
    await Promise.all(Array.from({ length: CONCURRENT_APPENDS }, work));
    return (performance.now() - started) * 1e6;
  };
}

async function publish(): Promise<void> {
  const { eventId, subject, payload } = sample();
  await client.publish(subject, payload, { msgID: eventId });
}

async function publishOneByOne(count: number): Promise<number> {
  const started = performance.now();
  for (let index = 0; index < count; index++) await publish();
  return (performance.now() - started) * 1e6;
}

async function publishTogether(count: number): Promise<number> {
  const started = performance.now();
  for (let left = count; left > 0; left -= 1000) {
    await Promise.all(Array.from({ length: Math.min(left, 1000) }, publish));
  }
  return (performance.now() - started) * 1e6;
}

async function publishUnacknowledged(count: number): Promise<number> {
  const started = performance.now();
  for (let index = 0; index < count; index++) {
    connection.publish("bench.unacknowledged", sample().payload);
  }
  await connection.flush();
  return (performance.now() - started) * 1e6;
}

try {
  await bench({
    title: "Store events through JetStream, on a server with one stream in memory",
    rounds: 9,
    roundMs: 300,
    contenders: [
      { name: "publisher, batches of 100", round: appendIn(publisher, 100) },
      { name: "publisher, batches of 1,000", round: appendIn(pipelined, 1000) },
      { name: 'publisher, 1,000, ordering "job"', round: appendIn(ordered, 1000) },
      { name: "js.publish, 1,000 at a time", round: publishTogether },
      { name: "publish without acknowledgement", round: publishUnacknowledged },
      { name: "js.publish, one by one", round: publishOneByOne },
    ],
  });
} finally {
  await Promise.all([publisher.close(), pipelined.close(), ordered.close()]);
  await connection.close();
  await server.stop();
}
