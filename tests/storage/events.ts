/** Events and records for the tests of storages. */

import { encodeJobEvent } from "../../src/event/encode.ts";
import { EventIdSource } from "../../src/event/event_id.ts";
import { JobEvent } from "../../src/gen/factories.ts";
import type { JobEventInit, JobEventType } from "../../src/gen/types.ts";
import type { JobEventFilter, JobEventRecord, JobEventSink } from "../../src/storage/storage.ts";

const ids = new EventIdSource();

/** A small event. */
export function event(jobId: string, init: Partial<JobEventInit> = {}): JobEvent {
  return JobEvent.create({ jobId, eventType: "started", ...init });
}

/** The record of an event. */
export function record(
  sink: JobEventSink,
  of: JobEvent,
  eventId: string = ids.next(),
): JobEventRecord {
  return { eventId, subject: sink.subjects.forEvent(of), payload: encodeJobEvent(of) };
}

/** When the history of {@linkcode history} begins, in seconds since the Unix epoch. */
export const BEGIN = 1_700_000_000;

const TYPES: readonly JobEventType[] = ["enqueued", "started", "completed", "failed", "cancelled"];

/** Events with every mixture of job, worker, queue, type and tags, a second apart. */
export function history(): JobEvent[] {
  return Array.from({ length: 120 }, (_, index) =>
    JobEvent.create({
      jobId: `job-${index % 5}`,
      eventType: TYPES[index % 7 % TYPES.length]!,
      timestamp: BEGIN + index,
      ...(index % 3 === 0 ? {} : { workerId: `worker-${index % 4}` }),
      ...(index % 2 === 0 ? { queueName: `queue-${index % 5 % 3}` } : {}),
      ...(index % 6 === 0 ? {} : { tags: { tenant: `t${index % 2}`, region: `r${index % 3}` } }),
    }));
}

/** One filter of each kind; none is empty over {@linkcode history}. */
export const FILTERS: Readonly<Record<string, JobEventFilter>> = {
  jobId: { jobId: "job-1" },
  workerId: { workerId: "worker-1" },
  queueName: { queueName: "queue-0" },
  eventType: { eventType: "started" },
  eventTypes: { eventType: ["completed", "failed", "completed"] },
  since: { since: new Date((BEGIN + 40) * 1000) },
  until: { until: new Date((BEGIN + 80) * 1000) },
  tags: { tags: { tenant: "t1" } },
  twoTags: { tags: { tenant: "t1", region: "r2" } },
};

/** What a filter means, written down a second time. */
export function expected(events: readonly JobEvent[], filter: JobEventFilter): JobEvent[] {
  const types = filter.eventType === undefined ? undefined : [filter.eventType].flat();
  return events.filter((event) =>
    (filter.jobId === undefined || filter.jobId === event.jobId) &&
    (filter.workerId === undefined || filter.workerId === event.workerId) &&
    (filter.queueName === undefined || filter.queueName === event.queueName) &&
    (types === undefined || types.includes(event.eventType)) &&
    (filter.since === undefined || event.timestamp * 1000 >= filter.since.getTime()) &&
    (filter.until === undefined || event.timestamp * 1000 <= filter.until.getTime()) &&
    Object.entries(filter.tags ?? {}).every(([key, value]) => event.tags?.[key] === value)
  );
}
