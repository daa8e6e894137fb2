/**
 * Events in a SQLite file: durable, without a server, for one machine.
 *
 * Needs a runtime with `node:sqlite`: Deno, Bun or Node.
 *
 * @example
 * ```ts
 * import { JobEvent } from "@naq/events";
 * import { SqliteJobEventStorage } from "@naq/events/sqlite";
 * import assert from "node:assert/strict";
 *
 * await using storage = await SqliteJobEventStorage.open(":memory:");
 * await storage.storeEvent(JobEvent.enqueued("job-1", "mail"));
 * assert.equal(await storage.countEvents({ queueName: "mail" }), 1);
 * ```
 *
 * @module
 */

export { SqliteJobEventStorage } from "./sqlite/storage.ts";
export type { SqliteJobEventStorageOptions } from "./sqlite/storage.ts";
