/** A sink that does everything that a sink may do, and much that it should not. */

import { JobEventError } from "../../../src/errors.ts";
import { JobEventSubjects } from "../../../src/event/subjects.ts";
import type {
  AppendOptions,
  AppendOutcome,
  JobEventRecord,
  JobEventSink,
} from "../../../src/storage/storage.ts";
import type { FakeClock } from "../fake_clock.ts";
import type { Batch, Book, SimulatedEvent } from "./book.ts";
import type { Chance } from "./random.ts";
import type { Settings } from "./settings.ts";

const ERROR = new JobEventError("ERR_UNAVAILABLE", "Cannot store: the simulation says so");

/** What goes wrong with one append. */
export type Fault =
  /** Nothing is stored. */
  | "fail"
  /** Everything is stored, and the answer says that it is not. */
  | "lost answer"
  /** A part is stored, in any order of failures. */
  | "part"
  /** The connection breaks after the first records. */
  | "first part"
  /** Fewer outcomes than records. */
  | "short answer"
  /** Something that is no list of outcomes. */
  | "nonsense"
  /** An exception, at once. */
  | "throw"
  /** An exception, later. */
  | "reject"
  /** The records lie in the network: they arrive after the answer says that they failed. */
  | "late arrival"
  /** No answer before the sink is repaired or the logger gives up. */
  | "hang"
  /** No answer, ever. */
  | "dead";

const FAULTS: readonly Fault[] = [
  "fail",
  "lost answer",
  "part",
  "first part",
  "short answer",
  "nonsense",
  "throw",
  "reject",
  "late arrival",
  "hang",
];

/** What the sink is made of. */
export interface SinkParts {
  readonly book: Book;
  readonly chance: Chance;
  readonly clock: FakeClock;
  readonly settings: Settings;
  readonly trace: (line: string) => void;
  /** Called from within `append`. */
  readonly onAppend: () => void;
}

type Answer = readonly (AppendOutcome | null | undefined)[];

/** Stores the events of a {@linkcode Book}, like a stream that knows ids for a while. */
export class SimulatedSink implements JobEventSink {
  readonly subjects: JobEventSubjects = new JobEventSubjects();
  /** Whether appends fail for want of a connection. */
  isDown = false;
  /** Whether no more faults are to come. */
  isHealed = false;
  /** An append will never be answered. */
  isDead = false;
  readonly #parts: SinkParts;
  /** When each id was stored. */
  readonly #ids = new Map<string, number>();
  /** What was stored and has not been answered yet. */
  readonly #fresh = new Set<SimulatedEvent>();
  readonly #hanging = new Set<() => void>();
  #sequence = 0;

  constructor(parts: SinkParts) {
    this.#parts = parts;
  }

  /** Not `async`: it may throw. */
  append(
    records: readonly JobEventRecord[],
    { signal }: AppendOptions = {},
  ): Promise<readonly AppendOutcome[]> {
    const { book, trace, onAppend } = this.#parts;
    const batch = book.sent(records, signal);
    const fault = this.#drawFault();
    trace(`append ${batch.events.map(({ number }) => `#${number}`)}: ${fault ?? "well"}`);
    onAppend();
    // Whatever it gives goes to the logger, which has to cope with it.
    return this.#perform(batch, fault) as Promise<readonly AppendOutcome[]>;
  }

  /** Answers what hangs. */
  repair(): void {
    this.isDown = false;
    for (const answer of [...this.#hanging]) answer();
  }

  close(): Promise<void> {
    return Promise.resolve();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }

  #drawFault(): Fault | undefined {
    const { chance, settings } = this.#parts;
    if (this.isHealed) return undefined;
    if (this.isDown) return chance.pick<Fault>("fail", "throw", "reject", "hang");
    if (!chance.happens(settings.faultRate)) return undefined;
    return chance.happens(0.02) ? "dead" : chance.pick(...FAULTS);
  }

  #perform(batch: Batch, fault: Fault | undefined): Promise<Answer> {
    const { chance, clock } = this.#parts;
    const { events } = batch;
    const outcomes = () => this.#outcomes(events);
    switch (fault) {
      case undefined:
        if (chance.happens(0.5)) this.#arrive(events, events);
        return this.#answer(batch, () => {
          this.#arrive(events, events);
          // A copy that came a second way is nothing new.
          if (chance.happens(0.1)) this.#arrive(events, events);
          return outcomes();
        });
      case "fail":
        return this.#answer(batch, outcomes);
      case "lost answer":
        this.#arrive(events, events);
        return this.#answer(batch, () => this.#denied(outcomes()));
      case "part":
        this.#arrive(events, events.filter(() => chance.happens(0.5)));
        return this.#answer(batch, outcomes);
      case "first part":
        this.#arrive(events, events.slice(0, chance.between(0, events.length)));
        return this.#answer(batch, chance.happens(0.5) ? outcomes : () => this.#denied(outcomes()));
      case "short answer":
        this.#arrive(events, events);
        return this.#answer(batch, () => outcomes().slice(0, chance.between(0, events.length - 1)));
      case "nonsense":
        return this.#answer(batch, () => chance.pick<unknown>(undefined, null, {}, [null], "ok"));
      case "throw":
        this.#parts.book.answered(batch, undefined);
        throw this.#oddity();
      case "reject":
        return this.#answer(batch, () => {
          throw this.#oddity();
        });
      case "late arrival": {
        const arriving = events.filter(() => chance.happens(0.9));
        clock.setTimer(() => this.#arrive(events, arriving), chance.between(0, 3000));
        return this.#answer(batch, () => this.#denied(outcomes()));
      }
      case "hang":
        return this.#hang(batch);
      case "dead":
        this.isDead = true;
        return new Promise(() => {});
    }
  }

  /** Answers at once or after a while. */
  #answer(batch: Batch, answer: () => unknown): Promise<Answer> {
    const { chance, clock, trace } = this.#parts;
    const delayMs = chance.pick(0, 0, 1, 30, 700);
    const settle = () => {
      try {
        const outcomes = answer();
        const list = Array.isArray(outcomes) ? outcomes : undefined;
        trace(`answer ${list?.map((outcome) => outcome?.status).join(",") ?? outcomes}`);
        this.#parts.book.answered(batch, list);
        return Promise.resolve(outcomes as Answer);
      } catch (error) {
        trace("answer with an exception");
        this.#parts.book.answered(batch, undefined);
        return Promise.reject(error);
      }
    };
    if (delayMs === 0) return settle();
    return new Promise((resolve) => clock.setTimer(() => resolve(settle()), delayMs));
  }

  #hang(batch: Batch): Promise<Answer> {
    const { chance } = this.#parts;
    return new Promise((resolve) => {
      const end = () => {
        if (!this.#hanging.delete(end)) return;
        if (chance.happens(0.5)) this.#arrive(batch.events, batch.events);
        resolve(this.#answer(batch, () => this.#outcomes(batch.events)));
      };
      this.#hanging.add(end);
      // An answer takes its time, also to a logger that gives up.
      batch.signal?.addEventListener("abort", () => queueMicrotask(end), { once: true });
    });
  }

  /** Stores what arrives of an append, in its order. */
  #arrive(appended: readonly SimulatedEvent[], arriving: readonly SimulatedEvent[]): void {
    for (const [index, event] of appended.entries()) {
      if (event.isPoison || !arriving.includes(event)) continue;
      for (const before of appended.slice(0, index)) {
        const isSameJob = before.event.jobId === event.event.jobId;
        if (isSameJob && before.storedAtMs === undefined) before.isOvertaken = true;
      }
      if (this.#knows(event)) continue;
      this.#parts.book.stored(event);
      this.#ids.set(event.eventId!, this.#parts.clock.now());
      this.#fresh.add(event);
    }
  }

  #knows({ eventId }: SimulatedEvent): boolean {
    const storedAtMs = this.#ids.get(eventId!);
    if (storedAtMs === undefined) return false;
    return this.#parts.clock.now() - storedAtMs <= this.#parts.settings.duplicateWindowMs;
  }

  /** The truth about records. */
  #outcomes(events: readonly SimulatedEvent[]): AppendOutcome[] {
    return events.map((event) => {
      if (event.isPoison) return { status: "rejected", error: ERROR };
      if (!this.#knows(event)) return { status: "retry", error: ERROR };
      const status = this.#fresh.delete(event) ? "stored" : "duplicate";
      return { status, sequence: ++this.#sequence };
    });
  }

  /** The same, but that some of what is stored is said not to be. */
  #denied(outcomes: readonly AppendOutcome[]): AppendOutcome[] {
    const all = this.#parts.chance.happens(0.5);
    return outcomes.map((outcome) =>
      outcome.status === "rejected" || !(all || this.#parts.chance.happens(0.5))
        ? outcome
        : { status: "retry", error: ERROR }
    );
  }

  #oddity(): unknown {
    const bare: unknown = Object.create(null);
    return this.#parts.chance.pick<unknown>(ERROR, new Error("broken"), "broken", undefined, bare);
  }
}
