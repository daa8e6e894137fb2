/** Which handlers there are, and how an event is given to them. */

import { JobEventError } from "../errors.ts";
import type { JobEventType, StoredJobEvent } from "../gen/types.ts";
import { checkEventType } from "../storage/filter.ts";
import { startTimer } from "../timer.ts";
import type { JobEventHandler } from "./options.ts";

/** The handlers of a processor, for one type each or for all. */
export class HandlerRegistry {
  readonly #byType = new Map<JobEventType, Set<JobEventHandler>>();
  readonly #global = new Set<JobEventHandler>();

  /** Adds a handler. Gives whether it was not there before. */
  add(type: JobEventType | undefined, handler: JobEventHandler): boolean {
    if (typeof handler !== "function") {
      throw new TypeError(`Cannot add a handler: expected a function, got ${typeof handler}`);
    }
    const handlers = this.#handlers(type);
    if (handlers.has(handler)) return false;
    handlers.add(handler);
    return true;
  }

  /** Removes a handler. Gives whether it was there. */
  remove(type: JobEventType | undefined, handler: JobEventHandler): boolean {
    return this.#handlers(type).delete(handler);
  }

  /** The handlers for an event, as they are now. */
  for(type: JobEventType): JobEventHandler[] {
    return [...this.#byType.get(type) ?? [], ...this.#global];
  }

  #handlers(type: JobEventType | undefined): Set<JobEventHandler> {
    if (type === undefined) return this.#global;
    checkEventType(type);
    const handlers = this.#byType.get(type) ?? new Set();
    this.#byType.set(type, handlers);
    return handlers;
  }
}

const OK: HandlerOutcome = { status: "ok" };

/** What became of one call of a handler. */
export type HandlerOutcome =
  | { readonly status: "ok" | "abandoned" }
  | { readonly status: "failed" | "timeout"; readonly error: unknown };

/**
 * Calls one handler and waits for it, but no longer than `timeoutMs`, and not beyond an abort. A
 * handler that is not waited for goes on in the background; what becomes of it is not looked at.
 */
export function invoke(
  handler: JobEventHandler,
  event: StoredJobEvent,
  timeoutMs: number,
  abandoned?: AbortSignal,
): HandlerOutcome | Promise<HandlerOutcome> {
  try {
    const result = handler(event);
    return result === undefined ? OK : waitFor(result, event, timeoutMs, abandoned);
  } catch (error) {
    return { status: "failed", error };
  }
}

async function waitFor(
  result: unknown,
  event: StoredJobEvent,
  timeoutMs: number,
  abandoned: AbortSignal | undefined,
): Promise<HandlerOutcome> {
  let stopWaiting: () => void = () => {};
  try {
    const ended = Promise.resolve(result).then(() => "ok" as const);
    const given = new Promise<"timeout" | "abandoned">((resolve) => {
      const cancelTimer = startTimer(() => resolve("timeout"), timeoutMs);
      const abandon = (): void => resolve("abandoned");
      abandoned?.addEventListener("abort", abandon);
      stopWaiting = () => {
        cancelTimer();
        abandoned?.removeEventListener("abort", abandon);
      };
    });
    const status = await Promise.race([ended, given]);
    if (status !== "timeout") return { status };
    const error = new JobEventError(
      "ERR_TIMEOUT",
      `A handler of ${event.eventType} took longer than ${timeoutMs} ms on job ${event.jobId}`,
    );
    return { status, error };
  } catch (error) {
    return { status: "failed", error };
  } finally {
    stopWaiting();
  }
}
