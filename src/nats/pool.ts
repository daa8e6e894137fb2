/** Connections that are shared: one for everyone who wants the same. */

import { JobEventError } from "../errors.ts";
import type { NatsConnectionLike, NatsStatusLike, NatsSubscriptionLike } from "./connection.ts";

/** Opens a connection, as the functions named `connect` of this package do. */
export type OpenConnection<Options> = (options: Options) => Promise<NatsConnectionLike>;

/** What options have to have so that a pool can tell connections apart. */
export interface PoolOptions {
  /** The URL of a server, or of several. */
  readonly servers?: string | readonly string[];
}

/**
 * A share in a connection. Its {@linkcode NatsConnectionLike.close | close} gives back the share,
 * with its own subscriptions, and leaves those of others alone.
 */
export interface PooledConnection extends NatsConnectionLike, AsyncDisposable {
  /** Gives the share back; the last one closes the connection. Later calls do nothing. */
  release(): Promise<void>;
}

/** One connection and how many share it. */
interface Entry {
  readonly key: string;
  readonly opening: Promise<NatsConnectionLike>;
  connection?: NatsConnectionLike;
  users: number;
}

/**
 * Shares connections among those who ask for the same servers with the same options.
 *
 * The first who asks opens the connection, the last who gives it back closes it. A connection that
 * could not be opened, or that is closed for good, is opened anew for the next who asks.
 *
 * @example
 * ```ts ignore
 * import { NatsConnectionPool } from "@naq/events";
 * import { connect } from "@naq/events/connect";
 *
 * await using pool = new NatsConnectionPool(connect);
 * const one = await pool.acquire({ servers: "nats://localhost:4222" });
 * const two = await pool.acquire({ servers: "nats://localhost:4222" });
 * await one.close(); // `two` goes on
 * await two.close(); // and this closes the connection
 * ```
 */
export class NatsConnectionPool<Options extends PoolOptions> implements AsyncDisposable {
  readonly #open: OpenConnection<Options>;
  readonly #entries = new Map<string, Entry>();
  #isClosed = false;

  /**
   * Makes an empty pool.
   *
   * @param open How a connection is opened.
   */
  constructor(open: OpenConnection<Options>) {
    this.#open = open;
  }

  /** How many connections are open or being opened. */
  get size(): number {
    return this.#entries.size;
  }

  /**
   * Takes a share in a connection, which is opened if need be.
   *
   * @param options Where to and as whom. Equal options share one connection.
   * @returns The share. Whoever takes it gives it back.
   * @throws {JobEventError} `ERR_CLOSED`: the pool is closed; else what opening throws.
   */
  async acquire(options: Options): Promise<PooledConnection> {
    if (this.#isClosed) throw closedError();
    const key = keyOf(options);
    const entry = this.#usable(key) ?? this.#enter(key, options);
    entry.users++;
    let connection: NatsConnectionLike;
    try {
      connection = await entry.opening;
    } catch (error) {
      // Before anyone hears of the failure, so that the next who asks tries anew.
      this.#forget(entry);
      throw error;
    }
    if (this.#isClosed) throw closedError();
    return share(connection, () => this.#release(entry));
  }

  /** Closes all connections, whoever shares them. Nothing can be acquired afterwards. */
  async close(): Promise<void> {
    this.#isClosed = true;
    const entries = [...this.#entries.values()];
    this.#entries.clear();
    // What could not be opened needs no closing, and who asked for it has got the error.
    await Promise.allSettled(entries.map(async ({ opening }) => (await opening).close()));
  }

  /** Closes all connections, as {@linkcode close} does. */
  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  #usable(key: string): Entry | undefined {
    const entry = this.#entries.get(key);
    const { connection } = entry ?? {};
    if (connection?.isClosed() || connection?.isDraining()) {
      this.#entries.delete(key);
      return undefined;
    }
    return entry;
  }

  #enter(key: string, options: Options): Entry {
    const entry: Entry = { key, opening: this.#open(options), users: 0 };
    this.#entries.set(key, entry);
    entry.opening.then((connection) => {
      entry.connection = connection;
      return connection.closed();
    }).catch(() => {}).finally(() => this.#forget(entry));
    return entry;
  }

  async #release(entry: Entry): Promise<void> {
    if (--entry.users > 0) return;
    this.#forget(entry);
    await entry.connection?.close();
  }

  #forget(entry: Entry): void {
    if (this.#entries.get(entry.key) === entry) this.#entries.delete(entry.key);
  }
}

function closedError(): JobEventError {
  return new JobEventError("ERR_CLOSED", "Cannot acquire a connection: the pool is closed");
}

/** A text that is the same for equal options. It has secrets: it is for the map alone. */
function keyOf(options: PoolOptions): string {
  const { servers } = options;
  return JSON.stringify({
    ...options,
    ...(typeof servers === "string" ? { servers: servers.split(",") } : {}),
  }, (_name, value: unknown) => {
    if (value instanceof Uint8Array) return { bytes: [...value] };
    if (typeof value !== "object" || value === null || Array.isArray(value)) return value;
    return Object.fromEntries(Object.entries(value).sort(([a], [b]) => a < b ? -1 : 1));
  });
}

/** The part of the client library's iterators that ends them from outside. */
interface Endable {
  push?(status: NatsStatusLike): void;
  stop?(): void;
}

/** The part of the client library's subscriptions that ends them once all that came is handled. */
interface Drainable {
  drain?(): Promise<void>;
}

/**
 * A connection that ends by itself while the one it stands for goes on. It inherits from it, so
 * that whatever takes a connection of the client library takes it too: all of the library's
 * methods look at `isClosed()` first, which is the share's.
 */
function share(connection: NatsConnectionLike, giveBack: () => Promise<void>): PooledConnection {
  const subscriptions = new Set<NatsSubscriptionLike>();
  const iterators = new Set<Endable>();
  const end = Promise.withResolvers<void>();
  let released: Promise<void> | undefined;

  const release = (): Promise<void> => {
    if (released !== undefined) return released;
    if (!connection.isClosed()) { for (const each of subscriptions) each.unsubscribe(); }
    for (const each of iterators) {
      each.push?.({ type: "close" });
      each.stop?.();
    }
    released = giveBack();
    released.catch(() => {}).finally(end.resolve);
    return released;
  };

  const own = {
    release,
    close: release,
    [Symbol.asyncDispose]: release,
    drain: async (): Promise<void> => {
      const drains = [...subscriptions].map((each) => (each as Drainable).drain?.());
      await Promise.allSettled([...drains, connection.flush()]);
      await release();
    },
    isClosed: (): boolean => released !== undefined || connection.isClosed(),
    closed: (): Promise<void | Error> => Promise.race([end.promise, connection.closed()]),
    subscribe(...args: Parameters<NatsConnectionLike["subscribe"]>): NatsSubscriptionLike {
      const subscription = connection.subscribe.apply(handle, args);
      subscriptions.add(subscription);
      const { closed } = subscription as { closed?: Promise<unknown> };
      closed?.finally(() => subscriptions.delete(subscription)).catch(() => {});
      return subscription;
    },
    status(): AsyncIterable<NatsStatusLike> {
      const changes = connection.status.call(handle);
      iterators.add(changes as Endable);
      const { iterClosed } = changes as { iterClosed?: Promise<unknown> };
      iterClosed?.finally(() => iterators.delete(changes as Endable)).catch(() => {});
      return changes;
    },
  };
  const handle = Object.assign(Object.create(connection) as NatsConnectionLike, own);
  return handle;
}
