/** The stream of the tokens and the bucket of the records: found or made. */

import { JobEventError } from "../../errors.ts";
import { serverCapabilities } from "../../nats/capabilities.ts";
import type { NatsConnectionLike } from "../../nats/connection.ts";
import { type EventStream, openStream } from "../../nats/stream.ts";
import { limit, type StreamConfig, whole } from "../../nats/stream_config.ts";
import { checkStreamName } from "../../nats/stream_name.ts";
import type { QueueNames } from "./names.ts";

/** How a queue keeps tasks. */
export interface TaskStreamSettings {
  /** On disk, or in memory, where the server's end loses everything. @default "file" */
  readonly storage?: "file" | "memory";
  /** Beyond so many bytes no task is taken; 0 for no limit. The server sets them aside.
   * @default 0 */
  readonly maxBytes?: number;
  /** On how many servers of a cluster each task is stored, 1 to 5. @default 1 */
  readonly replicas?: number;
}

/** Options of {@linkcode openTaskStreams}. */
export interface TaskStreamOptions {
  /** How the streams are made where they are not there, or changed with `updateStream`. */
  readonly stream?: TaskStreamSettings;
  /** Whether streams that do not exist are made. @default true */
  readonly createStream?: boolean;
  /** Whether existing streams get the settings of `stream`, defaults included. @default false */
  readonly updateStream?: boolean;
  /** The JetStream domain to work in. @default the server's own */
  readonly domain?: string;
  /** The time for one request to the server, in milliseconds. @default 5000 */
  readonly timeoutMs?: number;
}

/** The two streams of a queue. */
export interface TaskStreams {
  readonly records: EventStream;
  readonly tokens: EventStream;
}

/**
 * Opens the streams of a queue, and makes them where they are not there.
 *
 * @throws {JobEventError} As `openStream`; `ERR_STREAM_CONFIG` also for streams that are no queue.
 */
export async function openTaskStreams(
  connection: NatsConnectionLike,
  names: QueueNames,
  options: TaskStreamOptions,
): Promise<TaskStreams> {
  const server = serverCapabilities(connection.info);
  const { storage = "file", replicas = 1, maxBytes = 0 } = options.stream ?? {};
  const common = {
    storage,
    max_age: 0,
    max_msgs: -1,
    max_consumers: -1,
    num_replicas: whole("replicas", replicas, 1),
    deny_delete: false,
    deny_purge: false,
  };
  // One after the other, so that of two that cannot be opened the same one is named each time.
  const records = await openStream(connection, names.records, {
    ...common,
    name: checkStreamName(`KV_${names.bucket}`),
    description: "Tasks",
    subjects: [names.records.all()],
    retention: "limits",
    discard: "new",
    max_bytes: limit("maxBytes", maxBytes),
    max_msgs_per_subject: 1,
    allow_direct: true,
    // For other clients of KV, whose purge needs it.
    allow_rollup_hdrs: true,
    ...(server.messageTtl ? { allow_msg_ttl: true } : {}),
  }, options);
  const tokens = await openStream(connection, names.tokens, {
    ...common,
    name: checkStreamName(names.tokensStream),
    description: "Tokens of tasks that wait",
    subjects: [names.tokens.all()],
    retention: "workqueue",
    discard: "old",
    max_bytes: -1,
    ...(server.schedules ? { allow_msg_schedules: true } : {}),
  }, options);
  check(records, { max_msgs_per_subject: 1, deny_delete: false, allow_direct: true });
  check(tokens, { retention: "workqueue", deny_delete: false });
  return { records, tokens };
}

function check({ name, config }: EventStream, needed: Partial<StreamConfig>): void {
  const wrong = Object.entries(needed).filter(([key, value]) =>
    (config[key as keyof StreamConfig] ?? false) !== value
  );
  if (wrong.length === 0) return;
  const settings = wrong.map(([key, value]) => `${key}: ${value}`).join(", ");
  throw new JobEventError(
    "ERR_STREAM_CONFIG",
    `Cannot use stream "${name}" for tasks: it needs ${settings}. Use another prefix`,
  );
}
