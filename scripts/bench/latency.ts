/**
 * How long is an event on its way, from the logger to a handler?
 *
 * Method: one nats-server on the same machine, with one stream, in memory or in files. The way of
 * an event begins with `logEvent` and ends in the handler of a processor with a name, whose durable
 * consumer delivers what the stream has stored. With `flushIntervalMs: 5` a lone event waits for up
 * to five milliseconds for others; 0 is the fastest. The peer has the same durability: `js.publish`
 * of nats.js, and `consume()` of a durable consumer that acknowledges. Publish to subscribe, which
 * stores nothing, is there for comparison.
 *
 * One at a time: the next event is logged when the one before was handled. At a rate: every
 * millisecond those are logged that are due, and each is timed from when it was due.
 */

import { jetstream, jetstreamManager } from "@nats-io/jetstream";
import { connect } from "@nats-io/transport-node";
import { decodeJobEvent } from "../../src/gen/decode.ts";
import { encodeJobEvent } from "../../src/event/encode.ts";
import { JobEvent } from "../../src/gen/factories.ts";
import { JobEventLogger } from "../../src/logger/logger.ts";
import { JobEventProcessor } from "../../src/processor/processor.ts";
import { NatsJobEventStorage } from "../../src/storage/nats.ts";
import { startNatsServer } from "../nats_server.ts";
import { jobId } from "./jobs.ts";
import { runtimeName, timesRows } from "./times.ts";
import { print } from "./timing.ts";

const ONE_AT_A_TIME = 2000;
const RATE = 10_000;
const SECONDS = 2;

/** A way for events to go, open. */
interface OpenWay {
  readonly send: (event: JobEvent) => void;
  readonly close: () => Promise<void>;
}
/** Opens a way, at whose end `arrive` is called. */
type Way = (arrive: (event: { readonly jobId: string }) => void) => Promise<OpenWay>;

const server = await startNatsServer();
const connection = await connect({ servers: server.url });
const client = jetstream(connection);
const manager = await jetstreamManager(connection);
let names = 0;

function logged(storage: NatsJobEventStorage, flushIntervalMs: number): Way {
  return async (arrive) => {
    const processor = new JobEventProcessor(storage, {
      consumerName: `latency-${++names}`,
      from: "new",
    });
    processor.onAny(arrive);
    await processor.start();
    const logger = new JobEventLogger(storage, {
      flushIntervalMs,
      maxBufferSize: RATE * SECONDS,
    });
    const close = async (): Promise<void> => {
      await logger.stop();
      await processor.stop();
    };
    return { send: (event) => void logger.logEvent(event), close };
  };
}

function bare(storage: NatsJobEventStorage): Way {
  return async (arrive) => {
    const name = `latency-${++names}`;
    const config = { durable_name: name, ack_policy: "explicit", deliver_policy: "new" } as const;
    await manager.consumers.add(storage.streamName, config);
    const consumer = await client.consumers.get(storage.streamName, name);
    const messages = await consumer.consume({
      callback: (message) => {
        arrive(decodeJobEvent(message.data));
        message.ack();
      },
    });
    const send = (event: JobEvent): void => {
      const msgID = `${name}-${event.jobId}`;
      void client.publish(storage.subjects.forEvent(event), encodeJobEvent(event), { msgID });
    };
    return { send, close: async () => void await messages.close() };
  };
}

const core: Way = (arrive) => {
  const subscription = connection.subscribe("latency.core", {
    callback: (_, message) => arrive(decodeJobEvent(message.data)),
  });
  const send = (event: JobEvent): void => connection.publish("latency.core", encodeJobEvent(event));
  return Promise.resolve({ send, close: () => Promise.resolve(subscription.unsubscribe()) });
};

const eventOf = (index: number): JobEvent => JobEvent.completed(jobId(index), "worker-1", 12.5);

async function oneAtATime(way: Way): Promise<number[]> {
  let arrived: () => void = () => {};
  const { send, close } = await way(() => arrived());
  const warmUp = ONE_AT_A_TIME / 10;
  const tookNs: number[] = [];
  for (let index = 0; index < ONE_AT_A_TIME + warmUp; index++) {
    const started = performance.now();
    const arrival = new Promise<void>((resolve) => arrived = resolve);
    send(eventOf(index));
    await arrival;
    if (index >= warmUp) tookNs.push((performance.now() - started) * 1e6);
  }
  await close();
  return tookNs;
}

async function atARate(way: Way): Promise<number[]> {
  const count = RATE * SECONDS;
  const tookNs: number[] = [];
  const due = new Map<string, number>();
  const { promise: all, resolve } = Promise.withResolvers<void>();
  const { send, close } = await way((event) => {
    tookNs.push((performance.now() - due.get(event.jobId)!) * 1e6);
    if (tookNs.length === count) resolve();
  });
  const started = performance.now();
  for (let index = 0; index < count;) {
    const isDue = Math.min((performance.now() - started) * RATE / 1000, count);
    for (; index < isDue; index++) {
      const event = eventOf(index);
      due.set(event.jobId, started + index * 1000 / RATE);
      send(event);
    }
    await new Promise((next) => setTimeout(next, 1));
  }
  await all;
  await close();
  // The first half second is there to warm up.
  return tookNs.slice(RATE / 2);
}

try {
  for (const kind of ["memory", "file"] as const) {
    const storage = await NatsJobEventStorage.open(connection, {
      streamName: `LATENCY-${kind}`,
      subjectPrefix: `latency.${kind}`,
      stream: { storage: kind, maxBytes: 512 * 1024 * 1024 },
    });
    const ways: readonly (readonly [string, Way])[] = [
      ["logger to processor, flushIntervalMs 5", logged(storage, 5)],
      ["logger to processor, flushIntervalMs 0", logged(storage, 0)],
      ["publish to subscribe, not stored", core],
      ["js.publish to a durable consumer", bare(storage)],
    ];
    const title = `From the logger to the handler, stream in ${kind}`;
    // Else the tail of the first question is that of the compiler.
    for (const way of [logged(storage, 0), core, bare(storage)]) await oneAtATime(way);
    const loads = [["one at a time", oneAtATime], ["10,000 a second", atARate]] as const;
    for (const [load, measure] of loads) {
      const took: number[][] = [];
      for (const [, way] of ways) took.push(await measure(way));
      const rows = timesRows(ways.map(([name]) => name), took);
      print({ title: `${title}, ${load}`, runtime: runtimeName(), rows, notes: [] });
    }
    await storage.close();
  }
} finally {
  await connection.close();
  await server.stop();
}
