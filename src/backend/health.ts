/** The state of a backend. */

import type { TaskQueue, TaskQueueHealth } from "../queue/queue.ts";
import type { TaskResultStorage } from "../results/results.ts";
import type { JobEventSink, JobEventSource, StorageHealth } from "../storage/storage.ts";

/** The state of each part of a backend. */
export interface BackendHealth {
  /** The worse one of tasks and results. Events do not count: nothing waits for them. */
  readonly status: "healthy" | "disconnected" | "error";
  /** The state of the task queue. */
  readonly tasks: TaskQueueHealth;
  /** The state of the results. */
  readonly results: StorageHealth;
  /** The state of the events; absent where there are none, or a sink that does not say. */
  readonly events?: StorageHealth;
}

/** Asks all parts at once. Never throws. */
export async function checkBackend(
  { tasks, results, events }: {
    readonly tasks: TaskQueue;
    readonly results: TaskResultStorage;
    readonly events: JobEventSink | undefined;
  },
  timeoutMs: number,
): Promise<BackendHealth> {
  // A sink that can be read, too, can say how it is.
  const source = events as Partial<JobEventSource> | undefined;
  const [taskHealth, resultHealth, eventHealth] = await Promise.all([
    tasks.healthCheck({ timeoutMs }),
    results.healthCheck({ timeoutMs }),
    source?.healthCheck?.({ timeoutMs }),
  ]);
  const states = [taskHealth.status, resultHealth.status];
  const status = states.find((each) => each === "error") ??
    states.find((each) => each === "disconnected") ?? "healthy";
  return {
    status,
    tasks: taskHealth,
    results: resultHealth,
    ...(eventHealth === undefined ? {} : { events: eventHealth }),
  };
}
