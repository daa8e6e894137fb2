/** What a server and a stream can do: decided here and nowhere else. */

import type { NatsServerInfoLike } from "./connection.ts";

/** What depends on the version of the server. 2.9 is the floor, where all of it is `false`. */
export interface ServerCapabilities {
  /** The version, such as `2.14.5`; "" while it is not known. */
  readonly serverVersion: string;
  /** The level of the JetStream API; 0 before 2.11. */
  readonly apiLevel: number;
  /** Streams may be compressed. From 2.10 on. */
  readonly compression: boolean;
  /** Streams and consumers carry metadata. From 2.10 on. */
  readonly metadata: boolean;
  /** A consumer may have several filters. Older servers ignore them. From 2.10 on. */
  readonly filterSubjects: boolean;
  /** One request of Direct Get gives many messages. From 2.11 on. */
  readonly directGetBatch: boolean;
  /** A message may have its own time to live. From 2.11 on. */
  readonly messageTtl: boolean;
  /** Many messages may be stored as one. From 2.12 on. */
  readonly atomicBatch: boolean;
  /** A message may be delivered at a time. From 2.12 on. */
  readonly schedules: boolean;
  /** Batches that are acknowledged now and then only. From 2.14 on. */
  readonly fastIngest: boolean;
}

/** What holds for one stream: the server can do it, and the stream allows it. */
export interface Capabilities extends ServerCapabilities {
  /** Messages may be read without a consumer. */
  readonly directGet: boolean;
}

/** The settings of a stream that allow something; the server gives back only those it knows. */
export interface StreamAllowances {
  readonly allow_direct?: boolean;
  readonly allow_msg_ttl?: boolean;
  readonly allow_atomic?: boolean;
  readonly allow_msg_schedules?: boolean;
  readonly allow_batched?: boolean;
}

const VERSION = /^v?(\d+)\.(\d+)/;
/** The levels of the API from which a feature is there, as the server counts them. */
const LEVEL_2_12 = 2;
const LEVEL_2_14 = 4;

/**
 * What a server can do.
 *
 * @param info What it says of itself; `undefined` while there is no connection, which counts as
 * the floor.
 */
export function serverCapabilities(info: NatsServerInfoLike | undefined): ServerCapabilities {
  const serverVersion = info?.version ?? "";
  const apiLevel = info?.api_lvl ?? 0;
  const [, major = "0", minor = "0"] = VERSION.exec(serverVersion) ?? [];
  const isFrom = (wanted: number): boolean =>
    Number(major) > 2 || (Number(major) === 2 && Number(minor) >= wanted);
  return {
    serverVersion,
    apiLevel,
    compression: isFrom(10),
    metadata: isFrom(10),
    filterSubjects: isFrom(10),
    directGetBatch: isFrom(11),
    messageTtl: isFrom(11),
    atomicBatch: isFrom(12) && apiLevel >= LEVEL_2_12,
    schedules: isFrom(12) && apiLevel >= LEVEL_2_12,
    fastIngest: isFrom(14) && apiLevel >= LEVEL_2_14,
  };
}

/**
 * What holds for one stream.
 *
 * The member of a cluster that answers may be newer or older than the one that the connection is
 * to, so the settings that came back decide where there is one.
 *
 * @param server What the server can do.
 * @param config The settings of the stream as the server gives them back.
 */
export function streamCapabilities(
  server: ServerCapabilities,
  config: StreamAllowances,
): Capabilities {
  const directGet = config.allow_direct === true;
  return {
    ...server,
    directGet,
    directGetBatch: server.directGetBatch && directGet,
    messageTtl: server.messageTtl && config.allow_msg_ttl === true,
    atomicBatch: server.atomicBatch && config.allow_atomic === true,
    schedules: server.schedules && config.allow_msg_schedules === true,
    fastIngest: server.fastIngest && config.allow_batched === true,
  };
}
