/**
 * How long does a function at the edge take from the request to the acknowledged event?
 *
 * Method: workerd, with one nats-server on the same machine, reached over WebSocket, with a stream
 * in memory. One operation is one HTTP request, whose answer comes when the server has acknowledged
 * an event. "Warm" are requests to a Durable Object that keeps its connection; "cold" ones open a
 * connection and close it, with no credentials and with a JWT that has to be signed for. The peer
 * is `request()` of nats-core with a payload that is there already. A request that emits nothing
 * shows what is of HTTP and workerd. The first request to a new process of workerd, which has to
 * load the bundle of both, is the median of five.
 */

import { connect } from "../../src/connect/node.ts";
import { openEventStream } from "../../src/nats/stream.ts";
import { EMIT_ONLY, makeOperator } from "../nats/operator.ts";
import { startNatsServer } from "../nats_server.ts";
import { bundleWorker, type RunningWorker, startWorker } from "../workerd/worker.ts";
import { bench, type Contender } from "./timing.ts";

const FIRST_REQUESTS = 5;

const { code } = await bundleWorker("scripts/bench/edge/worker.ts");
const operator = makeOperator();
const servers = {
  open: await startNatsServer({ websocket: true }),
  guarded: await startNatsServer({ websocket: true, config: operator.config }),
};
for (const [server, creds] of [[servers.open], [servers.guarded, operator.creds()]] as const) {
  const connection = await connect({ servers: server.url, ...(creds && { creds }) });
  await openEventStream(connection, {
    stream: { storage: "memory", maxMsgs: 1_000_000, maxBytes: 512 * 1024 * 1024 },
  });
  await connection.close();
}

const bindings = {
  open: { NATS_URL: servers.open.wsUrl! },
  guarded: { NATS_URL: servers.guarded.wsUrl!, NATS_CREDS: operator.creds(EMIT_ONLY) },
};
const start = (name: keyof typeof bindings): Promise<RunningWorker> =>
  startWorker(code, bindings[name], { KEPT: "Kept" });

/** Milliseconds of a request. */
async function ask({ url, output }: RunningWorker, path: string): Promise<number> {
  const started = performance.now();
  const response = await fetch(new URL(path, url));
  await response.body?.cancel();
  if (!response.ok) throw new Error(`${path} answers ${response.status}: ${output()}`);
  return performance.now() - started;
}

function contender(worker: RunningWorker, name: string, path: string): Contender {
  return {
    name,
    round: async (count) => {
      let sum = 0;
      for (let index = 0; index < count; index++) sum += await ask(worker, path);
      return sum * 1e6;
    },
  };
}

function contenders(worker: RunningWorker, kind: "warm" | "cold"): Contender[] {
  return [
    contender(worker, "JobEventLogger", `/${kind}/logger`),
    contender(worker, "a request that emits nothing", "/nothing"),
    contender(worker, "bare request()", `/${kind}/bare`),
  ];
}

/** The first request to a new process. */
async function firstRequest(path: string): Promise<number> {
  const times: number[] = [];
  for (let index = 0; index < FIRST_REQUESTS; index++) {
    await using worker = await start("open");
    times.push(await ask(worker, path));
  }
  return times.sort((left, right) => left - right)[FIRST_REQUESTS >> 1]!;
}

async function notes(): Promise<string[]> {
  const [logger, bare] = [await firstRequest("/cold/logger"), await firstRequest("/cold/bare")];
  return [
    `first request to a process: ${logger.toFixed(1)} ms, bare request() ${bare.toFixed(1)} ms`,
  ];
}

try {
  await using open = await start("open");
  await using guarded = await start("guarded");
  const title = "From a request to the acknowledged event in workerd";
  await bench({ title: `${title}, warm`, contenders: contenders(open, "warm") });
  await bench({ title: `${title}, cold`, contenders: contenders(open, "cold"), notes });
  await bench({ title: `${title}, cold, with a JWT`, contenders: contenders(guarded, "cold") });
} finally {
  await Promise.all(Object.values(servers).map((server) => server.stop()));
}
