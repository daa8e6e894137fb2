/** Tasks on a NATS server. */

import type { NatsConnectionLike } from "../nats/connection.ts";
import { checkHealth } from "../nats/health.ts";
import { ConnectionLink } from "../nats/link.ts";
import { ReplyInbox } from "../nats/replies.ts";
import { DecodeFailures } from "../storage/decode_failures.ts";
import { checkWhole } from "../storage/filter.ts";
import { dequeueRequest, enqueued, queueClosed, resolveOptions } from "./arguments.ts";
import { EndedListeners } from "./ended.ts";
import { Bands } from "./nats/bands.ts";
import { Claims } from "./nats/claims.ts";
import { KeyDecoder } from "./nats/decoder.ts";
import { dequeue } from "./nats/dequeue.ts";
import { enqueueRecord } from "./nats/enqueue.ts";
import { Mover } from "./nats/mover.ts";
import { QueueNames } from "./nats/names.ts";
import type { NatsTaskQueueOptions } from "./nats/options.ts";
import * as overview from "./nats/overview.ts";
import type { QueueParts } from "./nats/parts.ts";
import { Records } from "./nats/records.ts";
import { Requests } from "./nats/requests.ts";
import { Schedules } from "./nats/schedules.ts";
import * as single from "./nats/single.ts";
import { openTaskStreams, type TaskStreams } from "./nats/setup.ts";
import { Tokens } from "./nats/tokens.ts";
import type {
  DequeueOptions,
  FailOptions,
  QueueInfo,
  Recurrence,
  TaskFilter,
  TaskQuery,
  TaskQueue,
  TaskQueueHealth,
  TaskSchedule,
} from "./queue.ts";
import { newRecord, packResult, type TaskRecord, toTask } from "./record.ts";
import type { ClaimedTask, Task, TaskClaim, TaskInput, TaskValue } from "./task.ts";
import * as transitions from "./transitions.ts";

/** How many tasks of {@linkcode NatsTaskQueue.enqueueMany} are under way at the same time. */
const ENQUEUE_WINDOW = 1024;

/**
 * Keeps tasks in NATS JetStream, from server 2.9 on.
 *
 * The record of a task is a key in a bucket, changed by compare and set; it alone decides what
 * state the task is in. A stream has a token for each task that is pending or running, and each
 * priority of each queue a durable consumer that hands the tokens out. A token whose record says
 * otherwise is thrown away, and one whose holder was lost comes again: so whatever ends in between,
 * a server or a program, no task is lost and none has two holders.
 *
 * What was acknowledged survives the death of the server's process; see the README for what a power
 * failure can take. Times are compared by the clocks of the programs that dequeue: let them agree
 * to a small part of the lease.
 *
 * What keeps a program running is the connection, until it is closed, and not the queue.
 *
 * @example
 * ```ts ignore
 * import { connect } from "@naq/events/connect";
 * import { NatsTaskQueue } from "@naq/events/queue";
 *
 * const connection = await connect({ servers: "nats://localhost:4222" });
 * const queue = await NatsTaskQueue.open(connection);
 * await queue.enqueue({ functionName: "send", args: { to: "a@example.org" }, queue: "mail" });
 * const task = await queue.dequeue("mail");
 * if (task !== null) await queue.complete(task);
 * await queue.close();
 * await connection.close();
 * ```
 */
export class NatsTaskQueue implements TaskQueue {
  readonly #link: ConnectionLink;
  readonly #requests: Requests;
  readonly #records: Records;
  readonly #tokens: Tokens;
  readonly #bands: Bands;
  readonly #claims: Claims;
  readonly #mover: Mover;
  readonly #schedules: Schedules;
  readonly #parts: QueueParts;
  readonly #decodeFailures: DecodeFailures;
  readonly #ended = new EndedListeners();
  readonly #closed = new AbortController();
  readonly #closesConnection: boolean;
  #closing: Promise<void> | undefined;

  private constructor(
    link: ConnectionLink,
    { records, tokens }: TaskStreams,
    names: QueueNames,
    options: NatsTaskQueueOptions,
  ) {
    const { leaseMs, keepMs } = resolveOptions(options);
    const { patienceMs = 15_000, timeoutMs = 5000 } = options;
    const inbox = new ReplyInbox(link);
    const bucket = { stream: records, link, inbox, patienceMs };
    const stream = { stream: tokens, link, inbox, patienceMs };
    this.#closesConnection = options.closeConnection ?? false;
    this.#link = link;
    this.#requests = new Requests(link, timeoutMs);
    this.#decodeFailures = new DecodeFailures(options.onDecodeError);
    const decoder = new KeyDecoder(names, this.#decodeFailures);
    this.#records = new Records(bucket, names, this.#requests, decoder, keepMs);
    this.#tokens = new Tokens(stream, names, this.#requests);
    this.#bands = new Bands(stream, names, this.#tokens, leaseMs);
    this.#mover = new Mover(this.#bands, this.#tokens);
    this.#schedules = new Schedules(bucket, names, this.#requests, decoder, {
      enqueue: (record) => this.#enqueue(record),
      withdraw: (id) => single.withdrawTask(this.#parts, id),
    });
    const onEnded = (record: TaskRecord): void => this.#ended.tell(toTask(record, Date.now()));
    this.#claims = new Claims({
      records: this.#records,
      tokens: this.#tokens,
      bands: this.#bands,
      leaseMs,
      onEnded,
      onOccurrence: (record) => this.#schedules.follow(record),
    });
    this.#parts = {
      bucket,
      stream,
      names,
      decoder,
      records: this.#records,
      tokens: this.#tokens,
      bands: this.#bands,
      claims: this.#claims,
      schedules: this.#schedules,
      onEnded,
      keepMs,
    };
  }

  /**
   * Opens the queue, and makes its stream and its bucket where they do not exist.
   *
   * @param connection An open connection.
   * @param options Names, bounds and settings.
   * @throws {TypeError} The prefix cannot be used.
   * @throws {RangeError} A number is out of range.
   * @throws {JobEventError} `ERR_STREAM_CONFIG`: the streams are others, or the server refuses
   * their settings. `ERR_PERMISSION`: the user may not. `ERR_UNSUPPORTED`: there is no JetStream.
   * `ERR_UNAVAILABLE` or `ERR_TIMEOUT`: no answer. Each message says what to change.
   */
  static async open(
    connection: NatsConnectionLike,
    options: NatsTaskQueueOptions = {},
  ): Promise<NatsTaskQueue> {
    resolveOptions(options);
    for (const name of ["timeoutMs", "patienceMs"] as const) {
      if (options[name] !== undefined) checkWhole(name, options[name], 1);
    }
    const names = new QueueNames(options.prefix ?? "naq");
    const streams = await openTaskStreams(connection, names, options);
    const queue = new NatsTaskQueue(new ConnectionLink(connection), streams, names, options);
    try {
      await queue.#requests.start();
      await queue.#tokens.pin();
      await queue.#bands.start();
      return queue;
    } catch (error) {
      await queue.close();
      throw error;
    }
  }

  /** How often a key was come across that cannot be decoded; see `onDecodeError`. */
  get decodeErrors(): number {
    return this.#decodeFailures.count;
  }

  /** Enqueues a task. See {@linkcode TaskQueue.enqueue}. */
  async enqueue(task: TaskInput): Promise<string> {
    this.#assertOpen();
    return await this.#enqueue(newRecord(task, Date.now()));
  }

  /** Enqueues tasks in their order. See {@linkcode TaskQueue.enqueueMany}. */
  async enqueueMany(tasks: readonly TaskInput[]): Promise<string[]> {
    this.#assertOpen();
    const now = Date.now();
    const records = tasks.map((task) => newRecord(task, now));
    for (const record of records) await this.#bands.ensure(this.#tokens.of(record));
    const outcomes: Promise<PromiseSettledResult<string>>[] = [];
    for (const [at, record] of records.entries()) {
      const enqueueing = this.#enqueue(record);
      outcomes.push(enqueueing.then(
        (value) => ({ status: "fulfilled", value }),
        (reason) => ({ status: "rejected", reason }),
      ));
      if (at >= ENQUEUE_WINDOW) await outcomes[at - ENQUEUE_WINDOW];
    }
    return enqueued(await Promise.all(outcomes));
  }

  /** Claims the next task. See {@linkcode TaskQueue.dequeue}. */
  async dequeue(
    queues: string | readonly string[],
    options: DequeueOptions = {},
  ): Promise<ClaimedTask | null> {
    const request = dequeueRequest(queues, options);
    this.#assertOpen();
    this.#mover.watch(request.queues);
    return await dequeue({
      link: this.#link,
      bands: this.#bands,
      claims: this.#claims,
      tokens: this.#tokens,
      closed: this.#closed.signal,
    }, request);
  }

  /** Extends the lease. See {@linkcode TaskQueue.heartbeat}. */
  async heartbeat(claim: TaskClaim): Promise<void> {
    this.#assertOpen();
    await this.#claims.extend(claim);
  }

  /** Ends a task that was executed. See {@linkcode TaskQueue.complete}. */
  async complete(claim: TaskClaim, result?: TaskValue): Promise<void> {
    this.#assertOpen();
    const packed = packResult(result);
    const now = Date.now();
    await this.#claims.end(
      "complete",
      claim,
      (record) => transitions.completed(record, packed, now),
    );
  }

  /** Ends an execution that failed. See {@linkcode TaskQueue.fail}. */
  async fail(
    claim: TaskClaim,
    error: unknown,
    options: FailOptions = {},
  ): Promise<"retry" | "failed"> {
    this.#assertOpen();
    const now = Date.now();
    const { state } = await this.#claims.end(
      "fail",
      claim,
      (record) => transitions.failed(record, error, options, now),
    );
    return state === "failed" ? "failed" : "retry";
  }

  /** Gives a task back that was not executed. See {@linkcode TaskQueue.release}. */
  async release(claim: TaskClaim): Promise<void> {
    this.#assertOpen();
    const now = Date.now();
    await this.#claims.end("release", claim, (record) => transitions.released(record, now));
  }

  /** The task, or `null`. */
  async getTask(id: string): Promise<Task | null> {
    this.#assertOpen();
    const version = await this.#records.get(id);
    return version === undefined ? null : toTask(version.record, Date.now());
  }

  /** Cancels a task. See {@linkcode TaskQueue.cancel}. */
  async cancel(id: string): Promise<boolean> {
    this.#assertOpen();
    return await single.cancelTask(this.#parts, id);
  }

  /** Brings a task back that ended without success. See {@linkcode TaskQueue.requeue}. */
  async requeue(id: string): Promise<boolean> {
    this.#assertOpen();
    return await single.requeueTask(this.#parts, id);
  }

  /** Deletes a task. See {@linkcode TaskQueue.deleteTask}. */
  async deleteTask(id: string): Promise<boolean> {
    this.#assertOpen();
    return await single.deleteTask(this.#parts, id);
  }

  /** The tasks of a query. See {@linkcode TaskQueue.listTasks}. */
  async listTasks(query: TaskQuery = {}): Promise<Task[]> {
    this.#assertOpen();
    return await overview.listTasks(this.#parts, query);
  }

  /**
   * The number of tasks of a filter. All tasks, and those that are pending or running, of one queue
   * or of all, are counted by the server; every other filter reads all records.
   */
  async countTasks(filter: TaskFilter = {}): Promise<number> {
    this.#assertOpen();
    return await overview.countTasks(this.#parts, filter);
  }

  /** What is in a queue. */
  async queueInfo(queue: string): Promise<QueueInfo> {
    this.#assertOpen();
    return await overview.queueInfo(this.#parts, queue);
  }

  /** The queues with tasks that are pending or running, by name. */
  async listQueues(): Promise<string[]> {
    this.#assertOpen();
    return await overview.listQueues(this.#parts);
  }

  /** Deletes the pending tasks of a queue. See {@linkcode TaskQueue.purgeQueue}. */
  async purgeQueue(queue: string): Promise<number> {
    this.#assertOpen();
    return await overview.purgeQueue(this.#parts, queue);
  }

  /** Ends and deletes what is over. See {@linkcode TaskQueue.cleanupExpiredTasks}. */
  async cleanupExpiredTasks(): Promise<number> {
    this.#assertOpen();
    return await overview.cleanup(this.#parts);
  }

  /** Enqueues a task again and again. See {@linkcode TaskQueue.schedule}. */
  async schedule(name: string, recurrence: Recurrence, task: TaskInput): Promise<TaskSchedule> {
    this.#assertOpen();
    return await this.#schedules.set(name, recurrence, task);
  }

  /** Ends a recurring task. See {@linkcode TaskQueue.unschedule}. */
  async unschedule(name: string): Promise<boolean> {
    this.#assertOpen();
    return await this.#schedules.delete(name);
  }

  /** All recurring tasks, by name. */
  async listSchedules(): Promise<TaskSchedule[]> {
    this.#assertOpen();
    return await this.#schedules.list();
  }

  /** Calls back with each task that ends by itself. See {@linkcode TaskQueue.onEnded}. */
  onEnded(listener: (task: Task) => void): () => void {
    return this.#ended.add(listener);
  }

  /** The state of the queue. Never throws, and ends within its time. */
  async healthCheck(options: { readonly timeoutMs?: number } = {}): Promise<TaskQueueHealth> {
    const { timeoutMs = 5000 } = options;
    const closed = this.#closed.signal.aborted ? queueClosed().message : undefined;
    const { bucket } = this.#parts;
    const health = await checkHealth(bucket.stream, timeoutMs, closed);
    const { status, messages, serverVersion, rttMs, error } = health;
    return {
      status,
      tasks: messages,
      serverVersion,
      rttMs,
      ...(error === undefined ? {} : { error }),
    };
  }

  /** Ends it: what waits rejects with `ERR_CLOSED`. Claims stay until their leases end. */
  close(): Promise<void> {
    this.#closing ??= this.#close();
    return this.#closing;
  }

  /** Closes the queue. */
  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  async #close(): Promise<void> {
    this.#closed.abort();
    this.#mover.close();
    this.#bands.close();
    const { connection } = this.#link;
    // What is on its way goes back before nobody listens any more.
    if (this.#link.isUp) await connection.flush().catch(() => {});
    await this.#tokens.settled();
    this.#requests.close();
    this.#parts.bucket.inbox.close();
    this.#link.close();
    if (this.#closesConnection) await connection.close();
  }

  #assertOpen(): void {
    if (this.#closed.signal.aborted) throw queueClosed();
  }

  async #enqueue(record: TaskRecord): Promise<string> {
    return await enqueueRecord(this.#records, this.#tokens, this.#bands, record);
  }
}
