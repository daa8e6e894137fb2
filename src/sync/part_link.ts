/** The line to one part of a backend in a worker. */

import { isJobEventError, messageOf } from "../errors.ts";
import { checkTimeout, type Remote } from "./client.ts";
import type { BlockingOptions } from "./storage.ts";

/** The line. */
export interface PartLink<Part extends object> {
  readonly remote: Remote<Part>;
  /** The longest wait of each call that is given no other, in milliseconds. */
  readonly timeoutMs: number;
}

/** A part that can be asked how it is. */
interface Checkable {
  healthCheck(options: { readonly timeoutMs: number }): Promise<unknown>;
}

const HEALTH_TIMEOUT_MS = 5000;

/** How long a call over a line may take. */
export function timeoutOf(
  link: { readonly timeoutMs: number },
  options: BlockingOptions | undefined,
): number {
  return checkTimeout(options?.timeoutMs ?? link.timeoutMs);
}

/** How long an answer may take that itself waits for something. */
export function waitingTimeout(
  link: { readonly timeoutMs: number },
  waitMs: number | undefined,
): number {
  return waitMs === undefined ? Infinity : checkTimeout(waitMs) + link.timeoutMs;
}

/** What there is to say of a part that could not be asked. */
export interface FailedHealth {
  readonly status: "disconnected" | "error";
  readonly serverVersion: "";
  readonly rttMs: number;
  readonly error: string;
}

/**
 * Asks a part how it is.
 *
 * @param onFailure Makes the answer where there is none.
 */
export function checkHealthSync<Part extends Checkable, Health>(
  { remote }: PartLink<Part>,
  { timeoutMs = HEALTH_TIMEOUT_MS }: BlockingOptions,
  onFailure: (failed: FailedHealth) => Health,
): Health {
  const started = performance.now();
  try {
    const asked = remote as unknown as Remote<Checkable>;
    return asked.call("healthCheck", [{ timeoutMs }], timeoutMs) as Health;
  } catch (error) {
    const code = isJobEventError(error) ? error.code : undefined;
    return onFailure({
      status: code === "ERR_CLOSED" || code === "ERR_UNAVAILABLE" ? "disconnected" : "error",
      serverVersion: "",
      rttMs: performance.now() - started,
      error: messageOf(error),
    });
  }
}
