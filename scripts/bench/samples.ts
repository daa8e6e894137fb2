/** What the benches work on. */

import { JobEvent } from "../../src/gen/factories.ts";

/** How many different events there are: enough that no string is always the same one. */
export const SAMPLES = 64;

/** Typical `completed` events of a queue's worker: about 165 bytes when encoded. */
export function completedEvents(): JobEvent[] {
  return Array.from({ length: SAMPLES }, (_, index) =>
    JobEvent.completed(
      `0f8fad5b-d9cb-469f-a165-${(70867728950 + index).toString(16).padStart(12, "0")}`,
      `worker-${index % 8}`,
      12.345 + index * 1.75,
      { timestamp: 1763731200.125 + index / 8 },
    ));
}

/** The same event as a plain object with the keys of the wire format, for other encoders. */
export function wireObject(event: JobEvent): Record<string, unknown> {
  return {
    job_id: event.jobId,
    event_type: event.eventType,
    timestamp: event.timestamp,
    worker_id: event.workerId,
    message: event.message,
    duration_ms: event.durationMs,
  };
}
