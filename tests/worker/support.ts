/** What the suite of the worker shares. */

import type { TaskBackend } from "../../src/backend/mod.ts";
import type { StoredJobEvent } from "../../src/gen/types.ts";
import type { TaskQueueOptions } from "../../src/queue/queue.ts";
import type { MemoryJobEventStorage } from "../../src/storage/memory.ts";
import type { JobEventSink } from "../../src/storage/storage.ts";

/** How the suite gets at a backend. */
export interface WorkerUnderTest {
  /** Opens a backend on a new, empty queue, with its events in `events`. */
  open(events: JobEventSink, tasks?: TaskQueueOptions): Promise<TaskBackend>;
}

/** Time for a test that waits for leases and the like. */
export const OPTIONS = { timeout: 60_000 } as const;
/** Long enough for whatever comes. */
export const WAIT = { timeoutMs: 20_000 } as const;

/** The types of a job's events, in their order; those that are about workers only left out. */
export async function story(events: MemoryJobEventStorage, id: string): Promise<string[]> {
  return (await eventsOf(events, id)).map(({ eventType }) => eventType)
    .filter((type) => !["dequeued", "worker_assigned", "worker_released"].includes(type));
}

/** The events of a job. */
export function eventsOf(events: MemoryJobEventStorage, id: string): Promise<StoredJobEvent[]> {
  return events.getEvents(id);
}

/** Goes on until it is aborted. */
export const hangs = (signal: AbortSignal): Promise<never> =>
  new Promise((_, reject) => signal.addEventListener("abort", () => reject(signal.reason)));
