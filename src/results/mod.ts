/**
 * Results of tasks: stored under the task's id, waited for without polling, forgotten in time.
 *
 * @example
 * ```ts
 * import { MemoryTaskResultStorage } from "@naq/events/results";
 * import assert from "node:assert/strict";
 *
 * await using results = new MemoryTaskResultStorage();
 * const waiting = results.wait("task-1", { timeoutMs: 1000 });
 * await results.set({ id: "task-1", state: "completed", value: 42 });
 * assert.equal((await waiting)?.value, 42);
 * assert.equal(await results.count({ state: "failed" }), 0);
 * ```
 *
 * @module
 */

export { MemoryTaskResultStorage } from "./memory.ts";
export { NatsTaskResultStorage } from "./nats.ts";

export type { DeleteResultOptions } from "./results.ts";
export type { JobEventValue } from "../event/dynamic.ts";
export type { MemoryTaskResultStorageOptions } from "./memory.ts";
export type { NatsConnectionLike } from "../nats/connection.ts";
export type { NatsTaskResultStorageOptions } from "./nats.ts";
export type { ResultBucketOptions } from "./nats_bucket.ts";
export type { ResultBucketSettings } from "./nats_bucket.ts";
export type { SetResultOptions } from "./results.ts";
export type { StorageHealth } from "../storage/storage.ts";
export type { TaskResult } from "./results.ts";
export type { TaskResultError } from "./results.ts";
export type { TaskResultFilter } from "./results.ts";
export type { TaskResultQuery } from "./results.ts";
export type { TaskResultState } from "./results.ts";
export type { TaskResultStorage } from "./results.ts";
export type { WaitForResultOptions } from "./results.ts";
