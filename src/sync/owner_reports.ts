/** What the owner of a blocking logger is told, by its functions or else on the console. */

import { type JobEventError, messageOf } from "../errors.ts";
import { systemClock } from "../logger/clock.ts";
import { ConsoleReport } from "../logger/console_report.ts";
import type { DroppedJobEvent, DropReason, JobEventLoggerOptions } from "../logger/options.ts";

/** Calls `onError` and `onDrop`; what they throw does not reach whoever logs. */
export class OwnerReports {
  readonly #console = new ConsoleReport(systemClock);
  readonly #options: Pick<JobEventLoggerOptions, "onError" | "onDrop">;

  constructor(options: Pick<JobEventLoggerOptions, "onError" | "onDrop">) {
    this.#options = options;
  }

  /** Something failed. */
  error(error: JobEventError): void {
    const { onError } = this.#options;
    if (onError === undefined) this.#console.add("errors", 1, error.message);
    else this.#call("onError", () => onError(error));
  }

  /** Events are lost to the storage. */
  drop(events: readonly DroppedJobEvent[], reason: DropReason): void {
    const { onDrop } = this.#options;
    if (onDrop === undefined) this.#console.add(`events dropped (${reason})`, events.length);
    else this.#call("onDrop", () => onDrop(events, reason));
  }

  #call(name: string, callback: () => void): void {
    try {
      callback();
    } catch (error) {
      this.#console.add(`errors in ${name}`, 1, messageOf(error));
    }
  }
}
