/** The text of a nats-server's configuration file. */

/** What a configuration is made of; the text fields are put in as they are. */
export interface NatsConfig {
  readonly serverName: string;
  readonly port: number;
  readonly monitorPort: number;
  readonly pidFile: string;
  readonly websocketPort?: number | undefined;
  /** Without a directory JetStream is off. */
  readonly storeDir?: string | undefined;
  readonly maxPayloadBytes?: number | undefined;
  readonly maxFileStoreBytes?: number | undefined;
  readonly maxMemoryStoreBytes?: number | undefined;
  readonly syncInterval?: string | undefined;
  readonly tls?: { readonly certFile: string; readonly keyFile: string } | undefined;
  readonly cluster?: NatsClusterConfig | undefined;
  /** The inside of `authorization { … }`. */
  readonly authorization?: string | undefined;
  /** The inside of `accounts { … }`. */
  readonly accounts?: string | undefined;
  /** Anything else, at the top level. */
  readonly extra?: string | undefined;
}

export interface NatsClusterConfig {
  readonly name: string;
  readonly port: number;
  /** The cluster ports of all members; a server ignores the route to itself. */
  readonly routes: readonly number[];
}

/** Writes a configuration whose every listener is on the loopback interface. */
export function natsConfigText(config: NatsConfig): string {
  const { websocketPort, tls, cluster, authorization, accounts, extra } = config;
  const parts = [
    entry("server_name", config.serverName),
    entry("listen", `127.0.0.1:${config.port}`),
    entry("http", `127.0.0.1:${config.monitorPort}`),
    entry("pid_file", config.pidFile),
    entry("max_payload", config.maxPayloadBytes),
    jetStream(config),
    websocketPort === undefined
      ? ""
      : block("websocket", entry("listen", `127.0.0.1:${websocketPort}`) + "no_tls: true\n"),
    tls === undefined
      ? ""
      : block("tls", entry("cert_file", tls.certFile) + entry("key_file", tls.keyFile)),
    cluster === undefined ? "" : clusterBlock(cluster),
    authorization === undefined ? "" : block("authorization", `${authorization}\n`),
    accounts === undefined ? "" : block("accounts", `${accounts}\n`),
    extra === undefined ? "" : `${extra}\n`,
  ];
  return parts.join("");
}

function jetStream(config: NatsConfig): string {
  if (config.storeDir === undefined) return "";
  return block(
    "jetstream",
    entry("store_dir", config.storeDir) +
      entry("max_file_store", config.maxFileStoreBytes) +
      entry("max_memory_store", config.maxMemoryStoreBytes) +
      entry("sync_interval", config.syncInterval),
  );
}

function clusterBlock(cluster: NatsClusterConfig): string {
  const routes = cluster.routes.map((port) => quote(`nats-route://127.0.0.1:${port}`));
  return block(
    "cluster",
    entry("name", cluster.name) +
      entry("listen", `127.0.0.1:${cluster.port}`) +
      `routes: [${routes.join(", ")}]\n`,
  );
}

function block(name: string, inside: string): string {
  return `${name} {\n${inside}}\n`;
}

function entry(name: string, value: string | number | undefined): string {
  if (value === undefined) return "";
  return `${name}: ${typeof value === "number" ? value : quote(value)}\n`;
}

/** The configuration's quoted strings know the escapes that JSON uses for printable text. */
function quote(value: string): string {
  return JSON.stringify(value);
}
