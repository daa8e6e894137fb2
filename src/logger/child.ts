/** Loggers with fields that every event gets. */

import type { JobEvent } from "../gen/types.ts";
import { JobEventLogMethods } from "../gen/log_methods.ts";
import { BoundFields, type JobEventBoundFields } from "./bound_fields.ts";
import type { JobEventLogger } from "./logger.ts";
import type { FlushReport, LoggerStats, StopReport } from "./options.ts";

/**
 * A logger with bound fields: see `JobEventLogger.child`. It is the same logger but for these
 * fields: buffer, sink, statistics and end are those of the logger it was made from.
 */
export class JobEventChildLogger extends JobEventLogMethods {
  readonly #parent: JobEventLogger;
  readonly #refuse: (error: unknown) => boolean;
  readonly #bound: BoundFields;

  /**
   * Made by `JobEventLogger.child`.
   *
   * @throws {TypeError} A field is not known or not valid.
   */
  constructor(
    parent: JobEventLogger,
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
  child(bound: JobEventBoundFields): JobEventChildLogger {
    return this.#parent.child(this.#bound.with(bound));
  }

  /** As {@linkcode JobEventLogger.isFull}. */
  get isFull(): boolean {
    return this.#parent.isFull;
  }

  /** As {@linkcode JobEventLogger.ready}. */
  ready(): Promise<void> {
    return this.#parent.ready();
  }

  /** As {@linkcode JobEventLogger.flush}: sends what was logged by whichever of the loggers. */
  flush(options?: { readonly timeoutMs?: number }): Promise<FlushReport> {
    return this.#parent.flush(options);
  }

  /** As {@linkcode JobEventLogger.stop}: ends the whole logger, with all its children. */
  stop(options?: { readonly timeoutMs?: number }): Promise<StopReport> {
    return this.#parent.stop(options);
  }

  /** As {@linkcode JobEventLogger.stats}. */
  stats(): LoggerStats {
    return this.#parent.stats();
  }

  /** Counts and reports an event that is not valid. */
  protected override refuse(error: unknown): boolean {
    return this.#refuse(error);
  }
}
