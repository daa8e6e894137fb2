/**
 * Executes tasks: handlers by the names of functions, with time-outs, heartbeats and retries, and
 * an event for every step.
 *
 * @example
 * ```ts
 * import { openBackend } from "@naq/events/backend";
 * import { Worker } from "@naq/events/worker";
 * import assert from "node:assert/strict";
 *
 * await using backend = await openBackend({ tasks: "memory:" });
 * await using worker = new Worker(backend, { greet: (name) => `Hello, ${name}` });
 * worker.start();
 * const result = await backend.run({ functionName: "greet", args: "world" });
 * assert.equal(result?.value, "Hello, world");
 * ```
 *
 * @module
 */

export { Worker } from "./worker.ts";

export type { ExecutionReport } from "./options.ts";
export type { TaskContext } from "./options.ts";
export type { TaskHandler } from "./options.ts";
export type { TaskHandlers } from "./options.ts";
export type { WorkerOptions } from "./options.ts";
export type { WorkerStats } from "./options.ts";
