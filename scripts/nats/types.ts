/** What callers of the server scripts see. */

import type { NatsServerVersion } from "./find.ts";

/** What servers on their own and members of a cluster have in common. */
export interface NatsCommonOptions {
  /** @default "current" */
  readonly version?: NatsServerVersion;
  /** Listen for WebSocket connections, too. @default false */
  readonly websocket?: boolean;
  /** Demand TLS from clients, with a certificate made for this run. @default false */
  readonly tls?: boolean;
  /** @default true */
  readonly jetStream?: boolean;
  /** The largest message. @default 1 MiB, by the server */
  readonly maxPayloadBytes?: number;
  /** @default a share of the disk, by the server */
  readonly maxFileStoreBytes?: number;
  /** @default a share of the memory, by the server */
  readonly maxMemoryStoreBytes?: number;
  /** How often stores are synced to disk, such as `always`; from server 2.10 on. */
  readonly syncInterval?: string;
  /** The inside of an `authorization { … }` block, such as `token: "secret"`. */
  readonly authorization?: string;
  /** The inside of an `accounts { … }` block; an account states `jetstream: enabled` itself. */
  readonly accounts?: string;
  /** More lines for the configuration file. */
  readonly config?: string;
}

export interface NatsServerOptions extends NatsCommonOptions {
  /** @default a free port */
  readonly port?: number;
  /** Implies `websocket`. @default a free port */
  readonly websocketPort?: number;
  /** @default a free port */
  readonly monitorPort?: number;
  /** @default "naq-test" */
  readonly serverName?: string;
  /** A directory to keep; the default one is removed at the end. */
  readonly storeDir?: string;
}

export interface NatsServer extends AsyncDisposable {
  /** `nats://…`, or `tls://…` with TLS. */
  readonly url: string;
  /** `ws://…`, where WebSocket was asked for. */
  readonly wsUrl?: string;
  /** `http://…`, where the server answers questions about itself. */
  readonly monitorUrl: string;
  /** The authority that signed the server's certificate, in PEM. */
  readonly tlsCa?: string;
  readonly tlsCaFile?: string;
  readonly name: string;
  readonly port: number;
  readonly version: string;
  /** The process that runs, or the last one that did. */
  readonly pid: number;
  readonly running: boolean;
  readonly storeDir: string;
  /** Everything the server has logged, over its restarts. */
  logs(): string;
  /** Asks the monitoring endpoint, for instance `/connz` or `/jsz?consumers=1`. */
  monitor(path: string): Promise<unknown>;
  /** Ends the server and waits for its end; ports and store stay as they are for `restart`. */
  kill(signal?: "SIGKILL" | "SIGTERM"): Promise<void>;
  /**
   * Starts it again on the same ports and the same store, ending it first where it runs. A member
   * of a cluster is not waited for beyond its open ports: see `NatsCluster.ready`.
   */
  restart(): Promise<void>;
  /** Freezes the process with its connections open, as a server that hangs; waits until it does. */
  pause(): Promise<void>;
  resume(): void;
  /** Ends the server in good order and removes what it left. Later calls do nothing. */
  stop(): Promise<void>;
}

export interface NatsClusterOptions extends NatsCommonOptions {
  /** @default 3 */
  readonly size?: number;
  /** The members' client ports. @default free ports */
  readonly ports?: readonly number[];
  /** Implies `websocket`. @default free ports */
  readonly websocketPorts?: readonly number[];
  /** A directory to keep, with one directory a member in it. */
  readonly storeDir?: string;
}

export interface NatsCluster extends AsyncDisposable {
  /** The members, named n1, n2, … */
  readonly servers: readonly NatsServer[];
  readonly urls: readonly string[];
  readonly wsUrls: readonly string[];
  readonly tlsCa?: string;
  readonly version: string;
  /** Waits until every running member is healthy and they agree on a JetStream leader. */
  ready(): Promise<void>;
  /** The member that leads JetStream as a whole. */
  metaLeader(): Promise<NatsServer>;
  /** The member that leads a stream; waits while one is being elected. */
  streamLeader(stream: string): Promise<NatsServer>;
  /** Kills the member that leads a stream, and gives it for a later `restart`. */
  killStreamLeader(stream: string): Promise<NatsServer>;
  stop(): Promise<void>;
}
