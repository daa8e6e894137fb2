/**
 * How fast is a whole stream read, decoded?
 *
 * Method: one nats-server of the current version on the same machine, with 200,000 events in files.
 * One operation is one event, read and decoded. The peer is what a client without this package
 * would do: an ordered consumer of `@nats-io/jetstream`, whose messages msgpackr decodes. It does
 * not look at the headers, where the id of an event is, which `readEvents` gives; another row does.
 * The row before these is the limit of the client library: a callback that does not even look at
 * the messages that one request asks for.
 */

import { jetstream, jetstreamManager, type JsMsg } from "@nats-io/jetstream";
import { connect, createInbox } from "@nats-io/transport-node";
import { unpack } from "msgpackr";
import { NatsJobEventStorage } from "../../src/storage/nats.ts";
import { startNatsServer } from "../nats_server.ts";
import { EVENTS_OF_A_JOB, fillWithJobs } from "./jobs.ts";
import { bench } from "./timing.ts";

const EVENTS = 200_000;

const server = await startNatsServer();
const connection = await connect({ servers: server.url });
const storage = await NatsJobEventStorage.open(connection, { stream: { maxBytes: 1024 ** 3 } });
await fillWithJobs(storage, EVENTS / EVENTS_OF_A_JOB);

/** Reads `count` events in scans of the whole stream. */
async function inScans(count: number, scan: (limit: number) => Promise<void>): Promise<number> {
  const started = performance.now();
  for (let left = count; left > 0; left -= EVENTS) await scan(Math.min(left, EVENTS));
  return (performance.now() - started) * 1e6;
}

async function readEvents(limit: number): Promise<void> {
  let left = limit;
  for await (const { jobId } of storage.readEvents({ limit })) if (jobId !== "") left--;
  if (left !== 0) throw new Error(`${left} events are missing`);
}

async function readOrdered(limit: number, hasId: (message: JsMsg) => boolean): Promise<void> {
  const consumer = await jetstream(connection).consumers.get(storage.streamName);
  let left = limit;
  for await (const message of await consumer.consume()) {
    const { job_id } = unpack(message.data) as { job_id: string };
    if (job_id !== "" && hasId(message) && --left === 0) break;
  }
  await consumer.delete();
}

async function receive(limit: number): Promise<void> {
  const { consumers } = await jetstreamManager(connection);
  const { name } = await consumers.add(storage.streamName, { ack_policy: "none" });
  const inbox = createInbox();
  let left = limit;
  await new Promise<void>((resolve) => {
    const subscription = connection.subscribe(inbox, {
      callback: () => {
        if (--left > 0) return;
        subscription.unsubscribe();
        resolve();
      },
    });
    const subject = `$JS.API.CONSUMER.MSG.NEXT.${storage.streamName}.${name}`;
    connection.publish(subject, JSON.stringify({ batch: limit }), { reply: inbox });
  });
  await consumers.delete(storage.streamName, name);
}

const readsId = ({ headers }: JsMsg): boolean => headers?.get("Nats-Msg-Id") !== "";

try {
  await bench({
    title: `Scan a stream of ${EVENTS.toLocaleString("en")} events, decoded`,
    rounds: 7,
    roundMs: 1000,
    contenders: [
      { name: "readEvents", round: (count) => inScans(count, readEvents) },
      { name: "received, not looked at", round: (count) => inScans(count, receive) },
      {
        name: "ordered consumer, msgpackr, message ids",
        round: (count) => inScans(count, (limit) => readOrdered(limit, readsId)),
      },
      {
        name: "ordered consumer, msgpackr",
        round: (count) => inScans(count, (limit) => readOrdered(limit, () => true)),
      },
    ],
  });
} finally {
  await storage.close();
  await connection.close();
  await server.stop();
}
