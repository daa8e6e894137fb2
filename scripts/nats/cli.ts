/** `deno task nats`: a server for development, until Ctrl-C. */

import process from "node:process";
import { parseArgs } from "node:util";
import { startNatsCluster } from "./cluster.ts";
import type { NatsServerVersion } from "./find.ts";
import { tail } from "./run.ts";
import { startNatsServer } from "./start.ts";
import type { NatsServer } from "./types.ts";

const HELP = `Starts a nats-server with JetStream for development, and stops it on Ctrl-C.

Usage: deno task nats [options]

  --port PORT          for clients                    (default: 4222)
  --ws-port PORT       for clients over WebSocket     (default: 8080)
  --version VERSION    current, floor or like 2.11.0  (default: current)
  --cluster            three servers that replicate, on PORT, PORT+1 and PORT+2
  --store DIRECTORY    keep the data there            (default: removed at the end)
  --help               this text

nats-server itself is taken from NATS_SERVER, from the PATH or from the cache, or else installed
into the cache, with Go or from Debian's package.
`;

const CLUSTER_SIZE = 3;

interface CliOptions {
  readonly port: number;
  readonly wsPort: number;
  readonly version: NatsServerVersion;
  readonly cluster: boolean;
  readonly store: string | undefined;
}

/** Runs the command; problems are printed and set the exit code. */
export async function main(args: readonly string[]): Promise<void> {
  try {
    const options = parse(args);
    if (options === undefined) return console.log(HELP);
    const servers = await start(options);
    try {
      // Whoever reads the URLs may send a signal at once, so this listens before it prints.
      const ended = untilEnd(servers);
      print(servers, options.store);
      await ended;
    } finally {
      await Promise.all(servers.map((server) => server.stop()));
    }
  } catch (error) {
    console.error((error as Error).message);
    process.exitCode = 1;
  }
}

function parse(args: readonly string[]): CliOptions | undefined {
  const { values } = parseArgs({
    args: [...args],
    options: {
      port: { type: "string", default: "4222" },
      "ws-port": { type: "string", default: "8080" },
      version: { type: "string", default: "current" },
      cluster: { type: "boolean", default: false },
      store: { type: "string" },
      help: { type: "boolean", default: false },
    },
  });
  if (values.help) return undefined;
  return {
    port: toPort("--port", values.port),
    wsPort: toPort("--ws-port", values["ws-port"]),
    // What is neither of the two names nor a version is refused where servers are looked for.
    version: values.version as NatsServerVersion,
    cluster: values.cluster,
    store: values.store,
  };
}

function toPort(name: string, text: string): number {
  const port = Number(text);
  if (Number.isInteger(port) && port >= 1 && port <= 65_535) return port;
  throw new RangeError(`Cannot use ${name} ${text}: a port is a number from 1 to 65535`);
}

async function start(options: CliOptions): Promise<readonly NatsServer[]> {
  const { port, wsPort, version } = options;
  const store = options.store === undefined ? {} : { storeDir: options.store };
  if (!options.cluster) {
    return [await startNatsServer({ version, port, websocketPort: wsPort, ...store })];
  }
  const offsets = Array.from({ length: CLUSTER_SIZE }, (_, at) => at);
  const cluster = await startNatsCluster({
    version,
    size: CLUSTER_SIZE,
    ports: offsets.map((at) => port + at),
    websocketPorts: offsets.map((at) => wsPort + at),
    ...store,
  });
  return cluster.servers;
}

function print(servers: readonly NatsServer[], store: string | undefined): void {
  const urls = (pick: (server: NatsServer) => string | undefined): string =>
    servers.map(pick).join(" ");
  console.log(`nats-server ${servers[0]?.version} is running; Ctrl-C stops it`);
  console.log(`  NATS        ${urls((server) => server.url)}`);
  console.log(`  WebSocket   ${urls((server) => server.wsUrl)}`);
  console.log(`  Monitoring  ${urls((server) => server.monitorUrl)}`);
  console.log(`  Store       ${store ?? "temporary, removed at the end"}`);
}

/** Resolves on a signal and rejects when a server ends by itself. */
function untilEnd(servers: readonly NatsServer[]): Promise<void> {
  return new Promise((resolve, reject) => {
    // Besides watching, the timer keeps this process running: neither servers nor signals do.
    const timer = setInterval(() => {
      const dead = servers.find((server) => !server.running);
      if (dead === undefined) return;
      clearInterval(timer);
      reject(new Error(`nats-server ${dead.name} has ended\n${tail(dead.logs(), 20)}`));
    }, 250);
    for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const) {
      process.once(signal, () => {
        clearInterval(timer);
        resolve();
      });
    }
  });
}
