/** Which trace an event belongs to. */

import { JobEventError, messageOf } from "../errors.ts";
import { isTraceparent } from "../event/traceparent.ts";
import type { JobEvent } from "../gen/types.ts";
import type { JobEventLoggerOptions } from "./options.ts";

/**
 * The trace context of an event: its own, from `metadata`, else what the owner's function gives.
 * One that is not valid is reported and left out.
 *
 * @param onError Told of what is not valid. Nothing is thrown.
 */
export function traceOf(
  event: JobEvent,
  current: JobEventLoggerOptions["traceparent"],
  onError: (error: JobEventError) => void,
): string | undefined {
  let given: unknown;
  try {
    given = event.metadata?.["traceparent"];
  } catch {
    // An event that cannot be read is refused for that.
    return undefined;
  }
  let cause: unknown;
  try {
    given ??= current?.();
  } catch (error) {
    cause = error;
  }
  if (given == null && cause === undefined) return undefined;
  if (isTraceparent(given)) return given;
  const reason = cause === undefined
    ? `${JSON.stringify(String(given).slice(0, 100))} is no traceparent of W3C Trace Context`
    : `the option traceparent threw: ${messageOf(cause)}`;
  const message = `Cannot keep the trace context of an event, which is logged without: ${reason}`;
  onError(new JobEventError("ERR_INVALID_EVENT", message, { cause }));
  return undefined;
}
