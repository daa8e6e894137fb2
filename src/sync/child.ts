/** Blocking loggers with fields that every event gets. */

import { JobEventLogMethods } from "../gen/log_methods.ts";
import type { JobEvent } from "../gen/types.ts";
import { BoundFields, type JobEventBoundFields } from "../logger/bound_fields.ts";
import type { FlushReport, LoggerStats, StopReport } from "../logger/options.ts";
import type { JobEventLoggerSync } from "./logger.ts";
import type { BlockingOptions } from "./storage.ts";

/**
 * A logger with bound fields: see `JobEventLoggerSync.child`. It is the same logger but for these
 * fields: buffer, storage, statistics and end are those of the logger it was made from.
 */
export class JobEventChildLoggerSync extends JobEventLogMethods {
  readonly #parent: JobEventLoggerSync;
  readonly #refuse: (error: unknown) => boolean;
  readonly #bound: BoundFields;

  /**
   * Made by `JobEventLoggerSync.child`.
   *
   * @throws {TypeError} A field is not known or not valid.
   */
  constructor(
    parent: JobEventLoggerSync,
    bound: JobEventBoundFields,
    refuse: (error: unknown) => boolean,
  ) {
    super();
    this.#parent = parent;
    this.#refuse = refuse;
    this.#bound = new BoundFields(bound);
  }

  /** Logs an event with the bound fields that it lacks. Never waits, never throws. */
  override logEvent(event: JobEvent): boolean {
    let whole: JobEvent;
    try {
      whole = this.#bound.addTo(event);
    } catch (error) {
      return this.refuse(error);
    }
    return this.#parent.logEvent(whole);
  }

  /** Makes a child with these fields and, where they say nothing, those of this one. */
  child(bound: JobEventBoundFields): JobEventChildLoggerSync {
    return this.#parent.child(this.#bound.with(bound));
  }

  /** As {@linkcode JobEventLoggerSync.isFull}. */
  get isFull(): boolean {
    return this.#parent.isFull;
  }

  /** As {@linkcode JobEventLoggerSync.readySync}. */
  readySync(options?: BlockingOptions): void {
    this.#parent.readySync(options);
  }

  /** As {@linkcode JobEventLoggerSync.flushSync}: sends what was logged by whichever logger. */
  flushSync(options?: BlockingOptions): FlushReport {
    return this.#parent.flushSync(options);
  }

  /** As {@linkcode JobEventLoggerSync.stopSync}: ends the whole logger, with all its children. */
  stopSync(options?: BlockingOptions): StopReport {
    return this.#parent.stopSync(options);
  }

  /** As {@linkcode JobEventLoggerSync.stats}. */
  stats(): LoggerStats {
    return this.#parent.stats();
  }

  /** Counts and reports an event that is not valid. */
  protected override refuse(error: unknown): boolean {
    return this.#refuse(error);
  }
}
