/** Results in a KV bucket of NATS JetStream. */

import { isJobEventError } from "../errors.ts";
import { encodeSubjectToken } from "../event/token.ts";
import { MAX_EVENT_BYTES } from "../event/limits.ts";
import type { NatsConnectionLike } from "../nats/connection.ts";
import { checkHealth } from "../nats/health.ts";
import { readHistory } from "../nats/history.ts";
import { ConnectionLink } from "../nats/link.ts";
import type { StreamMessage } from "../nats/message.ts";
import type { ReadContext } from "../nats/patience.ts";
import { ReplyInbox } from "../nats/replies.ts";
import { checkWhole } from "../storage/filter.ts";
import type { StorageHealth } from "../storage/storage.ts";
import {
  dropMessage,
  getKey,
  isMarker,
  openResultBucket,
  putKey,
  type ResultBucketOptions,
  tokenOf,
} from "./nats_bucket.ts";
import { ResultWatch } from "./nats_watch.ts";
import { compileResultFilter, compileResultQuery } from "./query.ts";
import {
  assertFits,
  checkTtl,
  DEFAULT_TTL_MS,
  readRecord,
  type ResultBounds,
  toRecord,
} from "./record.ts";
import type {
  DeleteResultOptions,
  SetResultOptions,
  TaskResult,
  TaskResultFilter,
  TaskResultQuery,
  TaskResultStorage,
  WaitForResultOptions,
} from "./results.ts";
import { Turns } from "./turns.ts";
import { checkWait, closedStore, waitForResult } from "./waiting.ts";

/** Options of {@linkcode NatsTaskResultStorage.open}. */
export interface NatsTaskResultStorageOptions extends ResultBucketOptions {
  /** How long a result is kept that says nothing of it, in milliseconds; `Infinity` for ever.
   * @default 86400000, a day */
  readonly defaultTtlMs?: number;
  /** The largest encoded result, in bytes. The server's `max_payload` bounds it, too, with some
   * room for headers. @default 1048576 */
  readonly maxResultBytes?: number;
  /** How often expired results are looked for while results are stored, on servers that do not
   * remove them by themselves, in milliseconds. @default 60000 */
  readonly cleanupIntervalMs?: number;
  /** How long calls go on trying while the server does not answer, in milliseconds.
   * @default 15000 */
  readonly patienceMs?: number;
  /** Whether `close()` closes the connection, too. @default false */
  readonly closeConnection?: boolean;
}

/** More than all headers take. */
const HEADER_ROOM_BYTES = 512;
/** How many requests are under way at the same time. */
const MAX_IN_FLIGHT = 256;
/** A cleanup takes at most this part of a writer's time. */
const CLEANUP_SHARE = 0.05;

/**
 * Keeps results in a KV bucket of NATS JetStream, from server 2.9 on. The key is the task's id as a
 * subject token, the value a MessagePack map; other clients of KV can read both.
 *
 * From server 2.11 on the server itself removes what has expired. Older ones are helped: while
 * results are stored, those that have expired are looked for now and then, and removed.
 *
 * All who wait in a process share one watch, which gets every result that is stored; waiting costs
 * no requests beyond a first look. It goes on after a lost connection and a restart of the server.
 * What keeps a program running is the connection, until it is closed, and not the store.
 *
 * @example
 * ```ts ignore
 * import { connect } from "@naq/events/connect";
 * import { NatsTaskResultStorage } from "@naq/events/results";
 *
 * const connection = await connect({ servers: "nats://localhost:4222" });
 * const results = await NatsTaskResultStorage.open(connection);
 * await results.set({ id: "task-1", state: "completed", value: 42 });
 * const result = await results.wait("task-1", { timeoutMs: 10_000 });
 * await results.close();
 * await connection.close();
 * ```
 */
export class NatsTaskResultStorage implements TaskResultStorage {
  readonly #context: ReadContext;
  readonly #bounds: ResultBounds;
  readonly #watch: ResultWatch;
  readonly #turns = new Turns(MAX_IN_FLIGHT);
  readonly #cleanupIntervalMs: number;
  readonly #closesConnection: boolean;
  readonly #end = new AbortController();
  #nextCleanup: number;
  #cleaning: Promise<number> | undefined;
  #closing: Promise<void> | undefined;

  private constructor(context: ReadContext, options: NatsTaskResultStorageOptions) {
    const { cleanupIntervalMs = 60_000, closeConnection = false } = options;
    this.#context = context;
    this.#bounds = {
      defaultTtlMs: options.defaultTtlMs ?? DEFAULT_TTL_MS,
      maxResultBytes: options.maxResultBytes ?? MAX_EVENT_BYTES,
    };
    this.#cleanupIntervalMs = cleanupIntervalMs;
    this.#closesConnection = closeConnection;
    this.#nextCleanup = Date.now() + cleanupIntervalMs;
    this.#watch = new ResultWatch(context, (message, listeners) => {
      const token = tokenOf(context, message);
      if (!listeners.has(token)) return;
      const result = resultOf(message);
      if (result !== undefined) listeners.give(token, result);
    });
  }

  /**
   * Opens the bucket, and makes it where it does not exist.
   *
   * @param connection An open connection.
   * @param options Names, bounds and settings.
   * @throws {TypeError} The bucket's name cannot be used.
   * @throws {RangeError} A number is out of range.
   * @throws {JobEventError} `ERR_STREAM_CONFIG`: the bucket is another one, or the server refuses
   * its settings. `ERR_PERMISSION`: the user may not. `ERR_UNSUPPORTED`: there is no JetStream.
   * `ERR_UNAVAILABLE` or `ERR_TIMEOUT`: no answer. Each message says what to change.
   */
  static async open(
    connection: NatsConnectionLike,
    options: NatsTaskResultStorageOptions = {},
  ): Promise<NatsTaskResultStorage> {
    const { defaultTtlMs, patienceMs = 15_000 } = options;
    if (defaultTtlMs !== undefined) checkTtl("defaultTtlMs", defaultTtlMs);
    for (
      const name of ["maxResultBytes", "cleanupIntervalMs", "timeoutMs", "patienceMs"] as const
    ) {
      if (options[name] !== undefined) checkWhole(name, options[name], 1);
    }
    const stream = await openResultBucket(connection, options);
    const link = new ConnectionLink(connection);
    const context = { stream, link, inbox: new ReplyInbox(link), patienceMs };
    return new NatsTaskResultStorage(context, options);
  }

  /** The name of the bucket's stream. */
  get streamName(): string {
    return this.#context.stream.name;
  }

  /** Stores a result in place of the one that the task may have, and waits until it is stored. */
  async set(result: TaskResult, options: SetResultOptions = {}): Promise<void> {
    this.#assertOpen("store a result");
    const { token, payload, expiresAt } = toRecord(result, options, this.#bounds);
    const maxPayload = this.#context.link.connection.info?.max_payload ?? Infinity;
    const room = maxPayload - HEADER_ROOM_BYTES;
    assertFits(result.id, payload.length, room, "the server's max_payload, less its headers");
    await this.#attempt(
      "store a result",
      () =>
        this.#turns.take(() =>
          putKey({ context: this.#context, token }, payload, expiresAt - Date.now())
        ),
    );
    this.#helpServer();
  }

  /** The result of a task, or `null` while there is none. */
  async get(id: string): Promise<TaskResult | null> {
    this.#assertOpen("read a result");
    const token = encodeSubjectToken(id);
    return await this.#attempt("read a result", () => this.#look(token));
  }

  /** The results of those of the tasks that have one, by their ids. */
  async getMany(ids: readonly string[]): Promise<Map<string, TaskResult>> {
    this.#assertOpen("read results");
    const found = new Map<string, TaskResult>();
    const entries = [...new Set(ids)].map((id) => [id, encodeSubjectToken(id)] as const);
    await this.#attempt("read results", () =>
      Promise.all(entries.map(async ([id, token]) => {
        const result = await this.#look(token);
        if (result !== null) found.set(id, result);
      })));
    return found;
  }

  /** The result of a task, as soon as there is one; `null` when the time is up. */
  async wait(id: string, options: WaitForResultOptions = {}): Promise<TaskResult | null> {
    this.#assertOpen("wait for a result");
    checkWait(options);
    const token = encodeSubjectToken(id);
    const source = {
      listen: this.#watch.listen.bind(this.#watch),
      forget: this.#watch.forget.bind(this.#watch),
      look: (isWanted: () => boolean) => this.#look(token, isWanted),
    };
    return await this.#attempt(
      "wait for a result",
      () => waitForResult(source, token, options),
    );
  }

  /** Forgets a result. Gives whether there was one. */
  async delete(id: string, { onlyIf }: DeleteResultOptions = {}): Promise<boolean> {
    this.#assertOpen("delete a result");
    const token = encodeSubjectToken(id);
    return await this.#attempt("delete a result", async () => {
      const message = await getKey({ context: this.#context, token });
      if (message === undefined) return false;
      if (onlyIf !== undefined && !await onlyIf()) return false;
      const wasThere = resultOf(message) !== undefined;
      return await dropMessage(this.#context, message.sequence) && wasThere;
    });
  }

  /** The results of a query, which are read in pages. */
  async list(query: TaskResultQuery = {}): Promise<TaskResult[]> {
    this.#assertOpen("list results");
    const { order, wanted, take, results } = compileResultQuery(query);
    if (wanted === 0) return results;
    for await (const message of this.#messages("list results", order, wanted)) {
      const result = resultOf(message);
      if (result !== undefined && !take(result)) break;
    }
    return results;
  }

  /** The number of results of a filter. They are read for it: some may have expired. */
  async count(filter: TaskResultFilter = {}): Promise<number> {
    this.#assertOpen("count results");
    const test = compileResultFilter(filter);
    let count = 0;
    for await (const message of this.#messages("count results", "oldest", Infinity)) {
      const result = resultOf(message);
      if (result !== undefined && test(result)) count++;
    }
    return count;
  }

  /** Frees what expired results take. Gives how many there were. */
  async cleanupExpired(): Promise<number> {
    this.#assertOpen("clean up results");
    this.#cleaning ??= this.#cleanUp().finally(() => this.#cleaning = undefined);
    return await this.#cleaning;
  }

  /** The state of the bucket. Never throws, and ends within its time. */
  async healthCheck(options: { readonly timeoutMs?: number } = {}): Promise<StorageHealth> {
    const closed = this.#closing === undefined ? undefined : "The result storage is closed";
    return await checkHealth(this.#context.stream, options.timeoutMs ?? 5000, closed);
  }

  /** Ends the waits and frees what they hold on the server. The connection stays open, unless
   * `closeConnection` says otherwise. Idempotent. */
  close(): Promise<void> {
    this.#closing ??= this.#close();
    return this.#closing;
  }

  /** Closes the store. */
  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  async #close(): Promise<void> {
    const { inbox, link } = this.#context;
    this.#end.abort();
    await this.#watch.close(closedStore("wait for a result"));
    await this.#cleaning?.catch(() => {});
    inbox.close();
    link.close();
    if (this.#closesConnection) await link.connection.close();
  }

  async #look(token: string, isWanted = (): boolean => true): Promise<TaskResult | null> {
    const message = await this.#turns.take(async () =>
      isWanted() ? await getKey({ context: this.#context, token }) : undefined
    );
    return message === undefined ? null : resultOf(message) ?? null;
  }

  async *#messages(
    action: string,
    order: "oldest" | "newest",
    wanted: number,
  ): AsyncGenerator<StreamMessage, void> {
    const patterns = [this.#context.stream.subjects.all()];
    const { signal } = this.#end;
    const options = { patterns, afterSequence: 0, order, wanted, signal };
    for await (const page of readHistory(this.#context, options)) {
      // Ending quietly here would make a part look like the whole.
      this.#assertOpen(action);
      yield* page;
    }
    this.#assertOpen(action);
  }

  /** Removes each expired result by its position, so that one that was stored since stays. */
  async #cleanUp(): Promise<number> {
    let count = 0;
    for await (const message of this.#messages("clean up results", "oldest", Infinity)) {
      if (isMarker(message) || !hasExpired(message)) continue;
      if (await dropMessage(this.#context, message.sequence)) count++;
    }
    return count;
  }

  /** Looks for expired results where the server does not. Nobody waits for it. */
  #helpServer(): void {
    const { messageTtl } = this.#context.stream.capabilities;
    if (messageTtl || this.#cleaning !== undefined || Date.now() < this.#nextCleanup) return;
    const begin = Date.now();
    // The next call that stores a result tries again.
    this.cleanupExpired().catch(() => {}).finally(() => {
      const pauseMs = Math.max(this.#cleanupIntervalMs, (Date.now() - begin) / CLEANUP_SHARE);
      this.#nextCleanup = Date.now() + pauseMs;
    });
  }

  /** What fails since the store is closed meanwhile says so. */
  async #attempt<Value>(action: string, call: () => Promise<Value>): Promise<Value> {
    try {
      return await call();
    } catch (error) {
      this.#assertOpen(action);
      throw error;
    }
  }

  #assertOpen(action: string): void {
    if (this.#closing !== undefined) throw closedStore(action);
  }
}

/** The result of a message, unless it has expired, is none or was deleted. */
function resultOf(message: StreamMessage): TaskResult | undefined {
  if (isMarker(message)) return undefined;
  try {
    return readRecord(message.payload);
  } catch (error) {
    // What another program put there is no result.
    if (isJobEventError(error) && error.code === "ERR_DECODE") return undefined;
    throw error;
  }
}

function hasExpired({ payload }: StreamMessage): boolean {
  try {
    return readRecord(payload) === undefined;
  } catch {
    return false;
  }
}
