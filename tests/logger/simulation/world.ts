/** A logger, its owner, its sink and the time: everything that acts in one simulation. */

import type { JobEventError } from "../../../src/errors.ts";
import type { JobEvent } from "../../../src/gen/types.ts";
import type { CancelTimer, Clock } from "../../../src/logger/clock.ts";
import type { JobEventLogger } from "../../../src/logger/logger.ts";
import type { FlushReport, StopReport } from "../../../src/logger/options.ts";
import { FakeClock } from "../fake_clock.ts";
import { Book, type SimulatedEvent } from "./book.ts";
import { Chance } from "./random.ts";
import { drawSettings, type Settings } from "./settings.ts";
import { SimulatedSink } from "./sink.ts";

/** Which logger is watched: the real one, or one that was broken on purpose. */
export type LoggerClass = typeof JobEventLogger;

/** Something that the owner waits for. */
export interface Wait {
  readonly what: "flush" | "ready" | "stop" | "producer";
  readonly deadlineMs: number;
  isOver: boolean;
}

const INVALID: readonly unknown[] = [
  null,
  {},
  { jobId: "", eventType: "cancelled", timestamp: 1 },
  { jobId: "job-1", eventType: "nope", timestamp: 1 },
  { jobId: "x".repeat(300), eventType: "cancelled", timestamp: 1 },
  { jobId: "job-1", eventType: "cancelled", timestamp: 1, details: { call: () => {} } },
];

/** More than any simulation needs: a logger that is broken may set a timer again and again. */
const MAX_TIMERS = 20_000;

/** Counts the timers that a logger has set. */
class WatchedClock implements Clock {
  timers = 0;
  /** Those that keep a script alive. */
  keptAlive = 0;
  #everSet = 0;
  readonly #clock: Clock;
  readonly #onTooMany: () => void;

  constructor(clock: Clock, onTooMany: () => void) {
    this.#clock = clock;
    this.#onTooMany = onTooMany;
  }

  now(): number {
    return this.#clock.now();
  }

  setTimer(
    callback: () => void,
    delayMs: number,
    { keepAlive }: { readonly keepAlive: boolean },
  ): CancelTimer {
    if (++this.#everSet > MAX_TIMERS) {
      this.#onTooMany();
      return () => {};
    }
    let isSet = true;
    const count = (by: number) => {
      this.timers += by;
      if (keepAlive) this.keptAlive += by;
    };
    const end = () => {
      if (isSet) count(-1);
      isSet = false;
    };
    count(1);
    const cancel = this.#clock.setTimer(
      () => {
        end();
        callback();
      },
      delayMs,
      { keepAlive },
    );
    return () => {
      end();
      cancel();
    };
  }
}

/** What one simulation is made of, and what its owner can do. */
export class World {
  readonly chance: Chance;
  readonly settings: Settings;
  readonly clock: FakeClock = new FakeClock();
  readonly timers: WatchedClock = new WatchedClock(
    this.clock,
    () => this.book.fail("timers are set without end"),
  );
  readonly book: Book;
  readonly sink: SimulatedSink;
  readonly logger: JobEventLogger;
  readonly waits: Wait[] = [];
  #stopping: Promise<StopReport> | undefined;
  #depth = 0;
  readonly #trace: ((line: string) => void) | undefined;

  constructor(seed: number, loggerClass: LoggerClass, trace?: (line: string) => void) {
    this.#trace = trace;
    const chance = this.chance = new Chance(seed);
    const settings = this.settings = drawSettings(chance);
    this.say(JSON.stringify(settings));
    const book = this.book = new Book({
      settings,
      now: () => this.clock.now(),
      onViolation: (what) => this.say(`!!! ${what}`),
    });
    this.sink = new SimulatedSink({
      book,
      chance,
      clock: this.clock,
      settings,
      trace: (line) => this.say(line),
      onAppend: () => this.#mischief(),
    });
    this.logger = new loggerClass(this.sink, {
      ...settings,
      clock: this.timers,
      random: () => chance.fraction(),
      onError: (error) => this.#onError(error),
      onDrop: (events, reason) => {
        book.dropped(events, reason, this.logger.stats().inFlight === 0);
        this.say(`onDrop ${reason}: ${events.map(({ eventId }) => eventId.split("-").at(-1))}`);
        this.#mischief({ mayThrow: true });
      },
    });
  }

  /** Adds a line to the trace. */
  say(line: string): void {
    this.#trace?.(`${String(this.clock.now()).padStart(8)} ${"  ".repeat(this.#depth)}${line}`);
  }

  /** Makes an event of a random job and size. */
  newEvent(): SimulatedEvent {
    const { chance } = this;
    const padding = chance.happens(0.03)
      ? chance.between(20_000, 70_000)
      : chance.between(0, chance.pick(20, 80, 400));
    return this.book.newEvent(`job-${chance.between(1, 3)}`, padding, chance.happens(0.05));
  }

  /** Logs an event and checks what the call tells. */
  log(event: SimulatedEvent): boolean {
    const { book, logger, settings } = this;
    const { buffered, bufferedBytes } = logger.stats();
    const hadRoom = buffered < settings.maxBufferSize &&
      bufferedBytes + event.payload.length <= settings.maxBufferBytes;
    const losses = book.counts.overflow;
    const depth = this.#depth;
    book.begin(event);
    let taken = false;
    try {
      taken = logger.logEvent(event.event);
    } catch {
      book.fail("logEvent() throws");
    }
    book.returned(event, taken, hadRoom);
    this.say(`log #${event.number}, ${event.payload.length} bytes: ${taken} (${event.fate})`);
    // Callbacks that log can fill the buffer again before the call returns.
    if (hadRoom && depth === 0 && settings.mischiefRate === 0) {
      if (book.counts.overflow > losses) book.fail("something is lost although there is room");
    }
    if (taken && settings.mischiefRate === 0) this.#checkIsFull();
    return taken;
  }

  /** Logs what is no event. */
  logInvalid(): void {
    this.say("log something invalid");
    this.book.counts.refused++;
    try {
      if (this.logger.logEvent(this.chance.pick(...INVALID) as JobEvent)) {
        this.book.fail("something invalid is taken");
      }
    } catch {
      this.book.fail("logEvent() throws");
    }
  }

  /** Flushes, and checks the report when it comes. */
  flush(timeoutMs: number | undefined): void {
    const { buffered } = this.logger.stats();
    const deadlineMs = this.clock.now() + (timeoutMs ?? this.settings.stopTimeoutMs);
    this.say(`flush ${timeoutMs} ms, ${buffered} buffered`);
    const options = timeoutMs === undefined ? {} : { timeoutMs };
    this.#wait("flush", deadlineMs, this.logger.flush(options), (report: FlushReport) => {
      const { stored, pending, dropped } = report;
      this.say(`flushed ${JSON.stringify(report)}`);
      if (stored + pending + dropped !== buffered) {
        this.book.fail(`flush() of ${buffered} events reports ${JSON.stringify(report)}`);
      }
      if (pending > 0 && this.clock.now() < deadlineMs) this.book.fail("flush() gives up early");
    });
  }

  /** Waits for room. */
  ready(): void {
    this.say(`ready, ${this.logger.isFull ? "full" : "not full"}`);
    this.#wait("ready", Infinity, this.logger.ready(), () => {});
  }

  /** Logs as the documentation says for the policy `block`. */
  produce(count: number): void {
    this.say(`produce ${count}`);
    const produce = async () => {
      for (let left = count; left > 0; left--) {
        const event = this.newEvent();
        while (!this.log(event) && this.logger.isFull) await this.logger.ready();
      }
    };
    this.#wait("producer", Infinity, produce(), () => {});
  }

  /** Stops; a second time joins the first. */
  stop(timeoutMs: number | undefined): void {
    this.say(`stop ${timeoutMs} ms`);
    const deadlineMs = this.clock.now() + (timeoutMs ?? this.settings.stopTimeoutMs);
    this.book.isStopping = true;
    const stopping = this.logger.stop(timeoutMs === undefined ? {} : { timeoutMs });
    const isFirst = this.#stopping === undefined;
    this.#stopping ??= stopping;
    const wait = isFirst ? deadlineMs : Infinity;
    this.#wait("stop", wait, stopping, async (report: StopReport) => {
      if (report !== await this.#stopping) this.book.fail("stop() has two reports");
      if (isFirst) this.#checkStop(report, deadlineMs);
    });
  }

  /** No event was blocked since the last one was taken. */
  #checkIsFull(): void {
    const { maxBufferSize, maxBufferBytes } = this.settings;
    const { buffered, bufferedBytes } = this.logger.stats();
    const isFull = buffered >= maxBufferSize || bufferedBytes > maxBufferBytes;
    if (this.logger.isFull === isFull) return;
    this.book.fail(`isFull is ${!isFull}, with ${bufferedBytes} of ${maxBufferBytes} bytes`);
  }

  #checkStop(report: StopReport, deadlineMs: number): void {
    const { book, logger } = this;
    const { stored, undelivered, dropped, events } = report;
    this.say(`stopped ${JSON.stringify({ stored, undelivered, dropped })}`);
    book.hasEnded = true;
    const stats = logger.stats();
    if (stored !== stats.stored) book.fail("stop() reports another number of stored events");
    if (stored + undelivered + dropped !== stats.logged) book.fail("stop() does not add up");
    if (undelivered !== events.length || undelivered !== book.of("undelivered").length) {
      book.fail(`stop() reports ${undelivered} undelivered events with ${events.length} in hand`);
    }
    if (book.of("pending").length > 0) book.fail("stop() loses events");
    if (undelivered > 0 && this.clock.now() < deadlineMs) book.fail("stop() gives up early");
    if (book.running?.signal?.aborted === false) book.fail("stop() leaves an append alone");
  }

  #wait<Value>(
    what: Wait["what"],
    deadlineMs: number,
    promise: Promise<Value>,
    check: (value: Value) => void | Promise<void>,
  ): void {
    const wait: Wait = { what, deadlineMs, isOver: false };
    this.waits.push(wait);
    promise.then((value) => {
      wait.isOver = true;
      return check(value);
    }).catch((error) => this.book.fail(`${what} rejects: ${error}`));
  }

  #onError(error: JobEventError): void {
    this.book.counts.errors++;
    this.say(`onError ${error?.message}`);
    if (error?.name !== "JobEventError") this.book.fail(`onError gets ${String(error)}`);
    this.#mischief({ mayThrow: true });
  }

  /** What a callback does from inside. */
  #mischief({ mayThrow = false }: { readonly mayThrow?: boolean } = {}): void {
    const { chance } = this;
    if (this.sink.isHealed || this.#depth >= 2 || !chance.happens(this.settings.mischiefRate)) {
      return;
    }
    this.#depth++;
    try {
      switch (chance.between(0, 6)) {
        case 0:
        case 1:
          this.log(this.newEvent());
          break;
        case 2:
          this.flush(chance.pick(undefined, 0, 50, 3000));
          break;
        case 3:
          this.ready();
          break;
        case 4:
          if (chance.happens(0.2)) this.stop(chance.pick(undefined, 0, 50, 3000));
          break;
        case 5:
          this.logInvalid();
          break;
        default:
          if (mayThrow) throw chance.pick<unknown>(new Error("owner"), null, Object.create(null));
      }
    } finally {
      this.#depth--;
    }
  }
}
