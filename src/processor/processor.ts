/** The processor: gives events to handlers as they are stored. */

import { JobEventError } from "../errors.ts";
import type { JobEventType, StoredJobEvent } from "../gen/types.ts";
import { atLeast } from "../logger/backoff.ts";
import type { ConsumeOptions, JobEventSource, StreamStart } from "../storage/storage.ts";
import { deadLettersOf, type ProcessorDeadLetters } from "./dead_letters.ts";
import { Dispatcher } from "./dispatcher.ts";
import { Lanes } from "./lanes.ts";
import { LiveHub, type LiveListener } from "./live_hub.ts";
import type {
  JobEventHandler,
  JobEventOf,
  JobEventProcessorOptions,
  ProcessorStats,
  WaitOptions,
} from "./options.ts";
import { Settler } from "./settler.ts";
import { waitForEvent } from "./wait.ts";

const DEFAULT_BACKOFF_MS = [1000, 5000, 30_000];
/** A subscription that runs, and how it ends. */
interface Running {
  readonly feed: AsyncDisposable;
  readonly loop: Promise<void>;
  stopping: boolean;
}

/**
 * Gives events to handlers.
 *
 * Without a `consumerName` every event that is stored after `start()` is given to the handlers
 * once. With one, the events are shared in a group, each at least once: an event is done when every
 * handler succeeded, is delivered again after a failure, and becomes a dead letter after
 * `maxDeliver` failures.
 *
 * @example
 * ```ts
 * import { JobEvent, JobEventProcessor, MemoryJobEventStorage } from "@naq/events";
 * import assert from "node:assert/strict";
 *
 * const storage = new MemoryJobEventStorage();
 * const processor = new JobEventProcessor(storage);
 * processor.on("failed", (event) => console.log(event.jobId, event.errorMessage));
 * await processor.start();
 * await storage.storeEvent(JobEvent.cancelled("job-1"));
 * const event = await processor.waitForJobEvent("job-1", "cancelled", { timeoutMs: 1000 });
 * assert.equal(event?.message, "Job cancelled");
 * await processor.stop();
 * ```
 */
export class JobEventProcessor implements AsyncDisposable {
  readonly #source: JobEventSource;
  readonly #options: JobEventProcessorOptions;
  readonly #concurrency: number;
  readonly #ackWaitMs: number;
  readonly #maxDeliver: number;
  readonly #dispatcher: Dispatcher;
  readonly #settler: Settler;
  readonly #hub: LiveHub;
  readonly #monitors = new Set<() => void>();
  readonly #waits = new Set<AbortController>();
  #lanes: Lanes;
  #running: Promise<Running> | undefined;
  #stopping: Promise<void> = Promise.resolve();

  /**
   * Makes a processor in front of a source. Nothing runs before `start()`.
   *
   * @param source Where the events come from.
   * @param options How they are handled.
   * @throws {RangeError} A number is out of its range.
   */
  constructor(source: JobEventSource, options: JobEventProcessorOptions = {}) {
    this.#source = source;
    this.#options = options;
    this.#concurrency = atLeast("concurrency", options.concurrency ?? 1, 1);
    const timeoutMs = atLeast("handlerTimeoutMs", options.handlerTimeoutMs ?? 30_000, 1);
    this.#dispatcher = new Dispatcher(timeoutMs, options.onError);
    this.#ackWaitMs = atLeast("ackWaitMs", options.ackWaitMs ?? 30_000, 1);
    this.#maxDeliver = atLeast("maxDeliver", options.maxDeliver ?? 5, 1);
    const backoffMs = [options.backoffMs ?? DEFAULT_BACKOFF_MS].flat();
    for (const waitMs of backoffMs) atLeast("backoffMs", waitMs, 0);
    this.#settler = new Settler(this.#dispatcher, {
      ackWaitMs: this.#ackWaitMs,
      maxDeliver: this.#maxDeliver,
      backoffMs,
      onDeadLetter: options.onDeadLetter,
    });
    this.#hub = new LiveHub(source);
    this.#lanes = this.#newLanes();
  }

  /**
   * The events that this processor's group gave up on: see what failed, give it to the group again
   * once the cause is mended, or throw it away.
   *
   * @throws {JobEventError} `ERR_UNSUPPORTED`: the processor has no `consumerName`.
   */
  get deadLetters(): ProcessorDeadLetters {
    return deadLettersOf(this.#source, this.#group("use dead letters"));
  }

  /**
   * Adds a handler for one type or several. A handler is called once for an event, however often
   * it was added.
   *
   * @returns Removes the handler.
   */
  on<T extends JobEventType>(types: T | readonly T[], handler: JobEventHandler<T>): () => void {
    const list = typeof types === "string" ? [types] : types;
    // The registry calls a handler with events of its own types only.
    const added = list.filter((type) =>
      this.#dispatcher.handlers.add(type, handler as JobEventHandler)
    );
    return () => {
      for (const type of added) this.#dispatcher.handlers.remove(type, handler as JobEventHandler);
    };
  }

  /** Adds a handler for all types. The returned function removes it. */
  onAny(handler: JobEventHandler): () => void {
    this.addGlobalHandler(handler);
    return () => void this.removeGlobalHandler(handler);
  }

  /** Adds a handler for a type. Gives `false` when it was there already. */
  addHandler<T extends JobEventType>(type: T, handler: JobEventHandler<T>): boolean {
    return this.#dispatcher.handlers.add(type, handler as JobEventHandler);
  }

  /** Adds a handler for all types. Gives `false` when it was there already. */
  addGlobalHandler(handler: JobEventHandler): boolean {
    return this.#dispatcher.handlers.add(undefined, handler);
  }

  /** Removes a handler of a type. Gives `false` when there was none. */
  removeHandler<T extends JobEventType>(type: T, handler: JobEventHandler<T>): boolean {
    return this.#dispatcher.handlers.remove(type, handler as JobEventHandler);
  }

  /** Removes a handler for all types. Gives `false` when there was none. */
  removeGlobalHandler(handler: JobEventHandler): boolean {
    return this.#dispatcher.handlers.remove(undefined, handler);
  }

  /**
   * Begins to process. Resolves when nothing that is stored from then on is missed. Idempotent.
   *
   * @throws {JobEventError} The source cannot be followed; the code says why.
   */
  async start(): Promise<void> {
    if (this.#options.enabled === false) return;
    const running = this.#running ??= this.#stopping.then(() => this.#start());
    try {
      await running;
    } catch (error) {
      if (this.#running === running) this.#running = undefined;
      throw error;
    }
  }

  /**
   * Takes no more events, waits for the handlers that run, gives back what is unfinished, ends the
   * monitors and lets everybody who waits go on with `null`. Idempotent; `start()` may follow. A
   * second call with a shorter `graceMs` shortens the first one's.
   *
   * @param options `graceMs`: how long handlers that run may take. @default 5000
   */
  async stop(options: { readonly graceMs?: number } = {}): Promise<void> {
    for (const stopMonitor of [...this.#monitors]) stopMonitor();
    for (const wait of [...this.#waits]) wait.abort();
    if (this.#running !== undefined) this.#stopping = this.#end(this.#running);
    this.#running = undefined;
    const lanes = this.#lanes;
    const timer = setTimeout(() => lanes.abandon(), options.graceMs ?? 5000);
    await this.#stopping;
    clearTimeout(timer);
    await this.#hub.ended;
  }

  /**
   * Sets this processor's group back, or forward, for all its members: events are delivered from
   * there on, also those that were dealt with before. What is being handled is delivered again too,
   * where it is not before that position. Dead letters stay.
   *
   * @param from Where the group goes on.
   * @throws {JobEventError} `ERR_UNSUPPORTED`: the processor has no `consumerName`; else what the
   * source says.
   */
  async reset(from: StreamStart): Promise<void> {
    const consumerName = this.#group("reset");
    await using member = this.#source.consumeEvents({
      ...this.#consumeOptions(consumerName),
      from,
      reset: true,
    });
    await member.ready;
  }

  /**
   * Gives an event to its handlers, as if it had come from the source. Never rejects: failures are
   * counted and go to `onError`.
   */
  async processEvent(event: StoredJobEvent): Promise<void> {
    await this.#dispatcher.handle(event);
  }

  /**
   * Calls a handler with each further event of one job, in order, whether or not the processor was
   * started.
   *
   * @param options `eventTypes`: only these types. @default all
   * @returns Ends it.
   */
  monitorJob<T extends JobEventType = JobEventType>(
    jobId: string,
    handler: JobEventHandler<T>,
    options: { readonly eventTypes?: T | readonly T[] } = {},
  ): () => void {
    const types = options.eventTypes === undefined ? undefined : [options.eventTypes].flat();
    const lane = new Lanes(1, Infinity);
    const listener: LiveListener = {
      jobId,
      onEvent: (event) => {
        if (types !== undefined && !types.includes(event.eventType as T)) return;
        lane.push(jobId, async (abandoned) => {
          await this.#dispatcher.call(handler as JobEventHandler, event, abandoned);
        });
      },
      onEnd: (error) => {
        this.#monitors.delete(stop);
        if (error !== undefined) this.#dispatcher.reportError(error);
      },
    };
    const stop = () => {
      this.#monitors.delete(stop);
      this.#hub.remove(listener);
      lane.abandon();
    };
    this.#monitors.add(stop);
    // A subscription that fails ends, and `onEnd` reports it.
    this.#hub.add(listener).catch(() => {});
    return stop;
  }

  /**
   * Waits for an event of a job. Subscribes before it looks at what is stored, so an event that is
   * stored at any moment is found. Works whether or not the processor was started.
   *
   * @returns The event; `null` when the time was up or the processor was stopped.
   * @throws The signal's reason when it aborts; {@linkcode JobEventError} when the source fails.
   */
  async waitForJobEvent<T extends JobEventType>(
    jobId: string,
    types: T | readonly T[],
    options: WaitOptions = {},
  ): Promise<JobEventOf<T> | null> {
    const stopped = new AbortController();
    this.#waits.add(stopped);
    try {
      const list: readonly JobEventType[] = typeof types === "string" ? [types] : types;
      const wait = { jobId, types: list, options, stopped: stopped.signal };
      return await waitForEvent(this.#source, this.#hub, wait) as JobEventOf<T> | null;
    } finally {
      this.#waits.delete(stopped);
    }
  }

  /** What the processor has done so far. */
  stats(): ProcessorStats {
    return {
      ...this.#settler.counts,
      ...this.#dispatcher.counts,
      pending: this.#lanes.pending,
      waiters: this.#waits.size,
      monitors: this.#monitors.size,
    };
  }

  /** {@linkcode stop}, for `await using`. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.stop();
  }

  async #start(): Promise<Running> {
    const { consumerName, filter, from } = this.#options;
    const start = from === undefined ? {} : { from };
    const state = { stopping: false };
    if (consumerName === undefined) {
      const feed = this.#source.streamEvents({ ...filter, ...start });
      await feed.ready;
      return Object.assign(state, { feed, loop: this.#loop(feed, state, (e) => this.#take(e)) });
    }
    const feed = this.#source.consumeEvents({ ...this.#consumeOptions(consumerName), ...start });
    await feed.ready;
    return Object.assign(state, {
      feed,
      loop: this.#loop(feed, state, (d) => this.#settler.take(d, this.#lanes)),
    });
  }

  async #end(starting: Promise<Running>): Promise<void> {
    const running = await starting.catch(() => undefined);
    if (running === undefined) return;
    running.stopping = true;
    await this.#lanes.idle();
    this.#lanes = this.#newLanes();
    this.#settler.abandon();
    await running.feed[Symbol.asyncDispose]();
    await running.loop;
  }

  #consumeOptions(consumerName: string): ConsumeOptions {
    return {
      ...this.#options.filter,
      consumerName,
      ackWaitMs: this.#ackWaitMs,
      maxDeliver: this.#maxDeliver,
      maxPending: this.#limit(),
      onDeadLetter: this.#settler.onBuried,
    };
  }

  #group(action: string): string {
    const { consumerName } = this.#options;
    if (consumerName !== undefined) return consumerName;
    throw new JobEventError(
      "ERR_UNSUPPORTED",
      `Cannot ${action}: the processor has no consumerName, so it is in no group`,
    );
  }

  /** Reads a feed until it ends. What comes while the processor stops is not handled. */
  async #loop<T>(
    feed: AsyncIterable<T>,
    state: { readonly stopping: boolean },
    take: (item: T) => void,
  ): Promise<void> {
    try {
      for await (const item of feed) {
        if (state.stopping) {
          // To take more only to give it back would count as deliveries.
          await this.#lanes.idle();
          break;
        }
        take(item);
        await this.#lanes.room();
      }
    } catch (error) {
      this.#dispatcher.reportError(error);
    }
    await this.#lanes.idle();
    this.#settler.abandon();
  }

  #take(event: StoredJobEvent): void {
    this.#dispatcher.counts.received++;
    this.#lanes.push(
      event.jobId,
      async (abandoned) => void await this.#dispatcher.handle(event, abandoned),
    );
  }

  #limit(): number {
    return this.#concurrency * 16;
  }

  #newLanes(): Lanes {
    return new Lanes(this.#concurrency, this.#limit());
  }
}
