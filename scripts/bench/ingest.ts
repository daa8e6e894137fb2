/**
 * Would the batches of newer servers store events faster than the publisher does?
 *
 * Method: one nats-server of the current version on the same machine, with one stream in memory.
 * One operation is one event of about 165 bytes under a new id. The publisher gets an answer to
 * each event. Fast ingest (2.14) is answered now and then, for all events before; here in batches
 * of 10,000, with an answer for every 100 or 1,000. An atomic batch (2.12) is answered once, at its
 * end: a thousand events at a time, without ids, for which nats.js has no option there. The peer is
 * the publisher.
 *
 * Only the publisher learns where each event lies and whether it was a duplicate. Fast ingest is no
 * public part of nats.js 3.4: it is taken from the internals of the package.
 */

import { jetstream } from "@nats-io/jetstream";
import { startFastIngest } from "@nats-io/jetstream/internal";
import { connect } from "@nats-io/transport-node";
import { NatsJobEventPublisher } from "../../src/nats/publisher.ts";
import { openEventStream } from "../../src/nats/stream.ts";
import { startNatsServer } from "../nats_server.ts";
import { appendIn, Records } from "./appends.ts";
import { bench, type Contender } from "./timing.ts";

const INGESTED = 10_000;
const ATOMIC = 1000;

const server = await startNatsServer();
const connection = await connect({ servers: server.url });
const stream = await openEventStream(connection, {
  stream: { storage: "memory", maxMsgs: 1_000_000, maxBytes: 512 * 1024 * 1024 },
});
const client = jetstream(connection);
const publisher = new NatsJobEventPublisher(connection);
const records = new Records(stream.subjects);

/** Stores `count` events in batches, the last event of each with the batch. */
function inBatches(most: number, store: (size: number) => Promise<void>): Contender["round"] {
  return async (count) => {
    const started = performance.now();
    for (let left = Math.max(count, 2); left > 1; left -= most) await store(Math.min(left, most));
    return (performance.now() - started) * 1e6;
  };
}

function ingest(ackInterval: number): Contender["round"] {
  return inBatches(INGESTED, async (size) => {
    const { subject, payload, eventId } = records.next();
    const options = { allowGaps: false, ackInterval, maxOutstandingAcks: 3, msgID: eventId };
    const batch = await startFastIngest(connection, subject, payload, options);
    for (let index = 2; index < size; index++) {
      const { subject, payload, eventId } = records.next();
      await batch.add(subject, payload, { msgID: eventId });
    }
    const last = records.next();
    await batch.last(last.subject, last.payload, { msgID: last.eventId });
  });
}

const storeAtomically = inBatches(ATOMIC, async (size) => {
  const first = records.next();
  const batch = await client.startBatch(first.subject, first.payload);
  for (let index = 2; index < size; index++) {
    const { subject, payload } = records.next();
    batch.add(subject, payload);
  }
  const last = records.next();
  await batch.commit(last.subject, last.payload);
});

try {
  await bench({
    title: `Ingest in batches, nats-server ${server.version}`,
    rounds: 9,
    roundMs: 300,
    contenders: [
      { name: "fast ingest, an answer for 100", round: ingest(100) },
      { name: "fast ingest, an answer for 1,000", round: ingest(1000) },
      { name: "atomic batches of 1,000", round: storeAtomically },
      { name: "publisher, batches of 1,000", round: appendIn(publisher, records, 1000, 4) },
    ],
  });
} finally {
  await publisher.close();
  await connection.close();
  await server.stop();
}
