/** Starts servers: chooses ports, and other ones when somebody else was quicker. */

import { findNatsServer, type FoundServer } from "./find.ts";
import { freePorts, isFree, PortInUseError } from "./ports.ts";
import { launch, type LaunchPlan } from "./server.ts";
import { type Certificates, makeCertificates } from "./tls.ts";
import type { NatsCommonOptions, NatsServer, NatsServerOptions } from "./types.ts";

const PORT_ATTEMPTS = 5;

/** Starts a nats-server on the loopback interface and waits until it serves. */
export async function startNatsServer(options: NatsServerOptions = {}): Promise<NatsServer> {
  const prepared = await prepare(options);
  await demandFree([options.port, options.websocketPort, options.monitorPort]);
  return await withFreePorts(3, async ([port, websocketPort, monitorPort]) => {
    const websocket = options.websocket ?? options.websocketPort !== undefined;
    return await launch(toPlan(prepared, options, {
      serverName: options.serverName ?? "naq-test",
      port: options.port ?? port!,
      monitorPort: options.monitorPort ?? monitorPort!,
      websocketPort: websocket ? options.websocketPort ?? websocketPort! : undefined,
    }, options.storeDir));
  });
}

/** What all members of a cluster share. */
export interface Prepared {
  readonly found: FoundServer;
  readonly certificates: Certificates | undefined;
}

export async function prepare(options: NatsCommonOptions): Promise<Prepared> {
  return {
    found: await findNatsServer(options.version),
    certificates: options.tls === true ? await makeCertificates() : undefined,
  };
}

export function toPlan(
  prepared: Prepared,
  options: NatsCommonOptions,
  own: Pick<
    LaunchPlan["config"],
    "serverName" | "port" | "monitorPort" | "websocketPort" | "cluster"
  >,
  storeDir: string | undefined,
): LaunchPlan {
  return {
    found: prepared.found,
    certificates: prepared.certificates,
    jetStream: options.jetStream ?? true,
    storeDir,
    config: {
      ...own,
      maxPayloadBytes: options.maxPayloadBytes,
      maxFileStoreBytes: options.maxFileStoreBytes,
      maxMemoryStoreBytes: options.maxMemoryStoreBytes,
      syncInterval: options.syncInterval,
      authorization: options.authorization,
      accounts: options.accounts,
      extra: options.config,
    },
  };
}

/** Ports that the caller chose are either free or an error that names them. */
export async function demandFree(ports: readonly (number | undefined)[]): Promise<void> {
  for (const port of ports) {
    if (port === undefined || await isFree(port)) continue;
    throw new Error(`Cannot start nats-server: port ${port} is in use or not allowed`);
  }
}

/** Between the choice of a port and its use somebody else may take it, so this tries again. */
export async function withFreePorts<T>(
  count: number,
  start: (ports: readonly number[]) => Promise<T>,
): Promise<T> {
  for (let attempt = 1;; attempt++) {
    try {
      return await start(await freePorts(count));
    } catch (error) {
      if (!(error instanceof PortInUseError) || attempt === PORT_ATTEMPTS) throw error;
    }
  }
}
