/** Waiting for one event of a job, without a race. */

import type { JobEventType, StoredJobEvent } from "../gen/types.ts";
import type { JobEventSource } from "../storage/storage.ts";
import { type CancelTimer, startTimer } from "../timer.ts";
import type { LiveHub, LiveListener } from "./live_hub.ts";
import type { WaitOptions } from "./options.ts";

/** What is waited for. */
export interface Wait {
  readonly jobId: string;
  readonly types: readonly JobEventType[];
  readonly options: WaitOptions;
  /** Ends the wait with `null`. */
  readonly stopped: AbortSignal;
}

/** Subscribes, looks at the past, then waits. Gives `null` when the time is up. */
export function waitForEvent(
  source: JobEventSource,
  hub: LiveHub,
  wait: Wait,
): Promise<StoredJobEvent | null> {
  const { jobId, types, options, stopped } = wait;
  const { signal, timeoutMs } = options;
  if (signal?.aborted) return Promise.reject(signal.reason);
  return new Promise((resolve, reject) => {
    let cancelTimer: CancelTimer | undefined;
    const settle = (end: () => void) => {
      cancelTimer?.();
      signal?.removeEventListener("abort", abort);
      stopped.removeEventListener("abort", giveUp);
      hub.remove(listener);
      end();
    };
    const giveUp = () => settle(() => resolve(null));
    const abort = () => settle(() => reject(signal?.reason));
    const listener: LiveListener = {
      jobId,
      isOnlyNew: options.includePast === false,
      onEvent: (event) => {
        if (types.includes(event.eventType)) settle(() => resolve(event));
      },
      onEnd: (error) => settle(() => error === undefined ? resolve(null) : reject(error)),
    };
    // First: it throws where there is nothing to subscribe to.
    const ready = hub.add(listener);
    signal?.addEventListener("abort", abort);
    stopped.addEventListener("abort", giveUp);
    if (timeoutMs !== undefined) cancelTimer = startTimer(giveUp, timeoutMs);
    lookBack(source, ready, wait).then(
      (event) => event === undefined || settle(() => resolve(event)),
      (error) => settle(() => reject(error)),
    );
  });
}

/** The first stored event that will do, once nothing later can be missed. */
async function lookBack(
  source: JobEventSource,
  ready: Promise<void>,
  { jobId, types, options }: Wait,
): Promise<StoredJobEvent | undefined> {
  await ready;
  if (options.includePast === false) return undefined;
  const [event] = await source.getEvents(jobId, { eventType: types, limit: 1 });
  return event;
}
