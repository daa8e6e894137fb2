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

  /** The logger has ended: what the console was not told yet, it is told now. */
  end(): void {
    this.#console.flush();
  }

  #call(name: string, callback: () => unknown): void {
    const fail = (error: unknown) => this.#console.add(`errors in ${name}`, 1, messageOf(error));
    try {
      const result = callback();
      // An async function fits the option's type. Unhandled, its rejection would end the program.
      if (result !== undefined) Promise.resolve(result).catch(fail);
    } catch (error) {
      fail(error);
    }
  }
}
