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

import type { ConnectOptions } from "./connect/options.ts";
import { JobEventError } from "./errors.ts";
import { MemoryJobEventStorage } from "./storage/memory.ts";
import type { NatsJobEventStorageOptions } from "./storage/nats.ts";
import type { JobEventStorage } from "./storage/storage.ts";

export type { ConnectOptions, ConnectTlsOptions } from "./connect/options.ts";

/** Options that every storage takes, and those of NATS, which the others pass over. */
export interface OpenStorageOptions {
  /** What every subject begins with. @default "naq.jobs.events" */
  readonly subjectPrefix?: string;
  /** How long an event is kept, in milliseconds. @default as the storage says */
  readonly maxAgeMs?: number;
  /** NATS: how to connect, beside the URL. @default the defaults of `connect` */
  readonly connect?: Omit<ConnectOptions, "servers">;
  /** NATS: names, bounds and settings of the stream. @default those of `NatsJobEventStorage` */
  readonly nats?: Omit<NatsJobEventStorageOptions, "subjectPrefix" | "closeConnection">;
}

const FORMS = `"memory:", "sqlite:path/to/file", "nats://host:4222" or "ws://host:8080"`;

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
      return await openNats(url, options);
  }
  const shown = url.replace(/\/\/[^/]*@/, "//…@");
  throw new JobEventError("ERR_CONFIGURATION", `Cannot open storage "${shown}": use ${FORMS}`);
}

async function openNats(url: string, options: OpenStorageOptions): Promise<JobEventStorage> {
  const { subjectPrefix, maxAgeMs, nats } = options;
  const { connect } = await import("./connect/mod.ts");
  const { NatsJobEventStorage } = await import("./storage/nats.ts");
  const connection = await connect({ ...options.connect, servers: url });
  try {
    return await NatsJobEventStorage.open(connection, {
      ...nats,
      ...(subjectPrefix === undefined ? {} : { subjectPrefix }),
      stream: { ...(maxAgeMs === undefined ? {} : { maxAgeMs }), ...nats?.stream },
      closeConnection: true,
    });
  } catch (error) {
    await connection.close();
    throw error;
  }
}
