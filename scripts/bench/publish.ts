/**
 * How many acknowledged events a second does the publisher store in JetStream?
 *
 * Method: one nats-server on the same machine, with one stream in memory, so that the disk does not
 * decide. One operation is one event of about 165 bytes, already encoded, under a new id. The
 * publisher has four appends under way at a time. The peers use the same connection: `js.publish`
 * one by one, a thousand of them at a time, and, as the ceiling, a publish that nobody acknowledges
 * to a subject that no stream takes, with a flush at the end of each round. Where Go is installed,
 * the official Go client stores messages of that size with ids by `PublishAsync`, with a thousand
 * under way, which is what `nats bench js pub async` does.
 *
 * The notes say what the processes of the server and of the client used of the CPU for a message,
 * on Linux: where the server's is more, the server is the limit.
 */

import { jetstream } from "@nats-io/jetstream";
import { connect } from "@nats-io/transport-node";
import { readFileSync } from "node:fs";
import process from "node:process";
import { NatsJobEventPublisher } from "../../src/nats/publisher.ts";
import { openEventStream } from "../../src/nats/stream.ts";
import { startNatsServer } from "../nats_server.ts";
import { appendIn, Records } from "./appends.ts";
import { buildGoPeer, startGoPeer } from "./go_peer.ts";
import { bench, type Contender } from "./timing.ts";

/** Linux counts the CPU of a process in hundredths of a second. */
const TICK_US = 10_000;
const ACCOUNTED = 50_000;

const goBinary = await buildGoPeer();
const server = await startNatsServer();
const connection = await connect({ servers: server.url });
const stream = await openEventStream(connection, {
  stream: { storage: "memory", maxMsgs: 1_000_000, maxBytes: 512 * 1024 * 1024 },
});
const client = jetstream(connection);
const pipelined = new NatsJobEventPublisher(connection, { ordering: "pipelined" });
const ordered = new NatsJobEventPublisher(connection, { ordering: "job" });
const records = new Records(stream.subjects);
const { subject, payload } = records.next();
const goArguments = ["-url", server.url, "-subject", subject, "-size", String(payload.length)];
const go = goBinary === undefined ? undefined : startGoPeer(goBinary, goArguments);

async function publish(): Promise<void> {
  const { eventId, subject, payload } = records.next();
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
    connection.publish("bench.unacknowledged", records.next().payload);
  }
  await connection.flush();
  return (performance.now() - started) * 1e6;
}

/** What a process has used of the CPU, in µs; NaN where that cannot be read. */
function cpuUs(pid: number | undefined): number {
  try {
    const fields = readFileSync(`/proc/${pid}/stat`, "utf8").split(") ")[1]!.split(" ");
    return (Number(fields[11]) + Number(fields[12])) * TICK_US;
  } catch {
    return NaN;
  }
}

async function account({ name, round }: Contender): Promise<string> {
  const pids = [server.pid, round === go?.round ? go.pid : process.pid];
  const before = pids.map(cpuUs);
  await round(ACCOUNTED);
  const [its, own] = pids.map((pid, at) => ((cpuUs(pid) - before[at]!) / ACCOUNTED).toFixed(1));
  return `CPU for a message, ${name}: server ${its} µs, client ${own} µs`;
}

const contenders: Contender[] = [
  { name: "publisher, batches of 100", round: appendIn(pipelined, records, 100, 4) },
  { name: "publisher, batches of 1,000", round: appendIn(pipelined, records, 1000, 4) },
  { name: 'publisher, 1,000, ordering "job"', round: appendIn(ordered, records, 1000, 4) },
  ...(go ? [{ name: "Go client, PublishAsync, 1,000", round: go.round }] : []),
  { name: "js.publish, 1,000 at a time", round: publishTogether },
  { name: "publish without acknowledgement", round: publishUnacknowledged },
  { name: "js.publish, one by one", round: publishOneByOne },
];

try {
  await bench({
    title: "Store events through JetStream, on a server with one stream in memory",
    rounds: 9,
    roundMs: 300,
    contenders,
    notes: async () => {
      const notes: string[] = [];
      for (const contender of contenders.slice(0, -1)) notes.push(await account(contender));
      return notes;
    },
  });
} finally {
  go?.stop();
  await Promise.all([pipelined.close(), ordered.close()]);
  await connection.close();
  await server.stop();
}
