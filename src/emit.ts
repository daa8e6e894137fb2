/**
 * The lean face, for functions that only emit: factories, encoder, subjects and logger, without
 * anything that reads.
 *
 * @example
 * ```ts
 * import { JobEvent, JobEventLogger } from "@naq/events/emit";
 * import { MemoryJobEventStorage } from "@naq/events";
 * import assert from "node:assert/strict";
 *
 * await using sink = new MemoryJobEventStorage();
 * const logger = new JobEventLogger(sink);
 * logger.logEvent(JobEvent.enqueued("job-1", "mail"));
 * assert.equal((await logger.flush()).stored, 1);
 * ```
 *
 * @module
 */

export { decodeSubjectToken } from "./event/token.ts";
export { DEFAULT_SUBJECT_PREFIX } from "./event/subjects.ts";
export { encodeJobEvent } from "./event/encode.ts";
export { encodeSubjectToken } from "./event/token.ts";
export { EventIdSource } from "./event/event_id.ts";
export { isJobEventError } from "./errors.ts";
export { isJobEventType } from "./gen/types.ts";
export { JOB_EVENT_ERROR_CODES } from "./errors.ts";
export { JOB_EVENT_TYPES } from "./gen/types.ts";
export { JobEvent } from "./gen/factories.ts";
export { JobEventError } from "./errors.ts";
export { JobEventLogger } from "./logger/logger.ts";
export { JobEventLogMethods } from "./gen/log_methods.ts";
export { JobEventSubjects } from "./event/subjects.ts";
export { JobEventType } from "./gen/types.ts";
export { NatsJobEventPublisher } from "./nats/publisher.ts";

export type { AppendOptions } from "./storage/storage.ts";
export type { AppendOutcome } from "./storage/storage.ts";
export type { CancelTimer } from "./logger/clock.ts";
export type { Clock } from "./logger/clock.ts";
export type { DroppedJobEvent } from "./logger/options.ts";
export type { DropReason } from "./logger/options.ts";
export type { FlushReport } from "./logger/options.ts";
export type { JobEventBoundFields } from "./logger/bound_fields.ts";
export type { JobEventChildLogger } from "./logger/child.ts";
export type { JobEventContext } from "./gen/subjects.ts";
export type { JobEventErrorCode } from "./errors.ts";
export type { JobEventExtras } from "./gen/types.ts";
export type { JobEventFactories } from "./gen/factories.ts";
export type { JobEventInit } from "./gen/types.ts";
export type { JobEventLoggerOptions } from "./logger/options.ts";
export type { JobEventRecord } from "./storage/storage.ts";
export type { JobEventSink } from "./storage/storage.ts";
export type { JobEventSpool } from "./logger/spool.ts";
export type { JobEventSpoolSource } from "./logger/spool.ts";
export type { JobEventValue } from "./event/dynamic.ts";
export type { LoggerStats } from "./logger/options.ts";
export type { NatsConnectionLike } from "./nats/connection.ts";
export type { NatsHeadersLike } from "./nats/connection.ts";
export type { NatsJobEventPublisherOptions } from "./nats/publisher_options.ts";
export type { NatsMessageLike } from "./nats/connection.ts";
export type { NatsServerInfoLike } from "./nats/connection.ts";
export type { NatsStatusLike } from "./nats/connection.ts";
export type { NatsSubscriptionLike } from "./nats/connection.ts";
export type { OverflowPolicy } from "./logger/options.ts";
export type { ParsedSubject } from "./gen/subjects.ts";
export type { RetryOptions } from "./logger/backoff.ts";
export type { SpoolContent } from "./logger/spool.ts";
export type { SpooledEvent } from "./logger/spool.ts";
export type { StopReport } from "./logger/options.ts";
export type { SubjectFilter } from "./event/subjects.ts";
