/** The processor: gives events to handlers as they are stored. */

import { type JobEventError, messageOf } from "../errors.ts";
import type { JobEventType, StoredJobEvent } from "../gen/types.ts";
import { atLeast } from "../logger/backoff.ts";
import { systemClock } from "../logger/clock.ts";
import { ConsoleReport } from "../logger/console_report.ts";
import type { JobEventDelivery, JobEventSource } from "../storage/storage.ts";
import { type HandlerOutcome, HandlerRegistry, invoke } from "./handlers.ts";
import { Lanes } from "./lanes.ts";
import { LiveHub, type LiveListener } from "./live_hub.ts";
import type {
  JobEventHandler,
  JobEventOf,
  JobEventProcessorOptions,
  ProcessorStats,
  WaitOptions,
} from "./options.ts";
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
  readonly #handlerTimeoutMs: number;
  readonly #ackWaitMs: number;
  readonly #maxDeliver: number;
  readonly #backoffMs: readonly number[];
  readonly #handlers = new HandlerRegistry();
  readonly #hub: LiveHub;
  readonly #monitors = new Set<() => void>();
  readonly #waits = new Set<AbortController>();
  readonly #console = new ConsoleReport(systemClock);
  #lanes: Lanes;
  #running: Promise<Running> | undefined;
  readonly #counts = {
    received: 0,
    processed: 0,
    failed: 0,
    redelivered: 0,
    deadLetters: 0,
    handlerErrors: 0,
    handlerTimeouts: 0,
    abandoned: 0,
  };

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
    this.#handlerTimeoutMs = atLeast("handlerTimeoutMs", options.handlerTimeoutMs ?? 30_000, 1);
    this.#ackWaitMs = atLeast("ackWaitMs", options.ackWaitMs ?? 30_000, 1);
    this.#maxDeliver = atLeast("maxDeliver", options.maxDeliver ?? 5, 1);
    this.#backoffMs = [options.backoffMs ?? DEFAULT_BACKOFF_MS].flat();
    for (const backoffMs of this.#backoffMs) atLeast("backoffMs", backoffMs, 0);
    this.#hub = new LiveHub(source);
    this.#lanes = this.#newLanes();
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
    const added = list.filter((type) => this.#handlers.add(type, handler as JobEventHandler));
    return () => {
      for (const type of added) this.#handlers.remove(type, handler as JobEventHandler);
    };
  }

  /** Adds a handler for all types. The returned function removes it. */
  onAny(handler: JobEventHandler): () => void {
    this.addGlobalHandler(handler);
    return () => void this.removeGlobalHandler(handler);
  }

  /** Adds a handler for a type. Gives `false` when it was there already. */
  addHandler<T extends JobEventType>(type: T, handler: JobEventHandler<T>): boolean {
    return this.#handlers.add(type, handler as JobEventHandler);
  }

  /** Adds a handler for all types. Gives `false` when it was there already. */
  addGlobalHandler(handler: JobEventHandler): boolean {
    return this.#handlers.add(undefined, handler);
  }

  /** Removes a handler of a type. Gives `false` when there was none. */
  removeHandler<T extends JobEventType>(type: T, handler: JobEventHandler<T>): boolean {
    return this.#handlers.remove(type, handler as JobEventHandler);
  }

  /** Removes a handler for all types. Gives `false` when there was none. */
  removeGlobalHandler(handler: JobEventHandler): boolean {
    return this.#handlers.remove(undefined, handler);
  }

  /**
   * Begins to process. Resolves when nothing that is stored from then on is missed. Idempotent.
   *
   * @throws {JobEventError} The source cannot be followed; the code says why.
   */
  async start(): Promise<void> {
    if (this.#options.enabled === false) return;
    const running = this.#running ??= this.#start();
    try {
      await running;
    } catch (error) {
      if (this.#running === running) this.#running = undefined;
      throw error;
    }
  }

  /**
   * Takes no more events, waits for the handlers that run, gives back what is unfinished, ends the
   * monitors and lets everybody who waits go on with `null`. Idempotent; `start()` may follow.
   *
   * @param options `graceMs`: how long handlers that run may take. @default 5000
   */
  async stop(options: { readonly graceMs?: number } = {}): Promise<void> {
    for (const stopMonitor of [...this.#monitors]) stopMonitor();
    for (const wait of [...this.#waits]) wait.abort();
    const starting = this.#running;
    this.#running = undefined;
    const running = await starting?.catch(() => undefined);
    if (running !== undefined) {
      running.stopping = true;
      await this.#withinGrace(this.#lanes.idle(), options.graceMs ?? 5000);
      this.#lanes.abandon();
      this.#lanes = this.#newLanes();
      await running.feed[Symbol.asyncDispose]();
      await running.loop;
    }
    await this.#hub.ended;
  }

  /**
   * Gives an event to its handlers, as if it had come from the source. Never rejects: failures are
   * counted and go to `onError`.
   */
  async processEvent(event: StoredJobEvent): Promise<void> {
    await this.#handle(event);
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
          await this.#call(handler as JobEventHandler, event, abandoned);
        });
      },
      onEnd: (error) => {
        this.#monitors.delete(stop);
        if (error !== undefined) this.#reportError(error);
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
      ...this.#counts,
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
    const feed = this.#source.consumeEvents({
      ...filter,
      ...start,
      consumerName,
      ackWaitMs: this.#ackWaitMs,
      maxDeliver: this.#maxDeliver,
      maxPending: this.#limit(),
    });
    await feed.ready;
    return Object.assign(state, { feed, loop: this.#loop(feed, state, (d) => this.#settle(d)) });
  }

  /** Reads a feed until it ends. What comes while the processor stops is left where it is. */
  async #loop<T>(
    feed: AsyncIterable<T>,
    state: { readonly stopping: boolean },
    take: (item: T) => void,
  ): Promise<void> {
    try {
      for await (const item of feed) {
        if (state.stopping) continue;
        take(item);
        await this.#lanes.room();
      }
    } catch (error) {
      this.#reportError(error);
    }
  }

  #take(event: StoredJobEvent): void {
    this.#counts.received++;
    this.#lanes.push(event.jobId, async (abandoned) => void await this.#handle(event, abandoned));
  }

  #settle(delivery: JobEventDelivery): void {
    this.#counts.received++;
    if (delivery.deliveryCount > 1) this.#counts.redelivered++;
    this.#lanes.push(delivery.event.jobId, async (abandoned) => {
      try {
        await this.#deliver(delivery, abandoned);
      } catch (error) {
        // The settling failed, not the handler: the event is delivered again.
        this.#reportError(error, delivery.event);
      }
    });
  }

  async #deliver(delivery: JobEventDelivery, abandoned: AbortSignal): Promise<void> {
    const { event, deliveryCount } = delivery;
    const keepAlive = setInterval(
      () => void delivery.inProgress().catch((error) => this.#reportError(error, event)),
      Math.max(this.#ackWaitMs / 3, 1),
    );
    const failure = await this.#handle(event, abandoned).finally(() => clearInterval(keepAlive));
    // The end of the feed gives the event back.
    if (abandoned.aborted) return;
    if (failure === undefined) return await delivery.ack();
    if (deliveryCount < this.#maxDeliver) {
      const index = Math.min(deliveryCount, this.#backoffMs.length) - 1;
      return await delivery.nak({ delayMs: this.#backoffMs[index] ?? 0 });
    }
    await delivery.deadLetter(messageOf(failure.error));
    this.#counts.deadLetters++;
    this.#guard(() => this.#options.onDeadLetter?.(event, failure.error));
  }

  /** Calls every handler of an event. Gives the first failure. */
  async #handle(
    event: StoredJobEvent,
    abandoned?: AbortSignal,
  ): Promise<{ readonly error: unknown } | undefined> {
    const handlers = this.#handlers.for(event.eventType);
    const outcomes = await Promise.all(
      handlers.map((handler) => this.#call(handler, event, abandoned)),
    );
    const failure = outcomes.find((outcome) => "error" in outcome);
    if (failure !== undefined) this.#counts.failed++;
    else if (!abandoned?.aborted) this.#counts.processed++;
    return failure;
  }

  async #call(
    handler: JobEventHandler,
    event: StoredJobEvent,
    abandoned?: AbortSignal,
  ): Promise<HandlerOutcome> {
    const outcome = await invoke(handler, event, this.#handlerTimeoutMs, abandoned);
    if (outcome.status === "abandoned") this.#counts.abandoned++;
    if (outcome.status === "timeout") this.#counts.handlerTimeouts++;
    if ("error" in outcome) {
      this.#counts.handlerErrors++;
      this.#reportError(outcome.error, event);
    }
    return outcome;
  }

  #reportError(error: unknown, event?: StoredJobEvent): void {
    // The owner closed the source under the processor: that ends it and is no failure.
    if (event === undefined && (error as Partial<JobEventError>)?.code === "ERR_CLOSED") return;
    const { onError } = this.#options;
    if (onError === undefined) this.#console.add("processor errors", 1, messageOf(error));
    else this.#guard(() => onError(error, event));
  }

  /** Calls the owner's function; what it throws must not reach the handlers. */
  #guard(callback: () => void): void {
    try {
      callback();
    } catch (error) {
      this.#console.add("errors in onError or onDeadLetter", 1, messageOf(error));
    }
  }

  #limit(): number {
    return this.#concurrency * 16;
  }

  #newLanes(): Lanes {
    return new Lanes(this.#concurrency, this.#limit());
  }

  async #withinGrace(idle: Promise<void>, graceMs: number): Promise<void> {
    let timer: ReturnType<typeof setTimeout> | undefined;
    const over = new Promise<void>((resolve) => timer = setTimeout(resolve, graceMs));
    await Promise.race([idle, over]);
    clearTimeout(timer);
  }
}
