/**
 * The part of a NATS connection that this package uses, as a structure: the connection may come
 * from another copy of nats-core than ours, and from any transport.
 */

/** Headers of a message, as nats-core makes them. */
export interface NatsHeadersLike {
  /** The first value of a header, or "". */
  get(name: string): string;
  /** Sets a header. */
  set(name: string, value: string): void;
  /** Whether a header is there. */
  has(name: string): boolean;
  /** The status of a message that has one: 503 for no responders. */
  readonly code: number;
  /** What the status says. */
  readonly description: string;
}

/** A message that came. */
export interface NatsMessageLike {
  /** The subject it was published to. */
  readonly subject: string;
  /** What was published. */
  readonly data: Uint8Array;
  /** The subject that an answer goes to, if one is wanted. */
  readonly reply?: string;
  /** The headers, if it has some. */
  readonly headers?: NatsHeadersLike;
}

/** A subscription with a callback. */
export interface NatsSubscriptionLike {
  /** Ends the subscription. */
  unsubscribe(): void;
}

/** What the server says of itself. */
export interface NatsServerInfoLike {
  /** The version of the server, such as "2.14.5". */
  readonly version: string;
  /** The largest message that it accepts, in bytes. */
  readonly max_payload: number;
  /** The server's own name for itself; another one after a restart. */
  readonly server_id?: string;
  /** Whether messages may have headers. */
  readonly headers?: boolean;
  /** Whether JetStream is on. */
  readonly jetstream?: boolean;
  /** The name of the cluster that it is a member of. */
  readonly cluster?: string;
  /** The level of the JetStream API, from 2.11 on. */
  readonly api_lvl?: number;
}

/** One change of the connection's state: `disconnect`, `reconnect`, `close`, … */
export interface NatsStatusLike {
  /** Which change. */
  readonly type: string;
}

/** An open connection. */
export interface NatsConnectionLike {
  /** What the server that the connection is to says of itself. */
  readonly info?: NatsServerInfoLike | undefined;
  /**
   * Sends a message. It is lost where the connection is down, or breaks before it is sent.
   *
   * @param subject Where to.
   * @param payload What. @default nothing
   * @param options `reply`: where an answer goes to; `headers`: what goes with it.
   */
  publish(
    subject: string,
    payload?: Uint8Array,
    options?: { readonly reply?: string; readonly headers?: NatsHeadersLike },
  ): void;
  /**
   * Subscribes to a subject, until {@linkcode NatsSubscriptionLike.unsubscribe} is called.
   *
   * @param subject The subject, or a pattern with `*` and `>`.
   * @param options `callback`: is called with each message, and with the error when the server
   * refuses the subscription.
   */
  subscribe(
    subject: string,
    options?: {
      readonly callback?: (error: Error | null, message: NatsMessageLike) => void;
    },
  ): NatsSubscriptionLike;
  /**
   * Sends a message and waits for one answer.
   *
   * @param subject Where to.
   * @param payload What. @default nothing
   * @param options `timeout`: how long to wait, in milliseconds; `headers`: what goes with it.
   */
  request(
    subject: string,
    payload?: Uint8Array,
    options?: { readonly timeout: number; readonly headers?: NatsHeadersLike },
  ): Promise<NatsMessageLike>;
  /** Waits until the server has seen everything that was sent. */
  flush(): Promise<void>;
  /** Changes of the connection's state. */
  status(): AsyncIterable<NatsStatusLike>;
  /** Resolves when the connection is closed for good; with the error, if there was one. */
  closed(): Promise<void | Error>;
  /** Closes the connection for good. Later calls do nothing. */
  close(): Promise<void>;
  /** Whether it is closed for good. */
  isClosed(): boolean;
  /** Whether it is about to be closed, and takes no new subscriptions. */
  isDraining(): boolean;
  /** The time of one round trip, in milliseconds. */
  rtt(): Promise<number>;
  /** `host:port` of the server. */
  getServer(): string;
}
