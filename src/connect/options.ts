/** What can be said about a connection to NATS: types only. */

/** How a connection is secured. Certificates and keys are texts in PEM, not paths. */
export interface ConnectTlsOptions {
  /** The authority to trust, besides no other. @default those the runtime trusts */
  readonly ca?: string;
  /** The certificate to present, where the server asks for one; it needs `key`. */
  readonly cert?: string;
  /** The private key of `cert`. */
  readonly key?: string;
  /** Secure the connection before the server says anything; the server must be set up for it.
   * @default false */
  readonly handshakeFirst?: boolean;
}

/**
 * Where to connect to, as whom, and how persistently.
 *
 * At most one way to authenticate is given: `token`, `user` with `password`, `nkey`, `creds`, or
 * what a URL carries.
 */
export interface ConnectOptions {
  /**
   * The URL of a server, or of several of one cluster: `nats://` and `tls://` for TCP, `ws://` and
   * `wss://` for WebSocket, as `nats://host:4222`, `nats://user:password@host` or
   * `nats://token@host`. Special characters in user, password and token are percent-encoded. All
   * are of one kind: TCP or WebSocket.
   */
  readonly servers: string | readonly string[];
  /** What the server's monitoring calls this connection. @default "naq-events" */
  readonly name?: string;
  /** The token, where the server asks for one. */
  readonly token?: string;
  /** The user's name; it needs `password`. */
  readonly user?: string;
  /** The password of `user`. */
  readonly password?: string;
  /** The seed of a user's nkey: it begins with `SU`. It never leaves this process. */
  readonly nkey?: string;
  /** The contents of a `.creds` file: a user's JWT and seed. */
  readonly creds?: string | Uint8Array;
  /**
   * How TCP connections are secured. With `{}` they have to be, as with `tls://`; without it they
   * are if the server offers it. Over WebSocket the runtime decides, by `wss://`.
   */
  readonly tls?: ConnectTlsOptions;
  /** What the subjects of replies begin with, for a user that may subscribe to no others.
   * @default "_INBOX" */
  readonly inboxPrefix?: string;
  /** How long each server may take to answer, in milliseconds. @default 10000 */
  readonly timeoutMs?: number;
  /**
   * After how many failures in a row a server is given up; without a server left the connection is
   * closed for good. -1 never gives up, 0 never reconnects. The first connect tries once.
   * @default -1
   */
  readonly maxReconnectAttempts?: number;
  /** The time between two attempts to reconnect to a server, in milliseconds. @default 500 */
  readonly reconnectWaitMs?: number;
  /** A random part that is added to `reconnectWaitMs`, at the most, in milliseconds. It keeps
   * clients from coming back all at once. @default 500 */
  readonly reconnectJitterMs?: number;
  /** How often a silent server is asked for a sign of life, in milliseconds. After two without an
   * answer the connection counts as lost. @default 30000 */
  readonly pingIntervalMs?: number;
  /** Send small messages at once instead of waiting for more (TCP_NODELAY). Only Deno's own
   * transport lets it be switched off; the others always do. @default true */
  readonly noDelay?: boolean;
}
