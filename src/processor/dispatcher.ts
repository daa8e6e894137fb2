/** Gives events to handlers, and counts and reports what becomes of it. */

import { type JobEventError, messageOf } from "../errors.ts";
import type { StoredJobEvent } from "../gen/types.ts";
import { systemClock } from "../logger/clock.ts";
import { ConsoleReport } from "../logger/console_report.ts";
import { type HandlerOutcome, HandlerRegistry, invoke } from "./handlers.ts";
import type { JobEventHandler, JobEventProcessorOptions } from "./options.ts";

/** What was thrown, by one of the handlers of an event. */
export interface HandlerFailure {
  /** It. */
  readonly error: unknown;
}

/** The handlers of a processor at work. */
export class Dispatcher {
  /** The handlers. */
  readonly handlers: HandlerRegistry = new HandlerRegistry();
  /** What was done so far, by the names of `ProcessorStats`. */
  readonly counts = {
    received: 0,
    processed: 0,
    failed: 0,
    redelivered: 0,
    deadLetters: 0,
    handlerErrors: 0,
    handlerTimeouts: 0,
    abandoned: 0,
  };
  readonly #timeoutMs: number;
  readonly #onError: JobEventProcessorOptions["onError"];
  readonly #console = new ConsoleReport(systemClock);

  /** @param timeoutMs A handler that takes longer has failed. */
  constructor(timeoutMs: number, onError: JobEventProcessorOptions["onError"]) {
    this.#timeoutMs = timeoutMs;
    this.#onError = onError;
  }

  /** Calls every handler of an event. Gives the first failure. */
  async handle(
    event: StoredJobEvent,
    abandoned?: AbortSignal,
  ): Promise<HandlerFailure | undefined> {
    const handlers = this.handlers.for(event.eventType);
    const called = handlers.map((handler) => this.call(handler, event, abandoned));
    const outcomes = called.every(isOutcome) ? called : await Promise.all(called);
    const failure = outcomes.find((outcome) => "error" in outcome);
    if (failure !== undefined) this.counts.failed++;
    else if (!abandoned?.aborted) this.counts.processed++;
    return failure;
  }

  /** Calls one handler. Waits only for one that gives a promise. */
  call(
    handler: JobEventHandler,
    event: StoredJobEvent,
    abandoned?: AbortSignal,
  ): HandlerOutcome | Promise<HandlerOutcome> {
    const outcome = invoke(handler, event, this.#timeoutMs, abandoned);
    return isOutcome(outcome)
      ? this.#noted(outcome, event)
      : outcome.then((later) => this.#noted(later, event));
  }

  #noted(outcome: HandlerOutcome, event: StoredJobEvent): HandlerOutcome {
    if (outcome.status === "abandoned") this.counts.abandoned++;
    if (outcome.status === "timeout") this.counts.handlerTimeouts++;
    if ("error" in outcome) {
      this.counts.handlerErrors++;
      this.reportError(outcome.error, event);
    }
    return outcome;
  }

  /** Tells the owner of a failure. */
  reportError(error: unknown, event?: StoredJobEvent): void {
    // The owner closed the source under the processor: that ends it and is no failure.
    if (event === undefined && (error as Partial<JobEventError>)?.code === "ERR_CLOSED") return;
    const onError = this.#onError;
    if (onError === undefined) this.#console.add("processor errors", 1, messageOf(error));
    else this.guard(() => onError(error, event));
  }

  /** Calls the owner's function; what it throws, or rejects with, must not reach the handlers. */
  guard(callback: () => unknown): void {
    const report = (error: unknown): void =>
      this.#console.add("errors in onError or onDeadLetter", 1, messageOf(error));
    try {
      Promise.resolve(callback()).catch(report);
    } catch (error) {
      report(error);
    }
  }
}

function isOutcome(outcome: HandlerOutcome | Promise<HandlerOutcome>): outcome is HandlerOutcome {
  return "status" in outcome;
}
