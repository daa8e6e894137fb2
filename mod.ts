/**
 * Job lifecycle events: durable, ordered, queryable and live.
 *
 * A {@linkcode JobEvent} is one step in the life of a job. A {@linkcode JobEventLogger} takes
 * events without waiting and sees that they are stored; a {@linkcode JobEventStorage} keeps and
 * finds them; a {@linkcode JobEventProcessor} gives them to handlers as they come;
 * {@linkcode JobMetrics} counts.
 *
 * @example
 * ```ts
 * import { JobEventLogger, JobMetrics, MemoryJobEventStorage } from "@naq/events";
 * import assert from "node:assert/strict";
 *
 * await using storage = new MemoryJobEventStorage();
 * const logger = new JobEventLogger(storage);
 * logger.logJobEnqueued("job-1", "mail");
 * logger.logJobStarted("job-1", "worker-1", "async");
 * logger.logJobFailed("job-1", "worker-1", new TypeError("no address"), 12.3);
 * await logger.stop();
 *
 * const metrics = new JobMetrics();
 * for await (const event of storage.readEvents({ jobId: "job-1" })) metrics.observe(event);
 * assert.deepEqual(metrics.snapshot().byErrorType, { TypeError: 1 });
 * ```
 *
 * @module
 */

export { decodeJobEvent } from "./src/gen/decode.ts";
export { decodeSubjectToken } from "./src/event/token.ts";
export { DEFAULT_SUBJECT_PREFIX } from "./src/event/subjects.ts";
export { encodeJobEvent } from "./src/event/encode.ts";
export { encodeSubjectToken } from "./src/event/token.ts";
export { EventIdSource } from "./src/event/event_id.ts";
export { isJobEventError } from "./src/errors.ts";
export { isJobEventType } from "./src/gen/types.ts";
export { JOB_EVENT_ERROR_CODES } from "./src/errors.ts";
export { JOB_EVENT_TYPES } from "./src/gen/types.ts";
export { JobEvent } from "./src/gen/factories.ts";
export { JobEventError } from "./src/errors.ts";
export { JobEventLogger } from "./src/logger/logger.ts";
export { JobEventLogMethods } from "./src/gen/log_methods.ts";
export { JobEventProcessor } from "./src/processor/processor.ts";
export { JobEventSubjects } from "./src/event/subjects.ts";
export { JobEventType } from "./src/gen/types.ts";
export { JobMetrics } from "./src/metrics/metrics.ts";
export { loadConfig } from "./src/config.ts";
export { MemoryJobEventStorage } from "./src/storage/memory.ts";
export { NatsConnectionPool } from "./src/nats/pool.ts";
export { NatsJobEventPublisher } from "./src/nats/publisher.ts";
export { NatsJobEventStorage } from "./src/storage/nats.ts";

export type { AppendOptions } from "./src/storage/storage.ts";
export type { AppendOutcome } from "./src/storage/storage.ts";
export type { CancelTimer } from "./src/logger/clock.ts";
export type { Clock } from "./src/logger/clock.ts";
export type { ConsumeOptions } from "./src/storage/storage.ts";
export type { DeadLetterFilter } from "./src/storage/storage.ts";
export type { DeadLetterQuery } from "./src/storage/storage.ts";
export type { DroppedJobEvent } from "./src/logger/options.ts";
export type { DropReason } from "./src/logger/options.ts";
export type { DurationSummary } from "./src/metrics/snapshot.ts";
export type { Environment } from "./src/config.ts";
export type { EventRates } from "./src/metrics/snapshot.ts";
export type { FlushReport } from "./src/logger/options.ts";
export type { JobCounts } from "./src/metrics/snapshot.ts";
export type { JobEventBoundFields } from "./src/logger/bound_fields.ts";
export type { JobEventChildLogger } from "./src/logger/child.ts";
export type { JobEventContext } from "./src/gen/subjects.ts";
export type { JobEventDeadLetter } from "./src/storage/storage.ts";
export type { JobEventDeadLetters } from "./src/storage/storage.ts";
export type { JobEventDeliveries } from "./src/storage/storage.ts";
export type { JobEventDelivery } from "./src/storage/storage.ts";
export type { JobEventErrorCode } from "./src/errors.ts";
export type { JobEventExtras } from "./src/gen/types.ts";
export type { JobEventFactories } from "./src/gen/factories.ts";
export type { JobEventFilter } from "./src/storage/storage.ts";
export type { JobEventHandler } from "./src/processor/options.ts";
export type { JobEventInit } from "./src/gen/types.ts";
export type { JobEventLoggerOptions } from "./src/logger/options.ts";
export type { JobEventOf } from "./src/processor/options.ts";
export type { JobEventProcessorOptions } from "./src/processor/options.ts";
export type { JobEventQuery } from "./src/storage/storage.ts";
export type { JobEventRecord } from "./src/storage/storage.ts";
export type { JobEventSink } from "./src/storage/storage.ts";
export type { JobEventSource } from "./src/storage/storage.ts";
export type { JobEventSpool } from "./src/logger/spool.ts";
export type { JobEventSpoolSource } from "./src/logger/spool.ts";
export type { JobEventStorage } from "./src/storage/storage.ts";
export type { JobEventStream } from "./src/storage/storage.ts";
export type { JobEventStreamSettings } from "./src/storage/nats.ts";
export type { JobEventValue } from "./src/event/dynamic.ts";
export type { JobMetricsOptions } from "./src/metrics/metrics.ts";
export type { JobMetricsSnapshot } from "./src/metrics/snapshot.ts";
export type { JobMetricsSnapshotOptions } from "./src/metrics/metrics.ts";
export type { JobMonitor } from "./src/processor/options.ts";
export type { LoggerStats } from "./src/logger/options.ts";
export type { MemoryJobEventStorageOptions } from "./src/storage/memory.ts";
export type { NaqConfig } from "./src/config.ts";
export type { NatsConnectionLike } from "./src/nats/connection.ts";
export type { NatsHeadersLike } from "./src/nats/connection.ts";
export type { NatsJobEventPublisherOptions } from "./src/nats/publisher_options.ts";
export type { NatsJobEventStorageOptions } from "./src/storage/nats.ts";
export type { NatsMessageLike } from "./src/nats/connection.ts";
export type { NatsServerInfoLike } from "./src/nats/connection.ts";
export type { NatsStatusLike } from "./src/nats/connection.ts";
export type { NatsSubscriptionLike } from "./src/nats/connection.ts";
export type { OpenConnection } from "./src/nats/pool.ts";
export type { OverflowPolicy } from "./src/logger/options.ts";
export type { ParsedSubject } from "./src/gen/subjects.ts";
export type { PooledConnection } from "./src/nats/pool.ts";
export type { PoolOptions } from "./src/nats/pool.ts";
export type { ProcessorDeadLetters } from "./src/processor/dead_letters.ts";
export type { ProcessorStats } from "./src/processor/options.ts";
export type { RetryOptions } from "./src/logger/backoff.ts";
export type { SpoolContent } from "./src/logger/spool.ts";
export type { SpooledEvent } from "./src/logger/spool.ts";
export type { StopReport } from "./src/logger/options.ts";
export type { StorageHealth } from "./src/storage/storage.ts";
export type { StoredJobEvent } from "./src/gen/types.ts";
export type { StreamOptions } from "./src/storage/storage.ts";
export type { StreamStart } from "./src/storage/storage.ts";
export type { SubjectFilter } from "./src/event/subjects.ts";
export type { UndecodableMessage } from "./src/storage/storage.ts";
export type { WaitOptions } from "./src/processor/options.ts";
