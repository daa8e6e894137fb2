/** Opens backends. */

import type { ConnectOptions } from "../connect/options.ts";
import { isJobEventError, JobEventError, messageOf } from "../errors.ts";
import { JobEventLogger } from "../logger/logger.ts";
import type { JobEventLoggerOptions } from "../logger/options.ts";
import { NatsConnectionPool } from "../nats/pool.ts";
import {
  type Connect,
  connectByUrl,
  isNatsScheme,
  openStorageBy,
  type OpenStorageOptions,
  shownUrl,
  splitUrl,
} from "../open_storage.ts";
import { MemoryTaskQueue } from "../queue/memory.ts";
import type { NatsTaskQueueOptions } from "../queue/nats/options.ts";
import type { TaskQueue } from "../queue/queue.ts";
import { MemoryTaskResultStorage } from "../results/memory.ts";
import type { NatsTaskResultStorageOptions } from "../results/nats.ts";
import type { TaskResultStorage } from "../results/results.ts";
import type { JobEventSink } from "../storage/storage.ts";
import { TaskBackend } from "./backend.ts";

/** Where tasks, results and events are: a URL each, or an instance that stays its owner's. */
export interface BackendConfig {
  /** Where tasks wait: `memory:`, `nats://…`, `tls://…`, `ws://…` or `wss://…`. */
  readonly tasks: string | TaskQueue;
  /** Where results are kept: a URL as for `tasks`.
   * @default where the tasks are; in memory for an instance of `MemoryTaskQueue` */
  readonly results?: string | TaskResultStorage;
  /** Where events go: any URL of `openStorage`, `sqlite:path` among them. @default nowhere */
  readonly events?: string | JobEventSink;
}

/** Options of {@linkcode openBackend}, for the parts that it opens. */
export interface OpenBackendOptions {
  /** How to connect to NATS, beside the URL. @default the defaults of `connect` */
  readonly connect?: Omit<ConnectOptions, "servers">;
  /** Options of the task queue. @default its defaults */
  readonly tasks?: Omit<NatsTaskQueueOptions, "closeConnection">;
  /** Options of the results.
   * @default their defaults; the bucket is `{prefix}-results` with the prefix of the tasks */
  readonly results?: Omit<NatsTaskResultStorageOptions, "closeConnection">;
  /** Options of the events' storage. @default its defaults */
  readonly events?: Omit<OpenStorageOptions, "connect">;
  /** Options of the logger of events.
   * @default those of `JobEventLogger`, but a `flushIntervalMs` of 200 */
  readonly logger?: JobEventLoggerOptions;
  /** Told of what fails without anybody's call: the result of a task that expired could not be
   * stored, say. @default nobody is told */
  readonly onError?: (error: unknown) => void;
}

const FLUSH_INTERVAL_MS = 200;

/**
 * Opens the parts that are given as URLs and puts all of them together. Parts with one URL share
 * one connection.
 *
 * @param config Where tasks, results and events are.
 * @param options Options of what is opened.
 * @throws {JobEventError} `ERR_CONFIGURATION`: a URL is of no form that fits, or `results` is
 * missing. Else what the part says that could not be opened, which is the `cause`; nothing stays
 * open then.
 *
 * @example
 * ```ts
 * import { openBackend } from "@naq/events/backend";
 * import assert from "node:assert/strict";
 *
 * await using backend = await openBackend({ tasks: "memory:", events: "memory:" });
 * const id = await backend.enqueue({ functionName: "add", args: [1, 2] });
 * const task = await backend.tasks.dequeue("default");
 * await backend.results.set({ id, state: "completed", value: 3 });
 * await backend.tasks.complete(task!);
 * assert.equal((await backend.waitForResult(id))?.value, 3);
 * ```
 */
export async function openBackend(
  config: BackendConfig,
  options: OpenBackendOptions = {},
): Promise<TaskBackend> {
  const opening = new Opening(options);
  try {
    return await opening.open(config);
  } catch (error) {
    await opening.undo();
    throw error;
  }
}

/** One opening. */
class Opening {
  readonly #options: OpenBackendOptions;
  readonly #pool = new NatsConnectionPool<ConnectOptions>(connectByUrl);
  readonly #connect: Connect;
  /** The last one first. */
  readonly #closers: (() => Promise<unknown>)[] = [];

  constructor(options: OpenBackendOptions) {
    this.#options = options;
    this.#connect = ({ servers }) => this.#pool.acquire({ ...options.connect, servers });
    this.#closers.push(() => this.#pool.close());
  }

  async open(config: BackendConfig): Promise<TaskBackend> {
    const { tasks: tasksAt, events: eventsAt } = config;
    const resultsAt = config.results ?? defaultResults(tasksAt);
    const tasks = await this.#part("tasks", tasksAt, (url) => this.#openTasks(url));
    const results = await this.#part("results", resultsAt, (url) => this.#openResults(url));
    const { onError } = this.#options;
    const parts = { tasks, results, closers: this.#closers, ...(onError && { onError }) };
    if (eventsAt === undefined) return new TaskBackend(parts);
    const events = await this.#part(
      "events",
      eventsAt,
      (url): Promise<JobEventSink> => openStorageBy(url, this.#options.events ?? {}, this.#connect),
    );
    const logger = new JobEventLogger(events, {
      flushIntervalMs: FLUSH_INTERVAL_MS,
      ...this.#options.logger,
    });
    this.#closers.unshift(() => logger.stop());
    return new TaskBackend({ ...parts, events, logger });
  }

  /** Closes what was opened so far. */
  async undo(): Promise<void> {
    for (const close of this.#closers) await close().catch(() => {});
  }

  async #part<Part extends { close(): Promise<void> }>(
    name: keyof BackendConfig,
    at: string | Part,
    open: (url: string) => Promise<Part>,
  ): Promise<Part> {
    if (typeof at !== "string") return at;
    try {
      const part = await open(at);
      this.#closers.unshift(() => part.close());
      return part;
    } catch (cause) {
      throw new JobEventError(
        isJobEventError(cause) ? cause.code : "ERR_CONFIGURATION",
        `Cannot open the ${name} of a backend at "${shownUrl(at)}": ${messageOf(cause)}`,
        { cause },
      );
    }
  }

  async #openTasks(url: string): Promise<TaskQueue> {
    if (url === "memory:") return new MemoryTaskQueue(this.#options.tasks);
    const connection = await this.#connectTo(url);
    const { NatsTaskQueue } = await import("../queue/nats.ts");
    return await NatsTaskQueue.open(connection, this.#options.tasks);
  }

  async #openResults(url: string): Promise<TaskResultStorage> {
    if (url === "memory:") return new MemoryTaskResultStorage(this.#options.results);
    const connection = await this.#connectTo(url);
    const { NatsTaskResultStorage } = await import("../results/nats.ts");
    const { tasks, results } = this.#options;
    // Tasks of different prefixes do not meet, nor do their results.
    const bucket = `${tasks?.prefix ?? "naq"}-results`;
    return await NatsTaskResultStorage.open(connection, { bucket, ...results });
  }

  async #connectTo(url: string): ReturnType<Connect> {
    if (isNatsScheme(splitUrl(url).scheme)) return await this.#connect({ servers: url });
    throw new JobEventError("ERR_CONFIGURATION", `use "memory:", "nats://host" or "ws://host"`);
  }
}

function defaultResults(tasks: string | TaskQueue): string {
  if (typeof tasks === "string") return tasks;
  if (tasks instanceof MemoryTaskQueue) return "memory:";
  throw new JobEventError(
    "ERR_CONFIGURATION",
    "Cannot open a backend: where tasks is an instance, results has to be given, too",
  );
}
