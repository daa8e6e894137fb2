/** The processor: gives events to handlers as they are stored. */

import { JobEventError } from "../errors.ts";
import type { JobEventType, StoredJobEvent } from "../gen/types.ts";
import { atLeast } from "../logger/backoff.ts";
import { checkEventType, checkWhole, compileFilter } from "../storage/filter.ts";
import type { JobEventDelivery, JobEventSource, StreamStart } from "../storage/storage.ts";
import { startTimer } from "../timer.ts";
import { deadLettersOf, type ProcessorDeadLetters } from "./dead_letters.ts";
import { Dispatcher } from "./dispatcher.ts";
import { GroupIntake, type GroupOptions } from "./group_intake.ts";
import { Lanes } from "./lanes.ts";
import { LiveHub, type LiveListener } from "./live_hub.ts";
import type {
  JobEventHandler,
  JobEventOf,
  JobEventProcessorOptions,
  JobMonitor,
  ProcessorStats,
  WaitOptions,
} from "./options.ts";
import { PlainIntake } from "./plain_intake.ts";
import { type Intake, Run } from "./run.ts";
import { waitForEvent } from "./wait.ts";

/** What the source may read ahead of that; it takes less where events are handled slowly. */
const DEFAULT_MAX_PENDING = 100;
const DEFAULT_BACKOFF_MS = [1000, 5000, 30_000];

type AnyRun = Run<StoredJobEvent> | Run<JobEventDelivery>;

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
  readonly #group: GroupOptions | undefined;
  readonly #dispatcher: Dispatcher;
  readonly #hub: LiveHub;
  readonly #monitors = new Set<() => void>();
  readonly #waits = new Set<AbortController>();
  #run: AnyRun | undefined;
  /** The runs that are stopping, and not over. */
  readonly #ending = new Set<AnyRun>();

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
    const { concurrency = 1, ackWaitMs = 30_000, maxDeliver = 5, onDeadLetter } = options;
    checkWhole("concurrency", concurrency, 1);
    checkWhole("ackWaitMs", ackWaitMs, 1);
    checkWhole("maxDeliver", maxDeliver, 1);
    this.#concurrency = concurrency;
    const timeoutMs = atLeast("handlerTimeoutMs", options.handlerTimeoutMs ?? 30_000, 1);
    this.#dispatcher = new Dispatcher(timeoutMs, options.onError);
    const backoffMs = [options.backoffMs ?? DEFAULT_BACKOFF_MS].flat();
    for (const waitMs of backoffMs) atLeast("backoffMs", waitMs, 0);
    this.#hub = new LiveHub(source);
    const { consumerName, filter, from } = options;
    if (consumerName === undefined) return;
    const maxPending = Math.max(this.#maxWaiting(), DEFAULT_MAX_PENDING);
    const taking = { consumerName, filter, from, ackWaitMs, maxDeliver, maxPending };
    this.#group = { ...taking, backoffMs, onDeadLetter };
  }

  /**
   * The events that this processor's group gave up on: see what failed, give it to the group again
   * once the cause is mended, or throw it away.
   *
   * @throws {JobEventError} `ERR_UNSUPPORTED`: the processor has no `consumerName`.
   */
  get deadLetters(): ProcessorDeadLetters {
    return deadLettersOf(this.#source, this.#requireGroup("use dead letters").consumerName);
  }

  /**
   * Adds a handler for one type or several. A handler is called once for an event, however often
   * it was added.
   *
   * @returns Removes the handler.
   */
  on<T extends JobEventType>(types: T | readonly T[], handler: JobEventHandler<T>): () => void {
    const list = typeof types === "string" ? [types] : types;
    list.forEach(checkEventType);
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
   * When the source fails later, `onError` is told. After `ERR_UNAVAILABLE` and `ERR_TIMEOUT` the
   * processor tries again by itself, and goes on where it was; after anything else `start()` does.
   *
   * @throws {JobEventError} The source cannot be followed; the code says why.
   */
  async start(): Promise<void> {
    if (this.#options.enabled === false) return;
    if (this.#run?.isDead) this.#retire();
    this.#run ??= this.#newRun();
    await this.#run.live;
  }

  /**
   * Ends the monitors, lets everybody who waits go on with `null`, takes no more events and waits
   * for the handlers. Without a `consumerName` it first takes all events that were stored before
   * the call, so that none is lost that a logger has just flushed; with one it gives back what no
   * handler has begun when the time is up, for other members or the next run.
   *
   * Idempotent; `start()` may follow. A second call with a shorter `graceMs` shortens the first
   * one's. A handler that awaits it waits for itself, until the time is up.
   *
   * @param options `graceMs`: how long all this may take. @default 5000
   */
  async stop(options: { readonly graceMs?: number } = {}): Promise<void> {
    for (const stopMonitor of [...this.#monitors]) stopMonitor();
    for (const wait of [...this.#waits]) wait.abort();
    this.#retire();
    const ending = [...this.#ending];
    const cut = (): void => ending.forEach((run) => run.cut());
    const cancelTimer = startTimer(cut, options.graceMs ?? 5000);
    await Promise.all(ending.map((run) => run.over));
    cancelTimer();
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
    const group = this.#requireGroup("reset");
    const intake = new GroupIntake(this.#source, group, this.#dispatcher);
    const member = intake.open({ from, reset: true });
    try {
      await member.ready;
    } finally {
      await member[Symbol.asyncDispose]();
    }
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
   * What this process stores after the call is not missed. On a NATS cluster, and for what others
   * store, that holds once the monitor is `ready`.
   *
   * @param options `eventTypes`: only these types. @default all
   * @returns Ends it.
   */
  monitorJob<T extends JobEventType = JobEventType>(
    jobId: string,
    handler: JobEventHandler<T>,
    options: { readonly eventTypes?: T | readonly T[] } = {},
  ): JobMonitor {
    const types = options.eventTypes === undefined ? undefined : [options.eventTypes].flat();
    compileFilter(types === undefined ? { jobId } : { jobId, eventType: types });
    const lane = new Lanes(1, Infinity);
    const listener: LiveListener = {
      jobId,
      isOnlyNew: true,
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
    const ready = this.#hub.add(listener);
    this.#monitors.add(stop);
    // A subscription that fails ends, and `onEnd` reports it.
    ready.catch(() => {});
    return Object.assign(stop, { ready });
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
      compileFilter({ jobId, eventType: list });
      const wait = { jobId, types: list, options, stopped: stopped.signal };
      return await waitForEvent(this.#source, this.#hub, wait) as JobEventOf<T> | null;
    } finally {
      this.#waits.delete(stopped);
    }
  }

  /** What the processor has done so far. */
  stats(): ProcessorStats {
    let pending = 0;
    for (const run of [...this.#ending, this.#run]) pending += run?.lanes.pending ?? 0;
    return {
      ...this.#dispatcher.counts,
      pending,
      waiters: this.#waits.size,
      monitors: this.#monitors.size,
    };
  }

  /** {@linkcode stop}, for `await using`. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.stop();
  }

  #newRun(): AnyRun {
    const dispatcher = this.#dispatcher;
    if (this.#group !== undefined) {
      return this.#runOf(new GroupIntake(this.#source, this.#group, dispatcher));
    }
    return this.#runOf(new PlainIntake(this.#source, this.#options, dispatcher));
  }

  #runOf<Item>(intake: Intake<Item>): Run<Item> {
    const lanes = new Lanes(this.#concurrency, this.#maxWaiting());
    // The events of one job are handled one after the other, also those of two runs.
    const after = Promise.all([...this.#ending].map((run) => run.over));
    return new Run(intake, lanes, after, (error) => this.#dispatcher.reportError(error));
  }

  /** Has the current run, if there is one, come to its end. */
  #retire(): void {
    const run = this.#run;
    if (run === undefined) return;
    this.#run = undefined;
    this.#ending.add(run);
    run.stop().then(() => this.#ending.delete(run));
  }

  #requireGroup(action: string): GroupOptions {
    if (this.#group !== undefined) return this.#group;
    throw new JobEventError(
      "ERR_UNSUPPORTED",
      `Cannot ${action}: the processor has no consumerName, so it is in no group`,
    );
  }

  /** How many events may be taken that wait for their turn or are handled. */
  #maxWaiting(): number {
    return this.#concurrency * 16;
  }
}
