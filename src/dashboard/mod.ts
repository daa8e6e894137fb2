/**
 * A live dashboard: what runs, what failed and why, one job's life drawn to scale, dead letters and
 * the state of the storage, in a browser. A plain function from a request to a response, for any
 * server; it is read-only unless it is told otherwise.
 *
 * @example
 * ```ts
 * import { createDashboardHandler } from "@naq/events/dashboard";
 * import { openStorage } from "@naq/events/open";
 * import assert from "node:assert/strict";
 *
 * await using storage = await openStorage("memory:");
 * await using handler = createDashboardHandler(storage, { basePath: "/jobs" });
 * const response = await handler(new Request("http://localhost/jobs/"));
 * assert.equal(response.status, 200);
 * ```
 *
 * @module
 */

export { createDashboardHandler } from "./handler.ts";

export type { DashboardHandler } from "./handler.ts";
export type { DashboardAction, DashboardOptions, DashboardTasks } from "./options.ts";
