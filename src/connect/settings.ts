/** Turns options into what the client library takes, and refuses what cannot be meant. */

import {
  type Authenticator,
  type ConnectionOptions,
  nkeys,
  tokenAuthenticator,
  usernamePasswordAuthenticator,
} from "@nats-io/nats-core/internal";
import { JobEventError } from "../errors.ts";
import type { ConnectOptions } from "./options.ts";
import { type Endpoint, parseServers, type UrlLogin } from "./servers.ts";

/** Options that are known to make sense. */
export interface Settings {
  /** Which kind of transport the servers need. */
  readonly kind: "tcp" | "websocket";
  /** The servers, without secrets: for messages. */
  readonly shown: string;
  /** Whether credentials of any kind are given. */
  readonly hasCredentials: boolean;
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
  const authenticator = toAuthenticator(options, endpoints);
  const tls = toTls(options, endpoints);
  const timeoutMs = amount("timeoutMs", options.timeoutMs ?? 10_000, 1);
  const attempts = amount("maxReconnectAttempts", options.maxReconnectAttempts ?? -1, -1);
  return {
    kind,
    shown: endpoints.map(({ url }) => url).join(", "),
    hasCredentials: authenticator !== undefined,
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
      ...(authenticator === undefined ? {} : { authenticator }),
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

/** A refusal of a setting. The message must not have secrets. */
function refuse(message: string, cause?: unknown): never {
  throw new JobEventError("ERR_CONFIGURATION", `Cannot connect to NATS: ${message}`, { cause });
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
  if (/^[^\s.*>]+(\.[^\s.*>]+)*$/.test(inboxPrefix)) return inboxPrefix;
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

/** The one way to authenticate that is given, if any. */
function toAuthenticator(
  options: ConnectOptions,
  endpoints: readonly Endpoint[],
): Authenticator | undefined {
  const login = urlLogin(endpoints);
  const { token, user, password, nkey, creds } = options;
  const given = Object.entries({ token, user: user ?? password, nkey, creds, "a URL": login })
    .filter(([, value]) => value !== undefined)
    .map(([name]) => name);
  if (given.length > 1) {
    refuse(`credentials are given in several ways (${given.join(", ")}): use one of them`);
  }
  if (login?.password !== undefined) {
    return usernamePasswordAuthenticator(login.user, login.password);
  }
  if (login !== undefined) return tokenAuthenticator(login.user);
  if (token !== undefined) return tokenAuthenticator(token);
  if (user !== undefined || password !== undefined) {
    if (user === undefined) refuse("password is given without user");
    if (password === undefined) refuse("user is given without password");
    return usernamePasswordAuthenticator(user, password);
  }
  if (nkey !== undefined) return keyAuthenticator(nkey.trim());
  return creds === undefined ? undefined : credsAuthenticator(creds);
}

type KeyPair = ReturnType<typeof nkeys.fromSeed>;

const encoder = new TextEncoder();

function keyAuthenticator(seed: string): Authenticator {
  const hint = "nkey is not the seed of a user, which begins with SU";
  if (!seed.startsWith("SU")) refuse(hint);
  const pair = keyPair(seed, hint);
  const nkey = pair.getPublicKey();
  return (nonce) => ({ nkey, sig: sign(pair, nonce) });
}

function credsAuthenticator(creds: string | Uint8Array): Authenticator {
  const text = typeof creds === "string" ? creds : new TextDecoder().decode(creds);
  const jwt = /BEGIN NATS USER JWT-+\s+([\w.-]+)/.exec(text)?.[1];
  const seed = /BEGIN USER NKEY SEED-+\s+(\w+)/.exec(text)?.[1];
  const hint = "creds is not the contents of a .creds file, with a user's JWT and seed";
  if (jwt === undefined || seed === undefined) refuse(hint);
  const pair = keyPair(seed, hint);
  return (nonce) => ({ jwt, sig: sign(pair, nonce) });
}

/** Reads a seed: a bad one is to be noticed here, not amid the handshake. */
function keyPair(seed: string, hint: string): KeyPair {
  try {
    return nkeys.fromSeed(encoder.encode(seed));
  } catch {
    // The cause is left out: it might quote the secret.
    return refuse(hint);
  }
}

/**
 * Signs what the server demands to be signed, once. The library's own authenticators make the pair
 * of keys anew, which takes as long as to sign, and a function at the edge pays for each
 * millisecond.
 */
function sign(pair: KeyPair, nonce = ""): string {
  return nonce === "" ? "" : nkeys.encode(pair.sign(encoder.encode(nonce)));
}

/** What the URLs say about the user: a connection has one user, whichever server it is to. */
function urlLogin(endpoints: readonly Endpoint[]): UrlLogin | undefined {
  const logins = endpoints.flatMap(({ login }) => login === undefined ? [] : [login]);
  const [first] = logins;
  if (logins.some(({ user, password }) => user !== first?.user || password !== first.password)) {
    refuse("the URLs of several servers carry different credentials");
  }
  return first;
}
