/** Events that several tests use. */

import { JobEvent } from "../../src/gen/factories.ts";
import type { JobEventExtras } from "../../src/gen/types.ts";

/** The keys on the wire, in their order, and the property that each stands for. */
export const KEYS: Readonly<Record<string, keyof JobEvent>> = {
  job_id: "jobId",
  event_type: "eventType",
  timestamp: "timestamp",
  worker_id: "workerId",
  worker_type: "workerType",
  queue_name: "queueName",
  message: "message",
  details: "details",
  error_type: "errorType",
  error_message: "errorMessage",
  duration_ms: "durationMs",
  memory_mb: "memoryMb",
  cpu_time_ms: "cpuTimeMs",
  tags: "tags",
  metadata: "metadata",
};

const AT: JobEventExtras = { timestamp: 1_700_000_000.25 };

/** One event of each type, in the schema's order, by its factory. */
export const ALL_TYPES: readonly JobEvent[] = [
  JobEvent.enqueued("job-1", "mail", { ...AT, priority: 5 }),
  JobEvent.dequeued("job-1", "mail", "w-1", AT),
  JobEvent.started("job-1", "w-1", "async", AT),
  JobEvent.completed("job-1", "w-1", 12.345, AT),
  JobEvent.failed("job-1", "w-1", new RangeError("too far"), 12.345, { ...AT, retryCount: 2 }),
  JobEvent.cancelled("job-1", { ...AT, reason: "no longer needed" }),
  JobEvent.timeout("job-1", "w-1", 5000, { ...AT, timeoutMs: 4000 }),
  JobEvent.retryScheduled("job-1", 1, 250, AT),
  JobEvent.retryStarted("job-1", "w-1", 1, AT),
  JobEvent.maxRetriesExceeded("job-1", 3, AT),
  JobEvent.dependencySatisfied("job-1", "job-0", AT),
  JobEvent.dependencyFailed("job-1", "job-0", AT),
  JobEvent.waitingForDependencies("job-1", ["job-0", "job-2"], AT),
  JobEvent.scheduled("job-1", 1_700_003_600, { ...AT, scheduleName: "nightly" }),
  JobEvent.scheduleTriggered("job-1", "nightly", AT),
  JobEvent.schedulePaused("job-1", "nightly", { ...AT, reason: "holiday" }),
  JobEvent.scheduleResumed("job-1", "nightly", AT),
  JobEvent.scheduleDeactivated("job-1", "nightly", AT),
  JobEvent.workerAssigned("job-1", "w-1", AT),
  JobEvent.workerReleased("job-1", "w-1", AT),
  JobEvent.queuePriorityChanged("job-1", "mail", 1, 9, AT),
  JobEvent.queueMoved("job-1", "mail", "bulk", AT),
  JobEvent.ttlExpired("job-1", 60_000, AT),
  JobEvent.ttlExtended("job-1", 1500.5, AT),
];

/** An event with every field. */
export const FULL: JobEvent = JobEvent.create({
  jobId: "job-é.1",
  eventType: "failed",
  timestamp: 1_700_000_000.5,
  workerId: "w-1",
  workerType: "process",
  queueName: "mail",
  message: "No luck",
  details: { retry_count: 2, list: [1, "zwei", null, { drei: true }], bytes: Uint8Array.of(1, 2) },
  errorType: "RangeError",
  errorMessage: "too far \u{1f680}",
  durationMs: 12,
  memoryMb: 0.5,
  cpuTimeMs: 3,
  tags: { team: "core", "größe": "XL" },
  metadata: { at: new Date(1_700_000_000_123), big: (1n << 63n) - 1n },
});
