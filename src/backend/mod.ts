/**
 * Tasks, their results and their events put together: each part where you want it, and no more than
 * one connection to each server.
 *
 * @example
 * ```ts
 * import { openBackend } from "@naq/events/backend";
 * import assert from "node:assert/strict";
 *
 * await using backend = await openBackend({ tasks: "memory:", events: "memory:" });
 * await backend.enqueue({ functionName: "greet", args: "world" });
 * assert.equal((await backend.healthCheck()).status, "healthy");
 * ```
 *
 * @module
 */

export { openBackend } from "./open.ts";
export { TaskBackend } from "./backend.ts";

export type { BackendConfig } from "./open.ts";
export type { BackendHealth } from "./health.ts";
export type { OpenBackendOptions } from "./open.ts";
export type { TaskBackendParts } from "./backend.ts";
