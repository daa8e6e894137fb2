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

import { JobEventError } from "./errors.ts";
import { MemoryJobEventStorage } from "./storage/memory.ts";
import type { JobEventStorage } from "./storage/storage.ts";

/** Options that every storage takes. */
export interface OpenStorageOptions {
  /** What every subject begins with. @default "naq.jobs.events" */
  readonly subjectPrefix?: string;
  /** How long an event is kept, in milliseconds. @default as the storage says */
  readonly maxAgeMs?: number;
}

const FORMS = `"memory:" or "sqlite:path/to/file"`;

/**
 * Opens a storage. What a storage needs is loaded when its URL asks for it.
 *
 * - `memory:` keeps events in this process; they are gone when it ends;
 * - `sqlite:path` keeps them in a file, which is made if need be.
 *
 * @param url Which storage.
 * @param options What all of them take. A storage's own class takes more.
 * @throws {JobEventError} `ERR_CONFIGURATION`: the URL is of no known form, the message has those
 * that are; `ERR_UNSUPPORTED`: this version has no such storage; else what the storage says.
 */
export async function openStorage(
  url: string,
  options: OpenStorageOptions = {},
): Promise<JobEventStorage> {
  const [, scheme, rest = ""] = /^([a-z]+):(.*)$/s.exec(url) ?? [];
  switch (scheme) {
    case "memory":
      if (rest === "") return new MemoryJobEventStorage(options);
      break;
    case "sqlite": {
      if (rest === "") break;
      const { SqliteJobEventStorage } = await import("./storage/sqlite.ts");
      return await SqliteJobEventStorage.open(rest, options);
    }
    case "nats":
    case "tls":
    case "ws":
    case "wss":
      throw new JobEventError(
        "ERR_UNSUPPORTED",
        `Cannot open storage ${url}: this version has no NATS storage; use ${FORMS}`,
      );
  }
  throw new JobEventError("ERR_CONFIGURATION", `Cannot open storage "${url}": use ${FORMS}`);
}
