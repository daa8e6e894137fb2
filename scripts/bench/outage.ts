/**
 * Does a server that is down make logging slower, or the process larger?
 *
 * Method: two nats-servers on the same machine, one of which is killed. Rounds of calls, each
 * timed by itself, take turns on both: what is logged for the dead one fills the buffer and pushes
 * out the oldest events. Of these, one logger makes a line on the console now and then, the other
 * hands each to an `onDrop` that does nothing. The table has the mean of a call; the lines below it
 * have quantiles, the process's memory after each further million events, and what of it is held
 * after a collection: the rest is the collector's to reuse.
 */

import { connect, type NatsConnection } from "@nats-io/transport-node";
import { JobEventLogger } from "../../src/logger/logger.ts";
import { NatsJobEventPublisher } from "../../src/nats/publisher.ts";
import { openEventStream } from "../../src/nats/stream.ts";
import { startNatsServer } from "../nats_server.ts";
import { heldBytes, mebibytes, residentBytes } from "./heap.ts";
import { completedEvents, SAMPLES } from "./samples.ts";
import { bench, type Contender } from "./timing.ts";

const CALLS_A_TURN = 1000;
const MORE_EVENTS = 1_000_000;
const MORE_ROUNDS = 3;

const servers = [await startNatsServer(), await startNatsServer()] as const;
const connections = await Promise.all(
  servers.map(({ url }) => connect({ servers: url, maxReconnectAttempts: -1 })),
);
await openEventStream(connections[0]!, {
  stream: { storage: "memory", maxMsgs: 1_000_000, maxBytes: 512 * 1024 * 1024 },
});
const events = completedEvents();

function logger(connection: NatsConnection, onDrop?: () => void): JobEventLogger {
  const options = { batchSize: 1000, onError: () => {} };
  const sink = new NatsJobEventPublisher(connection);
  return new JobEventLogger(sink, onDrop === undefined ? options : { ...options, onDrop });
}

const up = logger(connections[0]!);
const down = logger(connections[1]!);
const told = logger(connections[1]!, () => {});
await servers[1].kill("SIGKILL");

const costs: Record<"up" | "down" | "told", number[]> = { up: [], down: [], told: [] };

async function calls(logger: JobEventLogger, count: number, kept: number[]): Promise<number> {
  let elapsedMs = 0;
  for (let index = 0; index < count; index++) {
    const started = performance.now();
    logger.logEvent(events[index % SAMPLES]!);
    const costMs = performance.now() - started;
    elapsedMs += costMs;
    kept.push(costMs * 1000);
    if (index % CALLS_A_TURN === 0) await new Promise((resolve) => setTimeout(resolve));
  }
  return elapsedMs * 1e6;
}

function quantiles(kept: number[]): string {
  const sorted = Float64Array.from(kept).sort();
  const at = (part: number): string => sorted[Math.floor(sorted.length * part)]!.toFixed(1);
  return `p50 ${at(0.5)} µs, p99.9 ${at(0.999)} µs of ${sorted.length.toLocaleString("en")} calls`;
}

/** What waits from the last round must not cost this one. */
const whenUp: Contender["round"] = async (count) => {
  await up.flush({ timeoutMs: 60_000 });
  return await calls(up, count, costs.up);
};
const whenDown: Contender["round"] = (count) => calls(down, count, costs.down);
const whenTold: Contender["round"] = (count) => calls(told, count, costs.told);

try {
  await bench({
    title: "logEvent while the server is up, and while it is down",
    rounds: 15,
    roundMs: 20,
    contenders: [
      { name: "logEvent, server down", round: whenDown },
      { name: "logEvent, server down, with onDrop", round: whenTold },
      { name: "logEvent, server up", round: whenUp },
    ],
    notes: async () => {
      const notes = [
        `up:          ${quantiles(costs.up)}`,
        `down:        ${quantiles(costs.down)}`,
        `with onDrop: ${quantiles(costs.told)}`,
      ];
      const size = (): string => `${mebibytes(residentBytes(), 0)} (${mebibytes(heldBytes())})`;
      const begin = size();
      const sizes: string[] = [];
      for (let round = 0; round < MORE_ROUNDS; round++) {
        for (let left = MORE_EVENTS; left > 0; left -= 100_000) await calls(down, 100_000, []);
        sizes.push(size());
      }
      const { buffered } = down.stats();
      notes.push(
        `the process (held of it): ${begin}, after each further million events ${sizes.join(", ")}`,
      );
      notes.push(`${buffered.toLocaleString("en")} events wait, the others were counted as lost`);
      return notes;
    },
  });
} finally {
  await Promise.all([up, down, told].map((logger) => logger.stop({ timeoutMs: 100 })));
  await Promise.all(connections.map((connection) => connection.close()));
  await Promise.all(servers.map((server) => server.stop()));
}
