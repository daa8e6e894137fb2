/** Several nats-servers that replicate to each other. */

import { join } from "node:path";
import { poll } from "./run.ts";
import { launch } from "./server.ts";
import { demandFree, prepare, toPlan, withFreePorts } from "./start.ts";
import type { NatsCluster, NatsClusterOptions, NatsServer } from "./types.ts";

const ELECTION_TIMEOUT_MS = 30_000;
/** Client, monitoring, WebSocket and cluster. */
const PORTS_EACH = 4;

/** The parts of `/jsz` that are read here. */
interface JetStreamReport {
  readonly meta_cluster?: { readonly leader?: string; readonly cluster_size?: number };
  readonly account_details?: readonly {
    readonly stream_detail?: readonly {
      readonly name: string;
      readonly cluster?: { readonly leader?: string };
    }[];
  }[];
}

/** Starts a cluster and waits until it has elected its JetStream leader. */
export async function startNatsCluster(options: NatsClusterOptions = {}): Promise<NatsCluster> {
  const size = options.size ?? 3;
  if (!Number.isInteger(size) || size < 1) {
    throw new RangeError(`Cannot start a cluster of ${size} servers`);
  }
  const prepared = await prepare(options);
  await demandFree([...options.ports ?? [], ...options.websocketPorts ?? []]);
  const websocket = options.websocket ?? options.websocketPorts !== undefined;

  return await withFreePorts(size * PORTS_EACH, async (ports) => {
    const routes = ports.slice(0, size);
    const plans = routes.map((clusterPort, at) => {
      const [port, monitorPort, websocketPort] = ports.slice(size + at * 3);
      const name = `n${at + 1}`;
      return toPlan(prepared, options, {
        serverName: name,
        port: options.ports?.[at] ?? port!,
        monitorPort: monitorPort!,
        websocketPort: websocket ? options.websocketPorts?.[at] ?? websocketPort! : undefined,
        cluster: { name: "naq-test", port: clusterPort, routes },
      }, options.storeDir === undefined ? undefined : join(options.storeDir, name));
    });
    const starts = await Promise.allSettled(plans.map(launch));
    const servers = starts.flatMap((start) => start.status === "fulfilled" ? [start.value] : []);
    const failed = starts.find((start) => start.status === "rejected");
    const cluster = new LocalNatsCluster(servers, options.jetStream ?? true);
    try {
      if (failed !== undefined) throw failed.reason;
      await cluster.ready();
      return cluster;
    } catch (error) {
      await cluster.stop();
      throw error;
    }
  });
}

class LocalNatsCluster implements NatsCluster {
  readonly servers: readonly NatsServer[];
  readonly tlsCa?: string;
  readonly #jetStream: boolean;

  constructor(servers: readonly NatsServer[], jetStream: boolean) {
    this.servers = servers;
    this.#jetStream = jetStream;
    const tlsCa = servers[0]?.tlsCa;
    if (tlsCa !== undefined) this.tlsCa = tlsCa;
  }

  get urls(): readonly string[] {
    return this.servers.map((server) => server.url);
  }

  get wsUrls(): readonly string[] {
    return this.servers.flatMap((server) => server.wsUrl ?? []);
  }

  get version(): string {
    return this.servers[0]?.version ?? "";
  }

  async ready(): Promise<void> {
    await this.#wait("Cluster in good health", async () => {
      const states = await Promise.all(this.#alive().map((server) => ask(server, "/healthz")));
      const healthy = states.every((state) => (state as { status?: string })?.status === "ok");
      return healthy || undefined;
    });
    if (this.#jetStream) await this.metaLeader();
  }

  /** A leader counts when every running member names it: nobody still follows a dead one. */
  metaLeader(): Promise<NatsServer> {
    return this.#wait("Election of the JetStream leader", async () => {
      const reports = await Promise.all(this.#alive().map((server) => report(server, "/jsz")));
      const metas = reports.map((each) => each?.meta_cluster);
      const leader = this.#alive().find((server) => server.name === metas[0]?.leader);
      const agreed = metas.every((meta) =>
        meta?.leader === leader?.name && meta?.cluster_size === this.servers.length
      );
      return agreed ? leader : undefined;
    });
  }

  /** Only the leader's own word counts: its followers name a dead one until the next election. */
  streamLeader(stream: string): Promise<NatsServer> {
    return this.#wait(`Election of a leader of stream ${stream}`, async () => {
      for (const server of this.#alive()) {
        const answer = await report(server, "/jsz?accounts=1&streams=1");
        const streams = answer?.account_details?.flatMap((each) => each.stream_detail ?? []) ?? [];
        const leader = streams.find((each) => each.name === stream)?.cluster?.leader;
        if (leader === server.name) return server;
      }
      return undefined;
    });
  }

  async killStreamLeader(stream: string): Promise<NatsServer> {
    const leader = await this.streamLeader(stream);
    await leader.kill();
    return leader;
  }

  async stop(): Promise<void> {
    await Promise.all(this.servers.map((server) => server.stop()));
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.stop();
  }

  #alive(): NatsServer[] {
    return this.servers.filter((server) => server.running);
  }

  #wait<T>(what: string, attempt: () => Promise<T | undefined>): Promise<T> {
    return poll(what, attempt, { timeoutMs: ELECTION_TIMEOUT_MS, intervalMs: 50 });
  }
}

/** A member that does not answer is one that is not ready, so there is nothing to report. */
async function ask(server: NatsServer, path: string): Promise<unknown> {
  return await server.monitor(path).catch(() => undefined);
}

async function report(server: NatsServer, path: string): Promise<JetStreamReport | undefined> {
  return await ask(server, path) as JetStreamReport | undefined;
}
