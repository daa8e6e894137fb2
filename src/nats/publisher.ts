/**
 * Stores events through JetStream: many messages under way, an acknowledgement for each.
 *
 * Not by fast ingest, which server 2.14 has. It was measured 1.3 to 1.9 times as fast, and finds
 * duplicates and gaps as well, but it acknowledges no single message: there is no telling at which
 * sequence an event lies, nor which one was a duplicate.
 */

import { JobEventError } from "../errors.ts";
import { JobEventSubjects } from "../event/subjects.ts";
import type {
  AppendOptions,
  AppendOutcome,
  JobEventRecord,
  JobEventSink,
} from "../storage/storage.ts";
import { AckInbox } from "./ack_inbox.ts";
import type { NatsConnectionLike, NatsMessageLike } from "./connection.ts";
import { connectionError, permissionViolation } from "./foreign_errors.ts";
import { JobOrder, type NextRecord } from "./job_order.ts";
import { ConnectionLink, type Loss } from "./link.ts";
import { MsgIdHeaderWriter } from "./msg_id_headers.ts";
import { PendingAppend } from "./pending_append.ts";
import { AckReader } from "./publish_ack.ts";
import { checkSubject, tooLarge, unfitEventId } from "./publish_check.ts";
import { type NatsJobEventPublisherOptions, resolvePublisherOptions } from "./publisher_options.ts";

/** A message that was sent and is not acknowledged yet. */
interface Flight {
  readonly append: PendingAppend;
  /** Which record of the append it is. */
  readonly index: number;
  /** Its job, where the order of each job is kept. */
  readonly job: string | undefined;
  readonly bytes: number;
}

/**
 * The write side over NATS JetStream, for programs that only emit. It needs no permission but to
 * publish its events and to subscribe to its own inbox, and the stream must be there already.
 *
 * **What holds.** An outcome `stored` or `duplicate` means that the stream has the event. `retry`
 * means that it is not known: the event may be stored, and appending it again with the same
 * `eventId` stores it once, within the stream's duplicate window. Nothing is ever given to a
 * connection that is down.
 *
 * **Order.** Events are sent in the order of the records, of one append after the other, and after
 * the first one that has to be sent again no further one of its append is sent. With
 * `ordering: "job"`, the default in a cluster, an event is sent when the one before it of the same
 * job has its outcome: so the order of each job is kept through the loss of any server, and a job
 * gets no more than one event for each round trip. With `ordering: "pipelined"`, the default on a
 * server on its own, nothing waits. There a lost connection cuts the sequence of events at one
 * point; only where the server refuses single events for a while, as with too many requests, may
 * those that were under way be stored before them.
 *
 * @example
 * ```ts ignore
 * import { connect } from "@naq/events/connect";
 * import { JobEvent, JobEventLogger, NatsJobEventPublisher } from "@naq/events/emit";
 * import assert from "node:assert/strict";
 *
 * const connection = await connect({ servers: "nats://localhost:4222" });
 * const logger = new JobEventLogger(new NatsJobEventPublisher(connection));
 * logger.logEvent(JobEvent.enqueued("job-1", "mail"));
 * const { stored } = await logger.stop();
 * assert.equal(stored, 1); // where there is a stream for it
 * await connection.close();
 * ```
 */
export class NatsJobEventPublisher implements JobEventSink {
  /** How subjects are named. */
  readonly subjects: JobEventSubjects;

  readonly #connection: NatsConnectionLike;
  readonly #maxInFlight: number;
  readonly #maxInFlightBytes: number;
  readonly #ackTimeoutMs: number;
  readonly #ordering: "job" | "pipelined" | undefined;
  readonly #inbox: AckInbox;
  readonly #acks: AckReader;
  readonly #headers: MsgIdHeaderWriter;
  readonly #order: JobOrder;
  /** What is under way, by the token in its reply subject, in the order in which it was sent. */
  readonly #flights = new Map<number, Flight>();
  /** The records whose turn has come in their job, and that wait for room. */
  readonly #ready: NextRecord[] = [];
  /** The appends with records that were not looked at, in the order of the calls. */
  readonly #queue: PendingAppend[] = [];
  /** The appends without a result. */
  readonly #active = new Set<PendingAppend>();
  readonly #owner = {
    onTimeout: (append: PendingAppend): void => this.#noticeTimeout(append),
    onAbort: (append: PendingAppend, reason: unknown): void =>
      this.#giveUp(append, gaveUp("the wait was given up", reason)),
    onEnd: (append: PendingAppend): void => void this.#active.delete(append),
  };
  #link: ConnectionLink | undefined;
  /** What a connection that outlives the publisher would keep it alive by. */
  #watches: readonly (() => void)[] = [];
  #lastToken = 0;
  #bytesInFlight = 0;
  #isClosed = false;

  /**
   * Makes a publisher; nothing is sent before the first append.
   *
   * @param connection An open connection. It stays open when the publisher is closed, and any
   * number of publishers may share it.
   * @param options Names and bounds.
   * @throws {TypeError} A name cannot be used.
   * @throws {RangeError} A bound is not a whole number of at least 1.
   */
  constructor(connection: NatsConnectionLike, options: NatsJobEventPublisherOptions = {}) {
    const resolved = resolvePublisherOptions(options);
    this.subjects = new JobEventSubjects(resolved.subjectPrefix);
    this.#connection = connection;
    this.#maxInFlight = resolved.maxInFlight;
    this.#maxInFlightBytes = resolved.maxInFlightBytes;
    this.#ackTimeoutMs = resolved.ackTimeoutMs;
    this.#ordering = resolved.ordering;
    this.#inbox = new AckInbox(
      connection,
      resolved.inboxPrefix,
      (token, message) => this.#receive(token, message),
    );
    this.#acks = new AckReader(resolved.streamName);
    this.#headers = new MsgIdHeaderWriter(resolved.streamName);
    this.#order = new JobOrder(this.subjects.prefix);
  }

  /** Messages that were sent and are not acknowledged yet. */
  get inFlight(): number {
    return this.#flights.size;
  }

  /**
   * Stores records in their order. One record's failure stops none of the others, except that no
   * further record is sent after one that has to be sent again.
   *
   * `rejected`: larger than the server or the stream accepts (`ERR_EVENT_TOO_LARGE`), no
   * permission to publish there or to listen for the answer (`ERR_PERMISSION`), an id or subject
   * that cannot be sent (`ERR_INVALID_EVENT`), or a stream that refuses it (`ERR_STREAM_CONFIG`).
   * `retry`: everything else. A connection that is down, is lost or is closed; no answer in time;
   * no stream that takes the subject at the moment; a server that is busy or has no room.
   *
   * @param records What to store. Payloads must not be changed before the outcome is there.
   * @param options `signal`: gives up waiting.
   * @returns One outcome for each record, in the same order.
   * @throws {JobEventError} `ERR_CLOSED` after {@linkcode close}.
   */
  async append(
    records: readonly JobEventRecord[],
    options: AppendOptions = {},
  ): Promise<readonly AppendOutcome[]> {
    if (this.#isClosed) {
      throw new JobEventError("ERR_CLOSED", "Cannot store events: the publisher is closed");
    }
    if (records.length === 0) return [];
    const { signal } = options;
    if (signal?.aborted) return allRetry(records, gaveUp("the wait was given up", signal.reason));
    const loss = this.#loss();
    if (loss !== undefined) return allRetry(records, lost(loss));

    const append = new PendingAppend(records, this.#owner, this.#ackTimeoutMs, signal);
    this.#active.add(append);
    this.#queue.push(append);
    if (this.#inbox.isListening) this.#pump();
    else void this.#listen();
    return await append.result;
  }

  /** Ends it: what is not acknowledged comes back as `retry`. The connection stays open. */
  // deno-lint-ignore require-await
  async close(): Promise<void> {
    if (this.#isClosed) return;
    this.#isClosed = true;
    for (const stop of this.#watches) stop();
    this.#link?.close();
    this.#inbox.close();
    this.#giveUpAll(
      new JobEventError("ERR_CLOSED", "Cannot store events: the publisher is closed"),
    );
  }

  /** Closes it. */
  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  /** Why nothing can be sent now; `undefined` when it can. */
  #loss(): Loss | undefined {
    if (this.#connection.isClosed()) return "closed";
    if (this.#link === undefined) {
      this.#link = new ConnectionLink(this.#connection);
      this.#watches = [
        this.#link.onLost((loss) => this.#giveUpAll(lost(loss))),
        this.#link.onError((error) => this.#noticeError(error)),
      ];
    }
    return this.#link.isUp ? undefined : "down";
  }

  async #listen(): Promise<void> {
    const failure = await this.#inbox.listen();
    if (this.#isClosed) return this.#inbox.close();
    if (failure === undefined) return this.#pump();
    const status = failure.code === "ERR_PERMISSION" ? "rejected" : "retry";
    for (const append of this.#queue.splice(0)) {
      append.records.forEach((_, index) => append.settle(index, { status, error: failure }));
    }
  }

  /** Sends as much as there is room for. */
  #pump(): void {
    // A connection that is down says so in a moment, and all of this is given up then.
    if (!this.#inbox.isListening || this.#loss() !== undefined) return;
    for (let next = this.#ready[0]; next !== undefined; next = this.#ready[0]) {
      const { append, index, job } = next;
      if (!this.#hasRoom(append, index)) return;
      this.#ready.shift();
      if (append.isSettled(index)) this.#advance(job);
      else this.#send(append, index, job);
    }
    for (let append = this.#queue[0]; append !== undefined; append = this.#queue[0]) {
      if (!this.#sendFrom(append)) return;
      this.#queue.shift();
    }
  }

  /** Sends the records of an append from its cursor on. `false`: there is no more room. */
  #sendFrom(append: PendingAppend): boolean {
    const { records } = append;
    const isOrdered = (this.#ordering ?? this.#defaultOrdering()) === "job";
    while (append.cursor < records.length) {
      const index = append.cursor;
      if (!this.#hasRoom(append, index)) return false;
      append.cursor++;
      const job = isOrdered ? this.#order.jobOf(records[index]!.subject) : undefined;
      if (job !== undefined && this.#order.mustWait({ append, index, job })) continue;
      this.#send(append, index, job);
    }
    return true;
  }

  /** In a cluster another server may take over, and take later messages before earlier ones. */
  #defaultOrdering(): "job" | "pipelined" {
    return this.#connection.info?.cluster === undefined ? "pipelined" : "job";
  }

  /** One message always has room, however large. */
  #hasRoom(append: PendingAppend, index: number): boolean {
    const { size } = this.#flights;
    if (size === 0) return true;
    const bytes = this.#bytesInFlight + append.records[index]!.payload.length;
    return size < this.#maxInFlight && bytes <= this.#maxInFlightBytes;
  }

  /** Sends a record, or gives it the outcome of one that cannot be sent. */
  #send(append: PendingAppend, index: number, job: string | undefined): void {
    const failure = this.#publish(append, index, job);
    if (failure === undefined) return;
    this.#settle(append, index, failure);
    if (job !== undefined) this.#advance(job);
  }

  #publish(
    append: PendingAppend,
    index: number,
    job: string | undefined,
  ): AppendOutcome | undefined {
    const record = append.records[index]!;
    const { eventId, payload, subject, traceparent } = record;
    const refusal = checkSubject(record);
    if (refusal !== undefined) return { status: "rejected", error: refusal };
    const headers = this.#headers.write(eventId, traceparent);
    if (headers === undefined) return { status: "rejected", error: unfitEventId(record) };
    const bytes = payload.length + headers.bytes.length;
    const maxPayload = this.#connection.info?.max_payload ?? Infinity;
    if (bytes > maxPayload) {
      return { status: "rejected", error: tooLarge(record, bytes, maxPayload) };
    }
    const token = ++this.#lastToken;
    try {
      this.#connection.publish(subject, payload, {
        reply: this.#inbox.replySubject(token),
        headers,
      });
    } catch (cause) {
      const error = connectionError(`Cannot store an event under ${subject}`, cause);
      const isTransient = error.code === "ERR_CLOSED" || error.code === "ERR_UNAVAILABLE";
      return { status: isTransient ? "retry" : "rejected", error };
    }
    this.#flights.set(token, { append, index, job, bytes });
    this.#bytesInFlight += bytes;
    append.lastProgress = performance.now();
    return undefined;
  }

  #receive(token: number, message: NatsMessageLike): void {
    const flight = this.#flights.get(token);
    if (flight === undefined) return;
    const { append, index } = flight;
    const outcome = this.#acks.read(message, append.records[index]!.subject);
    if (outcome === undefined) return;
    append.lastProgress = performance.now();
    this.#land(token, flight, outcome);
    if (this.#ready.length > 0 || this.#queue.length > 0) this.#pump();
  }

  /** A message under way has its outcome: the next one of its job may go. */
  #land(token: number, { append, index, job, bytes }: Flight, outcome: AppendOutcome): void {
    this.#flights.delete(token);
    this.#bytesInFlight -= bytes;
    this.#settle(append, index, outcome);
    if (job !== undefined) this.#advance(job);
  }

  #advance(job: string): void {
    const next = this.#order.next(job);
    if (next !== undefined) this.#ready.push(next);
  }

  /** After a record that has to be sent again, no more of its append is sent. */
  #settle(append: PendingAppend, index: number, outcome: AppendOutcome): void {
    append.settle(index, outcome);
    if (outcome.status !== "retry" || append.isAbandoned || append.hasEnded) return;
    const underWay = new Set(this.#flightsOf(append).map(({ flight }) => flight.index));
    append.abandon(heldBack(outcome.error), (index) => underWay.has(index));
  }

  #flightsOf(append: PendingAppend): { readonly token: number; readonly flight: Flight }[] {
    const found: { token: number; flight: Flight }[] = [];
    for (const [token, flight] of this.#flights) {
      if (flight.append === append) found.push({ token, flight });
    }
    return found;
  }

  /** Nobody waits for an append any more. */
  #giveUp(append: PendingAppend, error: JobEventError): void {
    append.abandon(error);
    for (const { token, flight } of this.#flightsOf(append)) {
      this.#land(token, flight, { status: "retry", error });
    }
    this.#pump();
  }

  #giveUpAll(error: JobEventError): void {
    this.#queue.length = 0;
    this.#ready.length = 0;
    this.#order.clear();
    this.#flights.clear();
    this.#bytesInFlight = 0;
    for (const append of [...this.#active]) append.abandon(error);
  }

  #noticeTimeout(append: PendingAppend): void {
    const isWaiting = this.#inbox.isListening && this.#flightsOf(append).length === 0;
    // Others have the room; their own time ends, and then it is this one's turn.
    if (isWaiting && this.#flights.size > 0) return;
    this.#giveUp(append, gaveUp(`no acknowledgement within ${this.#ackTimeoutMs} ms`));
  }

  /** The server names the subject that it refuses, not the message: all under way there are. */
  #noticeError(error: unknown): void {
    const refused = permissionViolation(error);
    if (refused === undefined) return;
    const { subject } = refused;
    for (const [token, flight] of [...this.#flights]) {
      if (flight.append.records[flight.index]!.subject !== subject) continue;
      const failure = connectionError(`Cannot store an event under ${subject}`, error);
      this.#land(token, flight, { status: "rejected", error: failure });
    }
    this.#pump();
  }
}

function lost(loss: Loss): JobEventError {
  return loss === "closed"
    ? new JobEventError("ERR_CLOSED", "Cannot store events: the connection is closed")
    : new JobEventError("ERR_UNAVAILABLE", "Cannot store events: the connection is down");
}

function gaveUp(why: string, cause?: unknown): JobEventError {
  const options = cause === undefined ? undefined : { cause };
  return new JobEventError("ERR_TIMEOUT", `Cannot store events: ${why}`, options);
}

function heldBack(cause: JobEventError): JobEventError {
  return new JobEventError(
    "ERR_UNAVAILABLE",
    "Cannot store the event yet: an earlier one has to be sent again first",
    { cause },
  );
}

function allRetry(records: readonly JobEventRecord[], error: JobEventError): AppendOutcome[] {
  return records.map(() => ({ status: "retry", error }));
}
