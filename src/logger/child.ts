/** Loggers with fields that every event gets. */

import { mergeDetails } from "../event/check.ts";
import { JobEvent } from "../gen/factories.ts";
import { JobEventLogMethods } from "../gen/log_methods.ts";
import type { JobEventExtras } from "../gen/types.ts";
import type { JobEventLogger } from "./logger.ts";
import type { FlushReport, LoggerStats, StopReport } from "./options.ts";

/** Fields that a child logger gives to its events. */
export type JobEventBoundFields = Omit<JobEventExtras, "timestamp">;

/**
 * A logger with bound fields: see `JobEventLogger.child`. It is the same logger but for these
 * fields: buffer, sink, statistics and end are those of the logger it was made from.
 */
export class JobEventChildLogger extends JobEventLogMethods {
  readonly #parent: JobEventLogger;
  readonly #refuse: (error: unknown) => boolean;
  readonly #bound: JobEventBoundFields;
  // Apart from the rest, so that logging an event does not have to look for them.
  readonly #names: readonly (keyof JobEventBoundFields)[];
  readonly #tags: JobEventBoundFields["tags"];

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
    // An event with these fields says now what every event would say later.
    JobEvent.create({ jobId: "job", eventType: "started", ...bound });
    const { tags, ...others } = structuredClone(bound);
    this.#parent = parent;
    this.#refuse = refuse;
    this.#bound = { ...others, ...(tags == null ? {} : { tags }) };
    this.#names = (Object.keys(others) as (keyof typeof others)[])
      .filter((name) => others[name] != null);
    this.#tags = tags ?? undefined;
  }

  /** Logs an event with the bound fields that it lacks. Never waits, never throws. */
  override logEvent(event: JobEvent): boolean {
    let whole: Record<string, unknown>;
    try {
      whole = { ...event };
      for (const name of this.#names) whole[name] ??= this.#bound[name];
      if (this.#tags !== undefined) {
        whole["tags"] = event.tags == null ? this.#tags : mergeDetails(this.#tags, event.tags);
      }
    } catch (error) {
      return this.refuse(error);
    }
    return this.#parent.logEvent(whole as unknown as JobEvent);
  }

  /** Makes a child with these fields and, where they say nothing, those of this one. */
  child(bound: JobEventBoundFields): JobEventChildLogger {
    const tags = this.#tags === undefined && bound.tags == null
      ? {}
      : { tags: { ...this.#tags, ...bound.tags } };
    return this.#parent.child({ ...this.#bound, ...bound, ...tags });
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
