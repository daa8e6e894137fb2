/**
 * How long does the real load of a computing centre take, from the logger to the numbers?
 *
 * Method: the jobs of a trace in the Standard Workload Format, five events each, replayed in the
 * order in which they happened and at full speed, through one nats-server on the same machine with
 * a stream in files: the logger, the stream, a processor with a name, `JobMetrics`. The numbers at
 * the end are compared with those of the trace, one by one. The peer does what a program without
 * this package would do first: it awaits `js.publish` for each event, takes the messages from a
 * durable consumer, unpacks them with msgpackr and counts types; it gets the first events of the
 * trace only.
 *
 * The trace is named by `--trace FILE` or `NAQ_BENCH_TRACE`: for instance
 * NASA-iPSC-1993-3.1-cln.swf of the Parallel Workloads Archive, also compressed with gzip. `--peer
 * N` for how many events the peer gets.
 */

import { jetstream, jetstreamManager } from "@nats-io/jetstream";
import { connect } from "@nats-io/transport-node";
import { pack, unpack } from "msgpackr";
import { deepStrictEqual } from "node:assert/strict";
import process from "node:process";
import { parseArgs } from "node:util";
import type { JobEvent } from "../../src/gen/types.ts";
import { JobEventLogger } from "../../src/logger/logger.ts";
import { JobMetrics } from "../../src/metrics/metrics.ts";
import { JobEventProcessor } from "../../src/processor/processor.ts";
import { NatsJobEventStorage } from "../../src/storage/nats.ts";
import { startNatsServer } from "../nats_server.ts";
import { wireObject } from "./samples.ts";
import { readTrace } from "./swf.ts";
import { runtimeName, timesRows } from "./times.ts";
import { print } from "./timing.ts";

const WORKERS = 128;
const CONCURRENCY = 16;

const { values } = parseArgs({
  options: {
    trace: { type: "string", default: process.env["NAQ_BENCH_TRACE"] ?? "" },
    peer: { type: "string", default: "10000" },
    json: { type: "boolean" },
  },
});
if (values.trace === "") {
  console.error(
    "There is no trace: name a file in the Standard Workload Format with --trace FILE or " +
      "NAQ_BENCH_TRACE",
  );
  process.exit(2);
}
const events = readTrace(values.trace, WORKERS);
const peerEvents = events.slice(0, Number(values.peer));

const server = await startNatsServer();
const connection = await connect({ servers: server.url });

function open(streamName: string): Promise<NatsJobEventStorage> {
  const subjectPrefix = streamName.toLowerCase();
  const stream = { maxBytes: 1024 ** 3 };
  return NatsJobEventStorage.open(connection, { streamName, subjectPrefix, stream });
}

/** Milliseconds of a replay through this package; the numbers are right, or it throws. */
async function replay(): Promise<number> {
  await using storage = await open("REPLAY");
  const metrics = new JobMetrics();
  const { promise: all, resolve } = Promise.withResolvers<void>();
  let left = events.length;
  const started = performance.now();
  await using processor = new JobEventProcessor(storage, {
    consumerName: "metrics",
    concurrency: CONCURRENCY,
  });
  processor.onAny((event) => {
    metrics.observe(event);
    if (--left === 0) resolve();
  });
  await processor.start();
  await using logger = new JobEventLogger(storage, { overflow: "block", flushIntervalMs: 5 });
  for (const event of events) while (!logger.logEvent(event)) await logger.ready();
  await logger.flush({ timeoutMs: 60_000 });
  await all;
  const tookMs = performance.now() - started;
  deepStrictEqual(numbersOf(metrics), expectedNumbers());
  return tookMs;
}

/** What must come out, to the last job. */
interface Numbers {
  readonly events: number;
  readonly byType: Readonly<Record<string, number>>;
  readonly sumMs: number;
  readonly byWorker: Readonly<Record<string, readonly number[]>>;
  readonly byQueue: Readonly<Record<string, readonly number[]>>;
}

function numbersOf(metrics: JobMetrics): Numbers {
  const { events, byType, durations, byWorker, byQueue } = metrics.snapshot();
  const runs = (groups: typeof byWorker): Record<string, readonly number[]> =>
    sorted(
      Object.entries(groups).map(([name, { started, completed, inFlight, durations }]) =>
        [name, [started, completed, inFlight, durations.sumMs]] as const
      ),
    );
  return {
    events,
    byType: sorted(Object.entries(byType)),
    sumMs: durations.sumMs,
    byWorker: runs(byWorker),
    byQueue: runs(byQueue),
  };
}

/** The same from the events themselves, counted plainly. */
function expectedNumbers(): Numbers {
  const byType = new Map<string, number>();
  const byWorker = new Map<string, [number, number, number, number]>();
  const byQueue = new Map<string, [number, number, number, number]>();
  const queueOf = new Map<string, string>();
  let sumMs = 0;
  for (const { jobId, eventType, queueName, workerId, durationMs = 0 } of events) {
    byType.set(eventType, (byType.get(eventType) ?? 0) + 1);
    if (queueName !== undefined) queueOf.set(jobId, queueName);
    if (eventType !== "started" && eventType !== "completed") continue;
    const groups = [[byWorker, workerId!], [byQueue, queueOf.get(jobId)!]] as const;
    for (const [numbers, name] of groups) {
      const counts = numbers.get(name) ?? [0, 0, 0, 0];
      counts[eventType === "started" ? 0 : 1]++;
      counts[2] += eventType === "started" ? 1 : -1;
      counts[3] += durationMs;
      numbers.set(name, counts);
    }
    sumMs += durationMs;
  }
  return {
    events: events.length,
    byType: sorted([...byType]),
    sumMs,
    byWorker: sorted([...byWorker]),
    byQueue: sorted([...byQueue]),
  };
}

function sorted<Value>(entries: (readonly [string, Value])[]): Record<string, Value> {
  return Object.fromEntries(entries.sort(([left], [right]) => left < right ? -1 : 1));
}

/** Milliseconds of a replay as it is done first. */
async function replayPlainly(): Promise<number> {
  await using storage = await open("PLAIN");
  const started = performance.now();
  const counted = countTypes(storage.streamName, peerEvents.length);
  const client = jetstream(connection);
  for (const event of peerEvents) {
    await client.publish(subjectOf(storage, event), pack(wireObject(event)));
  }
  await counted;
  return performance.now() - started;
}

function subjectOf({ subjects }: NatsJobEventStorage, event: JobEvent): string {
  return subjects.forEvent(event);
}

async function countTypes(stream: string, count: number): Promise<void> {
  const manager = await jetstreamManager(connection);
  await manager.consumers.add(stream, { durable_name: "plain", ack_policy: "explicit" });
  const consumer = await jetstream(connection).consumers.get(stream, "plain");
  const byType = new Map<string, number>();
  let left = count;
  for await (const message of await consumer.consume()) {
    const { event_type: type } = unpack(message.data) as { event_type: string };
    byType.set(type, (byType.get(type) ?? 0) + 1);
    message.ack();
    if (--left === 0) break;
  }
}

try {
  const ours = await replay();
  const plain = await replayPlainly();
  const jobs = new Set(events.map(({ jobId }) => jobId)).size;
  const rows = timesRows(
    ["logger, NATS, processor, metrics; for an event", "js.publish, consume; for an event"],
    [[ours * 1e6 / events.length], [plain * 1e6 / peerEvents.length]],
  ).map(({ p99Ns: _, ...row }) => row);
  print({
    title: `The trace's ${jobs.toLocaleString("en")} jobs, ${
      events.length.toLocaleString("en")
    } events`,
    runtime: runtimeName(),
    rows,
    notes: [
      `all of it in ${(ours / 1000).toFixed(1)} s, every number as in the trace`,
      `the peer: ${peerEvents.length.toLocaleString("en")} events in ${
        (plain / 1000).toFixed(1)
      } s`,
    ],
  });
} finally {
  await connection.close();
  await server.stop();
}
