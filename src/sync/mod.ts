/**
 * The blocking twins, for programs without any `await`: the same names with a `Sync` suffix where a
 * call would be awaited, as in `node:fs`.
 *
 * Each storage is opened in a worker thread of its own, with one connection; this thread sleeps
 * while the worker works. That needs Deno, Bun or Node; elsewhere `openStorageSync` throws
 * `ERR_UNSUPPORTED`. Where `await` is possible, it is the better choice: nothing else in the thread
 * runs during a call that blocks.
 *
 * @example
 * ```ts
 * import { JobEventLoggerSync, openStorageSync } from "@naq/events/sync";
 * import assert from "node:assert/strict";
 *
 * using storage = openStorageSync("memory:");
 * using logger = new JobEventLoggerSync(storage);
 * logger.logJobEnqueued("job-1", "mail");
 * logger.flushSync();
 * for (const event of storage.readEventsSync()) assert.equal(event.queueName, "mail");
 * ```
 *
 * @module
 */

export { JobEventLoggerSync } from "./logger.ts";
export { JobEventStorageSync } from "./storage.ts";
export { openBackendSync } from "./backend.ts";
export { openStorageSync } from "./storage.ts";
export { TaskBackendSync } from "./backend.ts";
export { TaskQueueSync } from "./task_queue.ts";
export { TaskResultStorageSync } from "./results.ts";

export type { BackendSyncConfig } from "./backend.ts";
export type { OpenBackendSyncOptions } from "./backend.ts";
export type { BlockingOptions } from "./storage.ts";
export type { JobEventBoundFields } from "../logger/bound_fields.ts";
export type { JobEventChildLoggerSync } from "./child.ts";
export type { JobEventLoggerSyncOptions } from "./logger.ts";
export type { OpenStorageSyncOptions } from "./storage.ts";
