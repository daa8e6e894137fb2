/**
 * How many events a second go all the way, from the call of the logger to the acknowledgement of
 * the server?
 *
 * Method: one nats-server on the same machine, with one stream in memory, so that the disk does not
 * decide. A round logs its events as fast as the logger takes them, and ends when the last one is
 * acknowledged. The peer is the ceiling: the same bytes, encoded before, published to a subject
 * that no stream takes and nobody acknowledges, with a flush at the end of each round.
 */

import { connect } from "@nats-io/transport-node";
import { encodeJobEvent } from "../../src/event/encode.ts";
import { JobEventLogger } from "../../src/logger/logger.ts";
import { NatsJobEventPublisher } from "../../src/nats/publisher.ts";
import { openEventStream } from "../../src/nats/stream.ts";
import { startNatsServer } from "../nats_server.ts";
import { completedEvents, SAMPLES } from "./samples.ts";
import { bench } from "./timing.ts";

const EVENTS_A_TURN = 1000;

const server = await startNatsServer();
const connection = await connect({ servers: server.url });
await openEventStream(connection, {
  stream: { storage: "memory", maxMsgs: 1_000_000, maxBytes: 512 * 1024 * 1024 },
});
const logger = new JobEventLogger(new NatsJobEventPublisher(connection), {
  overflow: "block",
  batchSize: 1000,
});
const events = completedEvents();
const payloads = events.map(encodeJobEvent);

async function deliver(count: number): Promise<number> {
  const started = performance.now();
  for (let index = 0; index < count; index++) {
    const event = events[index % SAMPLES]!;
    while (!logger.logEvent(event)) await logger.ready();
    if (index % EVENTS_A_TURN === 0) await new Promise((resolve) => setTimeout(resolve));
  }
  const { pending, dropped } = await logger.flush({ timeoutMs: 60_000 });
  if (pending + dropped > 0) throw new Error(`${pending} pending, ${dropped} dropped`);
  return (performance.now() - started) * 1e6;
}

async function publish(count: number): Promise<number> {
  const started = performance.now();
  for (let index = 0; index < count; index++) {
    connection.publish("bench.unacknowledged", payloads[index % SAMPLES]!);
  }
  await connection.flush();
  return (performance.now() - started) * 1e6;
}

try {
  await bench({
    title: "From logEvent to the acknowledgement of JetStream",
    rounds: 9,
    roundMs: 300,
    contenders: [
      { name: "log, flush, acknowledged", round: deliver },
      { name: "publish without acknowledgement", round: publish },
    ],
  });
} finally {
  await logger.stop();
  await connection.close();
  await server.stop();
}
