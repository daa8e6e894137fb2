/** The NATS storage. */

import { JobEventError } from "../../errors.ts";
import { EventIdSource } from "../../event/event_id.ts";
import { MAX_EVENT_BYTES } from "../../event/limits.ts";
import type { JobEventSubjects } from "../../event/subjects.ts";
import { encodeSubjectToken } from "../../event/token.ts";
import type { JobEvent, JobEventType, StoredJobEvent } from "../../gen/types.ts";
import { AckSender } from "../../nats/ack_sender.ts";
import type { NatsConnectionLike } from "../../nats/connection.ts";
import { DeadLetterStore } from "../../nats/dead_letters.ts";
import { deleteMatching, purgeBefore } from "../../nats/delete.ts";
import { checkHealth } from "../../nats/health.ts";
import { lastSequence } from "../../nats/last_sequence.ts";
import { ConnectionLink } from "../../nats/link.ts";
import type { ReadContext } from "../../nats/patience.ts";
import { NatsJobEventPublisher } from "../../nats/publisher.ts";
import { ReplyInbox } from "../../nats/replies.ts";
import { type EventStream, openEventStream } from "../../nats/stream.ts";
import { checkTime, checkWhole, compileRange } from "../filter.ts";
import { ClaimBook } from "./claims.ts";
import { NatsDeadLetters } from "./dead_letters.ts";
import { EventDecoder } from "../decoder.ts";
import { eachOf } from "../each.ts";
import { appendChecked } from "./append.ts";
import { followEvents } from "./follow.ts";
import { joinGroup } from "./join.ts";
import { Lives } from "./lives.ts";
import type { NatsJobEventStorageOptions } from "./options.ts";
import { countMatching, planRead, readPages, type ReadPlan } from "./reads.ts";
import type {
  AppendOptions,
  AppendOutcome,
  ConsumeOptions,
  JobEventDeadLetters,
  JobEventDeliveries,
  JobEventFilter,
  JobEventQuery,
  JobEventRecord,
  JobEventStorage,
  JobEventStream,
  StorageHealth,
  StreamOptions,
} from "../storage.ts";
import { storeEvent, storeEvents } from "../store.ts";

/**
 * Keeps events in one stream of NATS JetStream, from server 2.9 on. It uses what newer servers can
 * do better, and falls back where they cannot.
 *
 * **Reads** end where the stream ended when they began, and leave nothing behind on the server.
 * They outlive a lost connection and a restart of the server. **Live streams** go on after those
 * where they were, without a gap and without giving an event twice. **Groups** are durable
 * consumers that explicitly acknowledge: `consumerName` is the consumer's name, encoded as a
 * subject token. What a group gives up on is kept in the stream `{streamName}_DEAD`; what it gets
 * again comes through `{streamName}_REPLAY`, which whoever joins a group must be allowed to make
 * and to read.
 *
 * A member gets up to 100 events before they are asked for, the fewer the slower they are taken. In
 * the `deliveryCount` the server also counts those that another process got so and gave back, or
 * had when it crashed. No event becomes a dead letter because of that: its last delivery is always
 * one that somebody is handed.
 *
 * `ack()` resolves when the acknowledgement is on its way. It is sent again when the connection is
 * lost, and the end of a group and {@linkcode close} wait for the server to have it.
 *
 * A delivery that is settled after its `ackWaitMs`, or after a reset of its group, fails with
 * `ERR_LEASE_LOST` where this storage was given the event again or learned of the reset. The server
 * does not tell what other processes were given: there a late `ack()` succeeds, and a late `nak()`
 * or `deadLetter()` always fails.
 *
 * @example
 * ```ts ignore
 * import { JobEvent, NatsJobEventStorage } from "@naq/events";
 * import { connect } from "@naq/events/connect";
 *
 * const connection = await connect({ servers: "nats://localhost:4222" });
 * const storage = await NatsJobEventStorage.open(connection);
 * await storage.storeEvent(JobEvent.enqueued("job-1", "mail"));
 * const history = await storage.getEvents("job-1");
 * await storage.close();
 * await connection.close();
 * ```
 */
export class NatsJobEventStorage implements JobEventStorage {
  /** The events that groups gave up on. */
  readonly deadLetters: JobEventDeadLetters;
  readonly #stream: EventStream;
  readonly #publisher: NatsJobEventPublisher;
  readonly #link: ConnectionLink;
  readonly #inbox: ReplyInbox;
  readonly #reads: ReadContext;
  readonly #decoder: EventDecoder;
  readonly #letters: DeadLetterStore;
  readonly #acks: AckSender;
  readonly #claims = new ClaimBook();
  readonly #ids = new EventIdSource();
  readonly #maxEventBytes: number;
  readonly #closesConnection: boolean;
  readonly #lives = new Lives();
  readonly #end = new AbortController();
  #closing: Promise<void> | undefined;

  private constructor(
    stream: EventStream,
    publisher: NatsJobEventPublisher,
    options: NatsJobEventStorageOptions,
  ) {
    this.#stream = stream;
    this.#publisher = publisher;
    this.#link = new ConnectionLink(stream.connection);
    this.#inbox = new ReplyInbox(this.#link);
    this.#reads = {
      stream,
      link: this.#link,
      inbox: this.#inbox,
      patienceMs: options.patienceMs ?? 15_000,
    };
    this.#decoder = new EventDecoder(options.onDecodeError);
    this.#letters = new DeadLetterStore(this.#reads);
    this.deadLetters = new NatsDeadLetters(this.#letters, this.#assertOpen, this.#end.signal);
    this.#acks = new AckSender(this.#link);
    this.#maxEventBytes = options.maxEventBytes ?? MAX_EVENT_BYTES;
    this.#closesConnection = options.closeConnection ?? false;
  }

  /**
   * Opens the stream, and makes it where it does not exist.
   *
   * @param connection An open connection.
   * @param options Names, bounds and settings.
   * @throws {TypeError} A name cannot be used.
   * @throws {RangeError} A number is out of range.
   * @throws {JobEventError} `ERR_STREAM_CONFIG`: the stream is another one, or the server refuses
   * its settings. `ERR_NOT_FOUND`: it does not exist and `createStream` is false.
   * `ERR_PERMISSION`: the user may not. `ERR_UNSUPPORTED`: there is no JetStream.
   * `ERR_UNAVAILABLE` or `ERR_TIMEOUT`: no answer. Each message says what to change.
   */
  static async open(
    connection: NatsConnectionLike,
    options: NatsJobEventStorageOptions = {},
  ): Promise<NatsJobEventStorage> {
    for (const name of ["maxEventBytes", "timeoutMs", "patienceMs"] as const) {
      if (options[name] !== undefined) checkWhole(name, options[name], 1);
    }
    const stream = await openEventStream(connection, options);
    const publisher = new NatsJobEventPublisher(connection, {
      ...options.publisher,
      subjectPrefix: stream.subjects.prefix,
      streamName: stream.name,
    });
    return new NatsJobEventStorage(stream, publisher, options);
  }

  /** How this storage names its subjects. */
  get subjects(): JobEventSubjects {
    return this.#stream.subjects;
  }

  /** The name of the stream. */
  get streamName(): string {
    return this.#stream.name;
  }

  /** How often a message was come across that is no event; see `onDecodeError`. */
  get decodeErrors(): number {
    return this.#decoder.failures;
  }

  /**
   * Stores records in their order. One record's failure stops none of the others, except as
   * {@linkcode NatsJobEventPublisher} says.
   *
   * @returns One outcome for each record, in the same order. A failure is an outcome, not an
   * exception.
   * @throws {JobEventError} `ERR_CLOSED` after {@linkcode close}.
   */
  async append(
    records: readonly JobEventRecord[],
    options: AppendOptions = {},
  ): Promise<readonly AppendOutcome[]> {
    this.#assertOpen("store events");
    return await appendChecked(this.#publisher, records, this.#maxEventBytes, options);
  }

  /**
   * Stores one event and waits until it is stored.
   *
   * @throws {TypeError} The event is not valid.
   * @throws {JobEventError} The event was not stored; the code says why.
   */
  storeEvent(event: JobEvent): Promise<StoredJobEvent> {
    return storeEvent(this, event, this.#ids);
  }

  /**
   * Stores events in their order.
   *
   * @throws {JobEventError} Some events were not stored; the message says which, the others are
   * stored, and `cause` is an `AggregateError` with one error for each.
   */
  storeEvents(events: readonly JobEvent[]): Promise<StoredJobEvent[]> {
    return storeEvents(this, events, this.#ids);
  }

  /** The events of one job, oldest first. */
  getEvents(
    jobId: string,
    options: Omit<JobEventQuery, "jobId"> = {},
  ): Promise<StoredJobEvent[]> {
    return this.listEvents({ ...options, jobId });
  }

  /** The events of one type, oldest first. */
  getEventsByType(
    type: JobEventType,
    options: Omit<JobEventQuery, "eventType"> = {},
  ): Promise<StoredJobEvent[]> {
    return this.listEvents({ ...options, eventType: type });
  }

  /**
   * The events of a query.
   *
   * @throws {RangeError} `limit`, `offset` or `afterSequence` is negative or not whole.
   * @throws {JobEventError} `ERR_NOT_FOUND`: the stream was deleted. `ERR_UNAVAILABLE` or
   * `ERR_TIMEOUT`: the server did not answer for `patienceMs`.
   */
  async listEvents(query: JobEventQuery = {}): Promise<StoredJobEvent[]> {
    this.#assertOpen("read events");
    const events: StoredJobEvent[] = [];
    for await (const page of this.#pages(planRead(this.#reads, query), query)) {
      for (const event of page) events.push(event);
    }
    return events;
  }

  /**
   * The events of a query, one after the other: those that are stored when the loop begins. They
   * are read in pages while the loop goes on.
   *
   * @throws {RangeError} `limit`, `offset` or `afterSequence` is negative or not whole.
   * @throws {JobEventError} As {@linkcode listEvents}, and `ERR_CLOSED` when the storage is closed
   * before the end.
   */
  readEvents(query: JobEventQuery = {}): AsyncIterable<StoredJobEvent> {
    this.#assertOpen("read events");
    const plan = planRead(this.#reads, query);
    compileRange(query);
    // Ending quietly when it is closed would make half a history look like a whole one.
    const check = (): void => this.#assertOpen("read events");
    return { [Symbol.asyncIterator]: () => eachOf(this.#pages(plan, query), check) };
  }

  async *#pages(
    plan: ReadPlan,
    query: JobEventQuery,
  ): AsyncGenerator<readonly StoredJobEvent[], void> {
    const range = compileRange(query);
    this.#assertOpen("read events");
    yield* readPages(this.#reads, this.#decoder, plan, range, this.#end.signal);
    this.#assertOpen("read events");
  }

  /**
   * The number of events of a filter. The server counts by subject where the filter has nothing but
   * a job, a worker and types; then messages count that are no events but lie under the subject of
   * one. Otherwise the events are read.
   */
  async countEvents(filter: JobEventFilter = {}): Promise<number> {
    this.#assertOpen("count events");
    const { signal } = this.#end;
    const count = await countMatching(this.#reads, this.#decoder, filter, signal);
    this.#assertOpen("count events");
    return count;
  }

  /** The position of the last message; 0 for none. What is stored after the call lies behind it. */
  async lastSequence(): Promise<number> {
    this.#assertOpen("find the last event");
    return await lastSequence(this.#reads, this.#end.signal);
  }

  /**
   * Events as they are stored, each once and in order, also over lost connections and restarts of
   * the server. The loop fails with `ERR_NOT_FOUND` when the stream is deleted.
   */
  streamEvents(options: StreamOptions = {}): JobEventStream {
    this.#assertOpen("stream events");
    return followEvents(this.#reads, this.#decoder, options, this.#lives.begin);
  }

  /**
   * Takes part in a group, which shares the events and remembers what was dealt with.
   *
   * The members of a group should have one filter. While they differ, a member passes over what it
   * does not want itself, for the whole group. A new filter holds for what no member has got yet,
   * nor got ahead.
   *
   * @throws {RangeError} A number is out of range, or the name is empty or too long.
   */
  consumeEvents(options: ConsumeOptions): JobEventDeliveries {
    this.#assertOpen("consume events");
    const context = {
      reads: this.#reads,
      decoder: this.#decoder,
      deadLetters: this.#letters,
      claims: this.#claims,
      acks: this.#acks,
      assertOpen: this.#assertOpen,
    };
    return joinGroup(context, options, this.#lives.begin);
  }

  /**
   * Deletes all events of a job, with the dead letters that groups keep of it.
   *
   * @param options `erase`: also overwrite the bytes, one message after the other. @default false
   * @returns How many events there were.
   */
  async deleteEvents(jobId: string, options: { readonly erase?: boolean } = {}): Promise<number> {
    this.#assertOpen("delete events");
    const { erase = false } = options;
    await this.#letters.forget(encodeSubjectToken(jobId), erase);
    return await deleteMatching(this.#reads, this.subjects.job(jobId), erase);
  }

  /**
   * Deletes the events that were stored before a time, or longer ago than the stream's `maxAgeMs`.
   *
   * @returns How many there were.
   */
  async cleanupExpiredEvents(options: { readonly olderThan?: Date } = {}): Promise<number> {
    this.#assertOpen("clean up events");
    const { olderThan } = options;
    const maxAgeMs = (this.#stream.config.max_age ?? 0) / 1e6;
    if (olderThan === undefined && maxAgeMs === 0) return 0;
    const time = olderThan === undefined
      ? Date.now() - maxAgeMs
      : checkTime("olderThan", olderThan);
    return await purgeBefore(this.#reads, time);
  }

  /**
   * The state of the stream. Never throws, and ends within its time.
   *
   * @param options `timeoutMs`: the time. @default 5000
   */
  async healthCheck(options: { readonly timeoutMs?: number } = {}): Promise<StorageHealth> {
    const closed = this.#closing === undefined ? undefined : "The storage is closed";
    return await checkHealth(this.#stream, options.timeoutMs ?? 5000, closed);
  }

  /**
   * Ends live streams and groups and frees what they hold on the server. The connection stays open,
   * unless `closeConnection` says otherwise. Idempotent.
   */
  close(): Promise<void> {
    this.#closing ??= this.#close();
    return this.#closing;
  }

  async #close(): Promise<void> {
    // Members give back what they hold while there is somebody to take it.
    this.#lives.end();
    this.#end.abort();
    await this.#publisher.close();
    await this.#lives.freed();
    this.#inbox.close();
    this.#link.close();
    if (this.#closesConnection) await this.#stream.connection.close();
  }

  /** Closes the storage. */
  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  readonly #assertOpen = (action: string): void => {
    if (this.#closing === undefined) return;
    throw new JobEventError(
      "ERR_CLOSED",
      `Cannot ${action}: the storage ${this.#stream.name} is closed`,
    );
  };
}
