/** Whether a connection is up right now, and who wants to know when it goes down. */

import { JobEventError } from "../errors.ts";
import type { NatsConnectionLike, NatsStatusLike } from "./connection.ts";

export { pause } from "../timer.ts";

/** The iterator of nats-core, which can be ended from outside. */
interface StoppableStatus extends AsyncIterable<NatsStatusLike> {
  stop?(): void;
}

/** How a connection is lost: for a while, or for good. */
export type Loss = "down" | "closed";

/**
 * Watches one connection. What waits for an answer of the server learns at once that it was lost
 * with the connection, and what was lost is asked for again as soon as the connection is back.
 *
 * Whoever sends has to look at {@linkcode isUp} first: a client keeps what it is given while it is
 * disconnected only until its next attempt to connect.
 */
export class ConnectionLink {
  /** The connection. */
  readonly connection: NatsConnectionLike;
  readonly #lost = new Set<(loss: Loss) => void>();
  readonly #found = new Set<() => void>();
  readonly #errors = new Set<(error: unknown) => void>();
  readonly #status: StoppableStatus;
  #up: boolean;
  #losses = 0;

  /**
   * Begins to watch.
   *
   * @param connection An open connection; it is neither opened nor closed here.
   */
  constructor(connection: NatsConnectionLike) {
    this.connection = connection;
    // While a client dials, it knows no server.
    this.#up = connection.info !== undefined;
    this.#status = connection.status();
    this.#watch().catch(() => {});
    // Held weakly: a connection may outlive any number of these.
    const reference = new WeakRef(this);
    const end = (): void => {
      const link = reference.deref();
      if (link !== undefined) link.#down("closed");
    };
    connection.closed().then(end, end);
  }

  /** Whether the connection is up. */
  get isUp(): boolean {
    // While a client dials, it knows no server: so it was before this began to watch.
    return this.#up && !this.connection.isClosed() && this.connection.info !== undefined;
  }

  /** How often the connection was lost. Who sees it change made something that may be gone. */
  get losses(): number {
    return this.#losses;
  }

  /** Calls back when the connection is lost. The returned function ends that. */
  onLost(callback: (loss: Loss) => void): () => void {
    this.#lost.add(callback);
    return () => this.#lost.delete(callback);
  }

  /** Calls back with what the server complains of. The returned function ends that. */
  onError(callback: (error: unknown) => void): () => void {
    this.#errors.add(callback);
    return () => this.#errors.delete(callback);
  }

  /**
   * Waits until the connection is up, the time is over or the signal aborts.
   *
   * @param timeoutMs The longest wait.
   */
  whenUp(timeoutMs: number, signal?: AbortSignal): Promise<void> {
    if (this.isUp || this.connection.isClosed()) return Promise.resolve();
    return new Promise((resolve) => {
      const timer = setTimeout(() => done(), timeoutMs);
      const done = (): void => {
        clearTimeout(timer);
        signal?.removeEventListener("abort", done);
        this.#found.delete(done);
        resolve();
      };
      signal?.addEventListener("abort", done);
      this.#found.add(done);
      if (signal?.aborted) done();
    });
  }

  /**
   * What a promise gives, or an error as soon as the connection is lost: a request that was under
   * way then would wait for its timeout.
   *
   * @throws {JobEventError} `ERR_UNAVAILABLE`: the connection was lost.
   */
  async unlessLost<Value>(promise: Promise<Value>): Promise<Value> {
    let stop: (() => void) | undefined;
    const lost = new Promise<never>((_, reject) => {
      stop = this.onLost(() => {
        reject(new JobEventError("ERR_UNAVAILABLE", "The connection was lost during a request"));
      });
    });
    try {
      return await Promise.race([promise, lost]);
    } finally {
      stop?.();
    }
  }

  /** Ends the watch. */
  close(): void {
    this.#status.stop?.();
    this.#wake();
  }

  async #watch(): Promise<void> {
    for await (const change of this.#status) {
      if (change.type === "disconnect") this.#down("down");
      else if (change.type === "close") this.#down("closed");
      else if (change.type === "reconnect") this.#wake();
      else if (change.type === "error") this.#complain((change as { error?: unknown }).error);
    }
  }

  #complain(error: unknown): void {
    for (const callback of [...this.#errors]) callback(error);
  }

  #down(loss: Loss): void {
    this.#up = false;
    this.#losses++;
    for (const callback of [...this.#lost]) callback(loss);
    if (this.connection.isClosed()) { for (const callback of [...this.#found]) callback(); }
  }

  #wake(): void {
    this.#up = true;
    for (const callback of [...this.#found]) callback();
  }
}
