/** Turns options into what the client library takes, and refuses what cannot be meant. */

import type { ConnectionOptions } from "@nats-io/nats-core/internal";
import { JobEventError } from "../errors.ts";
import { isPrefix } from "../event/prefix.ts";
import { toCredentials } from "./credentials.ts";
import type { ConnectOptions } from "./options.ts";
import { refuse } from "./refusal.ts";
import { type Endpoint, parseServers } from "./servers.ts";
import type { Signer } from "./signer.ts";

/** Options that are known to make sense. */
export interface Settings {
  /** Which kind of transport the servers need. */
  readonly kind: "tcp" | "websocket";
  /** The servers, without secrets: for messages. */
  readonly shown: string;
  /** Whether credentials of any kind are given. */
  readonly hasCredentials: boolean;
  /** Signs for the authenticator; can be told before what is to be signed. */
  readonly signer?: Signer;
  readonly timeoutMs: number;
  readonly noDelay: boolean;
  /** For after the first connect: see `limitReconnects`. */
  readonly maxReconnectAttempts: number;
  /** For the client library. Each connection needs its own: the library keeps the object. */
  readonly library: ConnectionOptions;
}

/**
 * Checks options and fills in the defaults.
 *
 * @throws {JobEventError} `ERR_CONFIGURATION`: a value cannot be used. Secrets are not shown.
 * @throws {RangeError} A number is out of range.
 */
export function toSettings(options: ConnectOptions): Settings {
  const endpoints = parseServers(options.servers);
  const { kind } = endpoints[0]!;
  const credentials = toCredentials(options, endpoints);
  const tls = toTls(options, endpoints);
  const timeoutMs = amount("timeoutMs", options.timeoutMs ?? 10_000, 1);
  const attempts = amount("maxReconnectAttempts", options.maxReconnectAttempts ?? -1, -1);
  return {
    kind,
    shown: endpoints.map(({ url }) => url).join(", "),
    hasCredentials: credentials !== undefined,
    ...(credentials?.signer === undefined ? {} : { signer: credentials.signer }),
    timeoutMs,
    noDelay: options.noDelay ?? true,
    maxReconnectAttempts: attempts,
    library: {
      servers: endpoints.map(({ url }) => url),
      name: options.name ?? "naq-events",
      timeout: timeoutMs,
      reconnect: attempts !== 0,
      maxReconnectAttempts: -1,
      reconnectDelayHandler: delayHandler(options),
      pingInterval: amount("pingIntervalMs", options.pingIntervalMs ?? 30_000, 1),
      ...(credentials === undefined ? {} : { authenticator: credentials.authenticator }),
      ...(tls === undefined ? {} : { tls }),
      ...(options.inboxPrefix === undefined ? {} : { inboxPrefix: toInboxPrefix(options) }),
    },
  };
}

/**
 * Refuses servers of the other kind.
 *
 * @throws {JobEventError} `ERR_CONFIGURATION`.
 */
export function demandKind({ kind, shown }: Settings, wanted: Settings["kind"]): void {
  if (kind === wanted) return;
  const remedy = wanted === "tcp"
    ? "use nats:// or tls://, or the entry point for WebSocket"
    : "use ws:// or wss://, or an entry point for TCP";
  throw new JobEventError("ERR_CONFIGURATION", `Cannot connect to ${shown}: ${remedy}`);
}

function amount(name: string, value: number, least: number): number {
  if (Number.isSafeInteger(value) && value >= least) return value;
  throw new RangeError(
    `Cannot connect to NATS: ${name} is ${value}, not a whole number from ${least}`,
  );
}

/** Given as a function, because the library adds its own random part, of a second with TLS. */
function delayHandler(options: ConnectOptions): () => number {
  const waitMs = amount("reconnectWaitMs", options.reconnectWaitMs ?? 500, 0);
  const jitterMs = amount("reconnectJitterMs", options.reconnectJitterMs ?? 500, 0);
  return () => waitMs + Math.floor(Math.random() * (jitterMs + 1));
}

function toInboxPrefix({ inboxPrefix = "" }: ConnectOptions): string {
  if (isPrefix(inboxPrefix)) return inboxPrefix;
  return refuse(
    `inboxPrefix ${JSON.stringify(inboxPrefix)} is not a subject: tokens with dots between them, ` +
      "without white space, * and >",
  );
}

type Tls = NonNullable<ConnectionOptions["tls"]>;

function toTls(options: ConnectOptions, endpoints: readonly Endpoint[]): Tls | undefined {
  const { tls } = options;
  if (endpoints[0]!.kind === "websocket") {
    if (tls === undefined) return undefined;
    return refuse("tls is not for WebSocket, where the runtime checks certificates: use wss://");
  }
  if (tls === undefined) return endpoints.some(({ secure }) => secure) ? {} : undefined;
  for (const name of ["ca", "cert", "key"] as const) {
    const value = tls[name];
    if (value !== undefined && !value.includes("-----BEGIN")) {
      refuse(`tls.${name} is not a text in PEM: give the contents of the file, not its path`);
    }
  }
  if ((tls.cert === undefined) !== (tls.key === undefined)) {
    refuse(
      `tls.${tls.cert === undefined ? "key" : "cert"} is given alone: a certificate and its ` +
        "key belong together",
    );
  }
  return { ...tls };
}
