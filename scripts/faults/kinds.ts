/** The faults, by name: what happens to the server while four programs log. */

import { connect } from "../../src/connect/mod.ts";
import { decodeJobEvent } from "../../src/gen/decode.ts";
import type { NatsConnectionLike } from "../../src/nats/connection.ts";
import { openStorage } from "../../src/open.ts";
import { type NatsServer, startNatsCluster, startNatsServer } from "../nats_server.ts";
import { startProxy } from "./proxy.ts";
import type { Fault, FaultContext, Target } from "./run.ts";

/** One kind of fault. */
export interface FaultKind {
  /** What happens, in a line. */
  readonly what: string;
  start(): Promise<Fault>;
}

const STREAM_NAME = "NAQ_JOB_EVENTS";
const RESTARTS = 20;
const PAUSE_MS = 10_000;
/** Bytes, more than the longest run stores. */
const ROOM = 512 * 1024 ** 2;

const targetOf = ({ url, wsUrl }: NatsServer): Target => ({ url, wsUrl: wsUrl! });

/** A fault of a single server. */
async function onServer(
  harm: (server: NatsServer, context: FaultContext) => Promise<void>,
): Promise<Fault> {
  const server = await startNatsServer({ websocket: true });
  return {
    target: targetOf(server),
    harm: (context) => harm(server, context),
    [Symbol.asyncDispose]: () => server.stop(),
  };
}

async function killAndRestart(server: NatsServer, context: FaultContext): Promise<void> {
  let count = 0;
  while (count < RESTARTS && !context.done.aborted) {
    await context.pause(30 + context.random() * 150);
    await server.kill("SIGKILL");
    await context.pause(context.random() * 100);
    await server.restart();
    count++;
  }
  context.log(`killed and restarted ${count} times`);
}

async function freeze(server: NatsServer, context: FaultContext): Promise<void> {
  await context.pause(500);
  await server.pause();
  await new Promise((resolve) => setTimeout(resolve, PAUSE_MS));
  server.resume();
  context.log(`frozen for ${PAUSE_MS / 1000} s`);
}

async function slowDown(server: NatsServer, context: FaultContext): Promise<void> {
  let count = 0;
  for (; count < 200 && !context.done.aborted; count++) {
    await server.pause();
    await new Promise((resolve) => setTimeout(resolve, 90));
    server.resume();
    await context.pause(10);
  }
  context.log(`stopped for 90 of 100 ms, ${count} times`);
}

async function cutConnections(): Promise<Fault> {
  const server = await startNatsServer({ websocket: true });
  const tcp = await startProxy(server.port);
  const webSocket = await startProxy(Number(new URL(server.wsUrl!).port));
  return {
    target: { url: `nats://${tcp.address}`, wsUrl: `ws://${webSocket.address}` },
    async harm({ pause, random, done, log }) {
      let count = 0;
      for (; count < 50 && !done.aborted; count++) {
        await pause(50 + random() * 200);
        tcp.cut();
        webSocket.cut();
      }
      log(`all connections cut ${count} times`);
    },
    async [Symbol.asyncDispose]() {
      await tcp[Symbol.asyncDispose]();
      await webSocket[Symbol.asyncDispose]();
      await server.stop();
    },
  };
}

/** What was published before the stream was deleted is gone with it. */
async function deleteStream(): Promise<Fault> {
  const server = await startNatsServer({ websocket: true });
  const connection = await connect({ servers: server.url });
  const seen = new Map<string, Set<number>>();
  connection.subscribe("naq.jobs.events.>", {
    callback: (_error, { data }) => {
      const { workerId = "", message } = decodeJobEvent(data);
      const indexes = seen.get(workerId) ?? new Set();
      seen.set(workerId, indexes.add(Number(message)));
    },
  });
  await connection.flush();
  const gone = new Map<string, ReadonlySet<number>>();
  return {
    target: targetOf(server),
    mayBeMissing: (producer, index) => gone.get(producer)?.has(index) ?? false,
    async harm({ pause, log }) {
      await pause(1000);
      await ask(connection, `STREAM.DELETE.${STREAM_NAME}`);
      // On the same connection, so that everything from before has come.
      for (const [producer, indexes] of seen) gone.set(producer, new Set(indexes));
      const count = [...gone.values()].reduce((sum, indexes) => sum + indexes.size, 0);
      await pause(1000);
      await using _ = await openStorage(server.url, { nats: { stream: { maxBytes: ROOM } } });
      log(`stream deleted after ${count} events, and made again a second later`);
    },
    async [Symbol.asyncDispose]() {
      await connection.close();
      await server.stop();
    },
  };
}

/** The stream refuses events until it gets more room. */
async function fillStorage(): Promise<Fault> {
  const server = await startNatsServer({ websocket: true });
  const connection = await connect({ servers: server.url });
  const nats = { stream: { maxBytes: 2 ** 20 } };
  await using _ = await openStorage(server.url, { nats });
  const change = async (settings: object): Promise<void> => {
    const { config } = await ask(connection, `STREAM.INFO.${STREAM_NAME}`);
    await ask(connection, `STREAM.UPDATE.${STREAM_NAME}`, { ...config, ...settings });
  };
  await change({ discard: "new" });
  return {
    target: targetOf(server),
    storage: { nats },
    async harm({ pause, log }) {
      await pause(5000);
      await change({ max_bytes: ROOM });
      log("the stream was full for some seconds, then got more room");
    },
    async [Symbol.asyncDispose]() {
      await connection.close();
      await server.stop();
    },
  };
}

/** Asks JetStream, and gives its answer. */
async function ask(
  connection: NatsConnectionLike,
  subject: string,
  body?: object,
): Promise<{ readonly config?: object }> {
  const payload = body && new TextEncoder().encode(JSON.stringify(body));
  const answer = await connection.request(`$JS.API.${subject}`, payload, { timeout: 5000 });
  const parsed = JSON.parse(new TextDecoder().decode(answer.data)) as { error?: object };
  if (parsed.error !== undefined) throw new Error(`${subject}: ${JSON.stringify(parsed.error)}`);
  return parsed as { readonly config?: object };
}

async function loseLeader(): Promise<Fault> {
  const cluster = await startNatsCluster({ websocket: true });
  await cluster.ready();
  return {
    target: { url: cluster.urls.join(","), wsUrl: cluster.wsUrls.join(",") },
    storage: { nats: { stream: { replicas: 3, maxBytes: ROOM / 2 } } },
    async harm({ pause, done, log }) {
      let count = 0;
      for (; count < 3 && !done.aborted; count++) {
        await pause(1000);
        const killed = await cluster.killStreamLeader(STREAM_NAME);
        await pause(2000);
        await killed.restart();
        await cluster.ready();
      }
      log(`the stream's leader was killed ${count} times`);
    },
    [Symbol.asyncDispose]: () => cluster.stop(),
  };
}

/** All faults. */
export const FAULTS: Readonly<Record<string, FaultKind>> = {
  none: { what: "nothing happens, for comparison", start: () => onServer(async () => {}) },
  kill: { what: "SIGKILL and restart, twenty times", start: () => onServer(killAndRestart) },
  freeze: { what: "SIGSTOP for ten seconds", start: () => onServer(freeze) },
  slow: { what: "the server runs one tenth of the time", start: () => onServer(slowDown) },
  cut: { what: "all connections are cut, again and again", start: cutConnections },
  delete: { what: "the stream is deleted and made again", start: deleteStream },
  full: { what: "the stream is full for some seconds", start: fillStorage },
  leader: { what: "a cluster of three loses the stream's leader", start: loseLeader },
};
