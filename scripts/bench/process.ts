/**
 * How many events a second go through a named processor, and how long is an event on its way?
 *
 * Method: a storage with 5,000 events, which new groups take from its beginning; one operation is
 * one event, delivered, handled and acknowledged. The handler is empty. The peer is a bare loop
 * over `consumeEvents` that acknowledges each event before it takes the next. The way of an event
 * begins with `logEvent`, with `flushIntervalMs: 5`, and ends in the handler of a named processor:
 * 1,000 events, one every two milliseconds or so.
 *
 * On NATS, with a stream in memory on a server on the same machine, the peer is a durable consumer
 * of nats.js, whose messages are decoded and acknowledged.
 */

import { jetstream, jetstreamManager } from "@nats-io/jetstream";
import { connect, type NatsConnection } from "@nats-io/transport-node";

import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { decodeJobEvent } from "../../src/gen/decode.ts";
import { JobEvent } from "../../src/gen/factories.ts";
import { JobEventLogger } from "../../src/logger/logger.ts";
import { JobEventProcessor } from "../../src/processor/processor.ts";
import { MemoryJobEventStorage } from "../../src/storage/memory.ts";
import { SqliteJobEventStorage } from "../../src/storage/sqlite.ts";
import { NatsJobEventStorage } from "../../src/storage/nats.ts";
import type { JobEventStorage } from "../../src/storage/storage.ts";
import { startNatsServer } from "../nats_server.ts";
import { completedEvents } from "./samples.ts";
import { bench, type Contender } from "./timing.ts";

const STORED = 5000;
const TIMED = 1000;

let groups = 0;

/** Does `count` operations in parts of at most {@linkcode STORED}, each with a group of its own. */
async function inGroups(
  count: number,
  part: (consumerName: string, count: number) => Promise<void>,
): Promise<number> {
  let elapsedMs = 0;
  for (let left = count; left > 0; left -= STORED) {
    const started = performance.now();
    await part(`group-${++groups}`, Math.min(left, STORED));
    elapsedMs += performance.now() - started;
  }
  return elapsedMs * 1e6;
}

async function process(
  storage: JobEventStorage,
  consumerName: string,
  concurrency: number,
  count: number,
): Promise<void> {
  let left = count;
  let done: () => void = () => {};
  const all = new Promise<void>((resolve) => done = resolve);
  await using processor = new JobEventProcessor(storage, { consumerName, concurrency });
  processor.onAny(() => {
    if (--left === 0) done();
  });
  await processor.start();
  await all;
}

async function loop(storage: JobEventStorage, consumerName: string, count: number): Promise<void> {
  let left = count;
  for await (const delivery of storage.consumeEvents({ consumerName })) {
    await delivery.ack();
    if (--left === 0) break;
  }
}

async function bare(connection: NatsConnection, name: string, count: number): Promise<void> {
  const stream = "NAQ_JOB_EVENTS";
  const { consumers } = await jetstreamManager(connection);
  await consumers.add(stream, { durable_name: name, ack_policy: "explicit" });
  const consumer = await jetstream(connection).consumers.get(stream, name);
  let left = count;
  for await (const message of await consumer.consume()) {
    decodeJobEvent(message.data);
    message.ack();
    if (--left === 0) break;
  }
  await connection.flush();
}

async function latency(storage: JobEventStorage): Promise<string[]> {
  const begun = new Map<string, number>();
  const tookMs: number[] = [];
  const options = { consumerName: "latency", from: "new" } as const;
  await using processor = new JobEventProcessor(storage, options);
  processor.onAny(({ jobId }) => void tookMs.push(performance.now() - begun.get(jobId)!));
  await processor.start();
  await using logger = new JobEventLogger(storage, { flushIntervalMs: 5 });
  for (let index = 0; index < TIMED; index++) {
    begun.set(`job-${index}`, performance.now());
    logger.logEvent(JobEvent.started(`job-${index}`, "worker-1", "async"));
    await new Promise((resolve) => setTimeout(resolve, 2));
  }
  await logger.flush();
  while (tookMs.length < TIMED) await new Promise((resolve) => setTimeout(resolve, 5));
  tookMs.sort((left, right) => left - right);
  const [p50, p99] = [0.5, 0.99].map((q) => tookMs[Math.floor(q * TIMED)]!.toFixed(2));
  return [`from logEvent to the handler: p50 ${p50} ms, p99 ${p99} ms`];
}

async function ask(
  name: string,
  storage: JobEventStorage,
  peer: readonly Contender[] = [],
): Promise<void> {
  const samples = completedEvents();
  const events = Array.from({ length: STORED }, (_, index) => samples[index % samples.length]!);
  await storage.storeEvents(events);
  await bench({
    title: `Process an event, ${name}`,
    rounds: 7,
    roundMs: 400,
    contenders: [
      ...[1, 16].map((concurrency) => ({
        name: `JobEventProcessor, concurrency ${concurrency}`,
        round: (count: number) =>
          inGroups(count, (group, part) => process(storage, group, concurrency, part)),
      })),
      {
        name: "consumeEvents and ack",
        round: (count: number) => inGroups(count, (group, part) => loop(storage, group, part)),
      },
      ...peer,
    ],
    notes: () => latency(storage),
  });
  await storage.close();
}

await ask("memory", new MemoryJobEventStorage());
const directory = mkdtempSync(join(tmpdir(), "naq-events-bench-"));
try {
  await ask("SQLite", await SqliteJobEventStorage.open(join(directory, "events.sqlite")));
} finally {
  rmSync(directory, { recursive: true, force: true });
}
const server = await startNatsServer();
const connection = await connect({ servers: server.url });
try {
  const storage = await NatsJobEventStorage.open(connection, {
    stream: { storage: "memory", maxBytes: 256 * 1024 * 1024 },
  });
  await ask("NATS", storage, [{
    name: "nats.js, a durable consumer",
    round: (count) => inGroups(count, (name, part) => bare(connection, name, part)),
  }]);
} finally {
  await connection.close();
  await server.stop();
}
