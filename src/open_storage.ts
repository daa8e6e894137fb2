/** Storages by their URLs, over a connection of their own or over one of somebody's pool. */

import type { ConnectOptions } from "./connect/options.ts";
import { JobEventError } from "./errors.ts";
import type { NatsConnectionLike } from "./nats/connection.ts";
import { MemoryJobEventStorage } from "./storage/memory.ts";
import type { NatsJobEventStorageOptions } from "./storage/nats.ts";
import type { JobEventStorage } from "./storage/storage.ts";

/** Options that every storage takes, and those of NATS, which the others pass over. */
export interface OpenStorageOptions {
  /** What every subject begins with. @default "naq.jobs.events" */
  readonly subjectPrefix?: string;
  /** How long an event is kept, in milliseconds. @default as the storage says */
  readonly maxAgeMs?: number;
  /** Whether what is not there is made: a file, a stream. @default true */
  readonly create?: boolean;
  /** Nothing is to be changed: makes nothing, and SQLite opens the file for reading only.
   * @default false */
  readonly readOnly?: boolean;
  /** NATS: how to connect, beside the URL. @default the defaults of `connect` */
  readonly connect?: Omit<ConnectOptions, "servers">;
  /** NATS: names, bounds and settings of the stream. @default those of `NatsJobEventStorage` */
  readonly nats?: Omit<
    NatsJobEventStorageOptions,
    "subjectPrefix" | "createStream" | "closeConnection"
  >;
}

/** Opens a connection, as `connect` of this package does. */
export type Connect = (options: ConnectOptions) => Promise<NatsConnectionLike>;

const FORMS = `"memory:", "sqlite:path/to/file", "nats://host:4222" or "ws://host:8080"`;

/** A URL in two parts; the scheme is "" where there is none. */
export function splitUrl(url: string): { readonly scheme: string; readonly rest: string } {
  const [, scheme = "", rest = ""] = /^([a-z]+):(.*)$/s.exec(url) ?? [];
  return { scheme, rest };
}

/** Whether the scheme of a URL is one of NATS. */
export function isNatsScheme(scheme: string): boolean {
  return ["nats", "tls", "ws", "wss"].includes(scheme);
}

/** A URL without what is secret in it. */
export function shownUrl(url: string): string {
  return url.replace(/\/\/[^/]*@/g, "//…@");
}

/** The function `connect` of this package, which is loaded with its first use. */
export async function connectByUrl(options: ConnectOptions): Promise<NatsConnectionLike> {
  const { connect } = await import("./connect/mod.ts");
  return await connect(options);
}

/**
 * Opens a storage: see `openStorage`.
 *
 * @param connect How it gets a connection to NATS, which it closes.
 */
export async function openStorageBy(
  url: string,
  options: OpenStorageOptions,
  connect: Connect = connectByUrl,
): Promise<JobEventStorage> {
  const { scheme, rest } = splitUrl(url);
  if (scheme === "memory" && rest === "") return new MemoryJobEventStorage(options);
  if (scheme === "sqlite" && rest !== "") {
    const { SqliteJobEventStorage } = await import("./storage/sqlite.ts");
    return await SqliteJobEventStorage.open(rest, options);
  }
  if (isNatsScheme(scheme)) return await openNats(url, options, connect);
  throw new JobEventError(
    "ERR_CONFIGURATION",
    `Cannot open storage "${shownUrl(url)}": use ${FORMS}`,
  );
}

async function openNats(
  url: string,
  options: OpenStorageOptions,
  connect: Connect,
): Promise<JobEventStorage> {
  const { subjectPrefix, maxAgeMs, create = true, readOnly = false, nats } = options;
  const { NatsJobEventStorage } = await import("./storage/nats.ts");
  const connection = await connect({ ...options.connect, servers: url });
  try {
    return await NatsJobEventStorage.open(connection, {
      ...nats,
      ...(subjectPrefix === undefined ? {} : { subjectPrefix }),
      createStream: create && !readOnly,
      stream: { ...(maxAgeMs === undefined ? {} : { maxAgeMs }), ...nats?.stream },
      closeConnection: true,
    });
  } catch (error) {
    await connection.close();
    throw error;
  }
}
