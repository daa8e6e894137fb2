/** Tells the owner of a logger what goes wrong; the console where the owner asked for nothing. */

import { isJobEventError, JobEventError, messageOf } from "../errors.ts";
import type { Clock } from "./clock.ts";
import { ConsoleReport } from "./console_report.ts";
import type { DroppedJobEvent, DropReason, JobEventLoggerOptions } from "./options.ts";

// Put together once, not for each event that is dropped.
const DROPPED: Readonly<Record<DropReason, string>> = {
  overflow: "events dropped (overflow)",
  rejected: "events dropped (rejected)",
  spool: "events dropped (spool)",
  stopped: "events dropped (stopped)",
};

/** The owner's callbacks. None of these methods throws. */
export class Reports {
  readonly #console: ConsoleReport;
  readonly #options: JobEventLoggerOptions;

  constructor(options: JobEventLoggerOptions, clock: Clock) {
    this.#console = new ConsoleReport(clock);
    this.#options = options;
  }

  /** Something failed. */
  error(error: JobEventError): void {
    const { onError } = this.#options;
    if (onError === undefined) this.#console.add("errors", 1, error.message);
    else this.#call("onError", () => onError(error));
  }

  /**
   * Events are lost to the storage.
   *
   * @param toDropped The form in which the owner gets them. Nobody else needs it.
   */
  drop<T>(
    events: readonly T[],
    reason: DropReason,
    toDropped: (event: T) => DroppedJobEvent,
  ): void {
    const { onDrop } = this.#options;
    if (onDrop === undefined) this.#console.add(DROPPED[reason], events.length);
    else this.#call("onDrop", () => onDrop(events.map(toDropped), reason));
  }

  /** The logger sends by itself, and nobody else has the promise. */
  sending(sent: Promise<void>): void {
    const { waitUntil } = this.#options;
    if (waitUntil !== undefined) this.#call("waitUntil", () => waitUntil(sent));
  }

  /** The logger has ended: what the console was not told yet, it is told now. */
  end(): void {
    this.#console.flush();
  }

  /** Calls the owner's function; what it throws must not reach whoever logs. */
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

/** Why an event is refused: anything that was thrown. */
export function refusal(cause: unknown): JobEventError {
  if (isJobEventError(cause)) return cause;
  const message = `Cannot log event: ${messageOf(cause)}`;
  return new JobEventError("ERR_INVALID_EVENT", message, { cause });
}

/** Why an event is refused that the logger could never hold. */
export function tooLarge(size: number, limit: number): JobEventError {
  return new JobEventError(
    "ERR_EVENT_TOO_LARGE",
    `Cannot log event: it takes ${size} bytes, more than the ${limit} of maxBufferBytes or ` +
      "maxSpoolBytes",
  );
}
