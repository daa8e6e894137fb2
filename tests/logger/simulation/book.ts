/** What must have become of each event, kept apart from the logger that is watched. */

import { encodeJobEvent } from "../../../src/event/encode.ts";
import { decodeJobEvent } from "../../../src/gen/decode.ts";
import { JobEvent } from "../../../src/gen/factories.ts";
import type { DroppedJobEvent, DropReason } from "../../../src/logger/options.ts";
import type { AppendOutcome, JobEventRecord } from "../../../src/storage/storage.ts";
import type { Settings } from "./settings.ts";

/** What became of an event. `logging`: its `logEvent` has not returned. */
export type Fate =
  | "logging"
  | "blocked"
  | "refused"
  | "late"
  | "pending"
  | "stored"
  | "rejected"
  | "overflow"
  | "undelivered";

/** One event of a simulation. */
export interface SimulatedEvent {
  readonly number: number;
  readonly event: JobEvent;
  readonly payload: Uint8Array;
  /** The sink never takes it. */
  readonly isPoison: boolean;
  fate: Fate;
  loggedAtMs: number;
  /** The how-manieth call of `logEvent` it was: one that was blocked may be logged again. */
  order: number;
  /** When the sink last said, or left open, that it is not stored. */
  failedAtMs: number | undefined;
  eventId: string | undefined;
  /** When the sink last stored it. */
  storedAtMs: number | undefined;
  /** The sink stored a later event of the job and not this one, although it was given both. */
  isOvertaken: boolean;
  isReported: boolean;
}

/** One append. */
export interface Batch {
  readonly events: readonly SimulatedEvent[];
  readonly signal: AbortSignal | undefined;
}

/** What a book is made of. */
export interface BookParts {
  readonly settings: Settings;
  readonly now: () => number;
  readonly onViolation: (what: string) => void;
}

/** Follows every event, and notes what breaks a promise of the logger. */
export class Book {
  readonly events: SimulatedEvent[] = [];
  /** What is wrong, each once. Checks run in callbacks whose exceptions the logger catches. */
  readonly violations: Set<string> = new Set();
  readonly counts = { refused: 0, blocked: 0, overflow: 0, errors: 0, failures: 0, batches: 0 };
  duplicates = 0;
  retried = 0;
  /** The append that is under way. */
  running: Batch | undefined;
  lastAnswerAtMs: number = -Infinity;
  lastAnswerFailed = false;
  /** Something was dropped for want of room while nothing was under way, nor was since. */
  isLosing = false;
  isStopping = false;
  /** The logger handed over what was left. */
  hasEnded = false;
  readonly #now: () => number;
  readonly #settings: Settings;
  readonly #onViolation: (what: string) => void;
  readonly #newest = new Map<string, number>();
  /** The calls of `logEvent` that have not returned, the innermost last. */
  readonly #calls: { readonly event: SimulatedEvent; readonly isLate: boolean }[] = [];
  #logCalls = 0;

  constructor({ settings, now, onViolation }: BookParts) {
    this.#settings = settings;
    this.#now = now;
    this.#onViolation = onViolation;
  }

  /** Notes that a promise is broken. */
  fail(what: string): void {
    if (this.violations.has(what)) return;
    this.violations.add(what);
    this.#onViolation(what);
  }

  /** A new event; its message says its number. */
  newEvent(jobId: string, padding: number, isPoison: boolean): SimulatedEvent {
    const number = this.events.length;
    const message = `${number}|${"x".repeat(padding)}`;
    const event = JobEvent.create({ jobId, eventType: "cancelled", timestamp: 1, message });
    const created: SimulatedEvent = {
      number,
      event,
      payload: encodeJobEvent(event),
      isPoison,
      fate: "refused",
      loggedAtMs: 0,
      order: 0,
      failedAtMs: undefined,
      eventId: undefined,
      storedAtMs: undefined,
      isOvertaken: false,
      isReported: false,
    };
    this.events.push(created);
    return created;
  }

  /** Those of a fate. */
  of(...fates: readonly Fate[]): SimulatedEvent[] {
    return this.events.filter((event) => fates.includes(event.fate));
  }

  /** Those that are to be stored, in the order in which they were logged. */
  left(): SimulatedEvent[] {
    return this.of("pending", "logging").sort((a, b) => a.order - b.order);
  }

  /** `logEvent` is called. */
  begin(event: SimulatedEvent): void {
    event.fate = "logging";
    event.loggedAtMs = this.#now();
    event.order = ++this.#logCalls;
    this.#calls.push({ event, isLate: this.isStopping });
  }

  /** `logEvent` has returned. */
  returned(event: SimulatedEvent, taken: boolean, hadRoom: boolean): void {
    const { isLate } = this.#calls.pop()!;
    // A callback from within the call may have told more of it already.
    if (event.fate !== "logging") {
      if (event.fate === "late" && taken) this.fail(`#${event.number} is late, and taken`);
      return;
    }
    if (taken) {
      event.fate = "pending";
    } else if (event.payload.length > this.#settings.maxBufferBytes) {
      event.fate = "refused";
      this.counts.refused++;
    } else {
      event.fate = "blocked";
      this.counts.blocked++;
      if (this.#settings.overflow !== "block") {
        this.fail(`#${event.number} is not taken, and nobody is told`);
      }
      if (hadRoom) this.fail(`#${event.number} is blocked although there is room`);
    }
    if (taken && isLate) this.fail(`#${event.number} is taken after stop()`);
  }

  /** The sink was given records. */
  sent(records: readonly JobEventRecord[], signal: AbortSignal | undefined): Batch {
    const events = records.map((record) => this.#find(record, "sent"));
    const batch = { events, signal };
    if (this.running !== undefined) this.fail("two appends are under way");
    if (this.hasEnded) this.fail("something is sent after the end");
    this.#checkOrder(events);
    const { batchSize, maxBufferSize, batchBytes } = this.#settings;
    if (events.length === 0 || events.length > Math.min(batchSize, maxBufferSize)) {
      this.fail(`${events.length} events are sent in a batch`);
    }
    const bytes = events.slice(0, -1).reduce((sum, event) => sum + event.payload.length, 0);
    if (bytes >= batchBytes) this.fail(`a batch of ${bytes} bytes gets another event`);
    this.running = batch;
    this.isLosing = false;
    this.counts.batches++;
    return batch;
  }

  /** The sink answers; `undefined` stands for an exception or for no list at all. */
  answered(
    batch: Batch,
    outcomes: readonly (AppendOutcome | undefined | null)[] | undefined,
  ): void {
    this.running = undefined;
    this.lastAnswerAtMs = this.#now();
    if (this.hasEnded) return;
    let failed = 0;
    batch.events.forEach((event, index) => {
      if (event.fate !== "pending" && event.fate !== "logging") {
        return this.fail(`#${event.number} is ${event.fate} while it is under way`);
      }
      const status = outcomes?.[index]?.status;
      if (status === "stored" || status === "duplicate") {
        event.fate = "stored";
        if (status === "duplicate") this.duplicates++;
      } else if (status === "rejected") {
        event.fate = "rejected";
      } else {
        failed++;
        event.failedAtMs = this.#now();
      }
    });
    this.retried += failed;
    if (failed > 0) this.counts.failures++;
    this.lastAnswerFailed = failed > 0;
  }

  /** The sink has stored an event for the first time, or again after its window. */
  stored(event: SimulatedEvent): void {
    const { number, storedAtMs } = event;
    const now = this.#now();
    if (storedAtMs === undefined) this.#checkJobOrder(event);
    else if (now - storedAtMs <= this.#settings.duplicateWindowMs) {
      this.fail(`#${number} is stored twice`);
    }
    event.storedAtMs = now;
  }

  /** The owner is told of lost events; `isIdle`: while nothing was under way. */
  dropped(events: readonly DroppedJobEvent[], reason: DropReason, isIdle: boolean): void {
    const dropped = events.map((event) => this.#find(event, `dropped (${reason})`));
    if (events.length === 0) this.fail("onDrop is called for nothing");
    for (const [index, event] of dropped.entries()) {
      if (events[index]!.jobId !== event.event.jobId) this.fail("onDrop has the wrong job");
      if (events[index]!.eventType !== event.event.eventType) this.fail("the wrong type");
      if (event.isReported) this.fail(`#${event.number} is reported twice`);
      event.isReported = true;
      this.#checkDrop(event, reason);
    }
    if (reason !== "overflow") return;
    this.isLosing = isIdle;
    if (this.#settings.overflow === "block") this.fail("the policy is block, and events are lost");
    if (dropped.length > 1 && dropped.includes(this.#calls.at(-1)!.event)) {
      this.fail("older events are dropped, and the new one does not fit all the same");
    }
  }

  #checkDrop(event: SimulatedEvent, reason: DropReason): void {
    const { fate, number } = event;
    if (reason === "rejected") {
      if (fate !== "rejected") this.fail(`#${number} is ${fate}, and reported as rejected`);
    } else if (fate !== "pending" && fate !== "logging") {
      this.fail(`#${number} is ${fate}, and reported as dropped (${reason})`);
    } else if (reason === "overflow") {
      if (this.running?.events.includes(event)) this.fail(`#${number} is dropped under way`);
      event.fate = "overflow";
      this.counts.overflow++;
    } else {
      if (!this.isStopping) this.fail(`#${number} is dropped for a stop that nobody asked for`);
      event.fate = fate === "logging" ? "late" : "undelivered";
      if (fate === "pending") this.hasEnded = true;
    }
  }

  /** The event of a record, which must be exactly the one that was logged. */
  #find(record: JobEventRecord, what: string): SimulatedEvent {
    let number = -1;
    try {
      number = Number.parseInt(decodeJobEvent(record.payload).message ?? "", 10);
    } catch {
      // It is not found below.
    }
    const event = this.events[number];
    if (event === undefined) {
      this.fail(`bytes that are no event are ${what}`);
      throw new Error("There is no such event");
    }
    if (!isSame(event.payload, record.payload)) this.fail(`#${number} is ${what} with other bytes`);
    if (event.eventId !== undefined && event.eventId !== record.eventId) {
      this.fail(`#${number} is ${what} as ${record.eventId}, and was ${event.eventId} before`);
    }
    event.eventId = record.eventId;
    return event;
  }

  /** A batch is what is oldest among what is left, in order. */
  #checkOrder(sent: readonly SimulatedEvent[]): void {
    const left = this.left();
    let at = 0;
    for (const event of sent) {
      // An event whose call has not returned may be taken or not.
      while (left[at] !== event && left[at]?.fate === "logging") at++;
      if (left[at++] !== event) {
        this.fail(`#${event.number} (${event.fate}) is sent out of order`);
        return;
      }
    }
  }

  #checkJobOrder(event: SimulatedEvent): void {
    const { jobId } = event.event;
    const newest = this.#newest.get(jobId) ?? -1;
    const isLost = event.fate === "overflow" || event.fate === "undelivered";
    if (event.order < newest && !event.isOvertaken && !isLost) {
      this.fail(`#${event.number} of ${jobId} is stored after a later one`);
    }
    this.#newest.set(jobId, Math.max(newest, event.order));
  }
}

function isSame(a: Uint8Array, b: Uint8Array): boolean {
  return a.length === b.length && a.every((byte, index) => byte === b[index]);
}
