/**
 * Opens the storage that a URL names.
 *
 * @example
 * ```ts
 * import { openStorage } from "@naq/events/open";
 * import { JobEvent } from "@naq/events";
 * import assert from "node:assert/strict";
 *
 * await using storage = await openStorage("memory:");
 * await storage.storeEvent(JobEvent.enqueued("job-1", "mail"));
 * assert.equal(await storage.countEvents(), 1);
 * ```
 *
 * @module
 */

import { openStorageBy, type OpenStorageOptions } from "./open_storage.ts";
import type { JobEventStorage } from "./storage/storage.ts";

export type { ConnectOptions, ConnectTlsOptions } from "./connect/options.ts";
export type { OpenStorageOptions } from "./open_storage.ts";

/**
 * Opens a storage. What a storage needs is loaded when its URL asks for it.
 *
 * - `memory:` keeps events in this process; they are gone when it ends;
 * - `sqlite:path` keeps them in a file, which is made if need be;
 * - `nats://host`, `tls://host`, `ws://host` and `wss://host` keep them in a stream of NATS
 *   JetStream, over a connection of its own, which the storage closes.
 *
 * @param url Which storage.
 * @param options What all of them take. A storage's own class takes more.
 * @throws {JobEventError} `ERR_CONFIGURATION`: the URL is of no known form, the message has those
 * that are; else what the storage and, for NATS, the connection says.
 */
export async function openStorage(
  url: string,
  options: OpenStorageOptions = {},
): Promise<JobEventStorage> {
  return await openStorageBy(url, options);
}
