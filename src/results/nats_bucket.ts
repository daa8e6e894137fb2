/** The KV bucket that keeps results: its stream, and reads and writes of one key. */

import { JobEventError } from "../errors.ts";
import { JobEventSubjects } from "../event/subjects.ts";
import { serverCapabilities } from "../nats/capabilities.ts";
import type { NatsConnectionLike } from "../nats/connection.ts";
import { deleteMessage } from "../nats/delete.ts";
import { MessageHeaders } from "../nats/headers.ts";
import { leaderSequence } from "../nats/history.ts";
import { lastHeader, type StreamMessage } from "../nats/message.ts";
import { patiently, type ReadContext } from "../nats/patience.ts";
import { readOne } from "../nats/point_read.ts";
import { storeMessage } from "../nats/store_message.ts";
import { type EventStream, openStream } from "../nats/stream.ts";
import { limit, type StreamConfig, whole } from "../nats/stream_config.ts";
import { checkStreamName } from "../nats/stream_name.ts";

/** How a bucket keeps results. */
export interface ResultBucketSettings {
  /** On disk, or in memory, where the server's end loses everything. @default "file" */
  readonly storage?: "file" | "memory";
  /** A bucket that is full refuses results; 0 for no limit. The server sets them aside.
   * @default 0 */
  readonly maxBytes?: number;
  /** On how many servers of a cluster each result is stored, 1 to 5. @default 1 */
  readonly replicas?: number;
  /** What operators see. @default "Results of tasks" */
  readonly description?: string;
}

/** Options of {@linkcode openResultBucket}. */
export interface ResultBucketOptions {
  /** The name of the bucket; its stream is `KV_{bucket}`. @default "naq-results" */
  readonly bucket?: string;
  /** How the bucket is made where it is not there, or changed with `updateStream`. */
  readonly stream?: ResultBucketSettings;
  /** Whether a bucket that does not exist is made. @default true */
  readonly createStream?: boolean;
  /** Whether an existing bucket gets the settings of `stream`, defaults included.
   * @default false */
  readonly updateStream?: boolean;
  /** The JetStream domain to work in. @default the server's own */
  readonly domain?: string;
  /** The time for one request to the server, in milliseconds. @default 5000 */
  readonly timeoutMs?: number;
}

const DEFAULT_BUCKET = "naq-results";
/** The server counts lives in whole seconds. */
const SECOND_MS = 1000;
/** As the server wants it: about 68 years. A longer life is left to the record. */
const MAX_TTL_S = 2 ** 31 - 1;

/**
 * Opens a bucket, and makes it where it does not exist.
 *
 * @throws {TypeError} The name cannot be used.
 * @throws {JobEventError} As `openEventStream`; `ERR_STREAM_CONFIG` also for a bucket that does not
 * allow what this package needs.
 */
export async function openResultBucket(
  connection: NatsConnectionLike,
  options: ResultBucketOptions,
): Promise<EventStream> {
  const { bucket = DEFAULT_BUCKET, stream = {} } = options;
  // The names that other clients of KV accept.
  if (!/^[\w-]{1,200}$/.test(bucket)) {
    throw new TypeError(
      `Invalid bucket ${JSON.stringify(bucket)}: expected 1 to 200 letters, digits, - and _`,
    );
  }
  const server = serverCapabilities(connection.info);
  const subjects = new JobEventSubjects(`$KV.${bucket}`);
  const wanted: StreamConfig = {
    name: checkStreamName(`KV_${bucket}`),
    description: stream.description ?? "Results of tasks",
    subjects: [subjects.all()],
    retention: "limits",
    storage: stream.storage ?? "file",
    discard: "new",
    max_age: 0,
    max_msgs: -1,
    max_bytes: limit("maxBytes", stream.maxBytes ?? 0),
    max_msgs_per_subject: 1,
    max_consumers: -1,
    num_replicas: whole("replicas", stream.replicas ?? 1, 1),
    deny_delete: false,
    deny_purge: false,
    allow_direct: true,
    // For other clients of KV, whose purge needs it.
    allow_rollup_hdrs: true,
    ...(server.messageTtl ? { allow_msg_ttl: true } : {}),
  };
  const opened = await openStream(connection, subjects, wanted, options);
  const { max_msgs_per_subject, deny_delete, allow_direct } = opened.config;
  if (max_msgs_per_subject === 1 && deny_delete !== true && allow_direct === true) return opened;
  throw new JobEventError(
    "ERR_STREAM_CONFIG",
    `Cannot use bucket "${bucket}" for results: its stream ${opened.name} needs ` +
      "max_msgs_per_subject: 1, deny_delete: false and allow_direct: true. Use another bucket",
  );
}

/** One key of a bucket. */
export interface BucketKey {
  readonly context: ReadContext;
  /** The token behind the bucket's prefix. */
  readonly token: string;
}

function subjectOf({ context, token }: BucketKey): string {
  return `${context.stream.subjects.prefix}.${token}`;
}

/** The token of a message's key. */
export function tokenOf({ stream }: ReadContext, { subject }: StreamMessage): string {
  return subject.slice(stream.subjects.prefix.length + 1);
}

/** Whether a message says that a key was deleted, as other clients of KV do. */
export function isMarker({ received }: StreamMessage): boolean {
  const headers = received?.headers;
  return headers !== undefined &&
    (lastHeader(headers, "KV-Operation") !== "" ||
      lastHeader(headers, "Nats-Marker-Reason") !== "");
}

/**
 * Puts a value in place of the one that is there.
 *
 * @param ttlMs When the server may forget it, where it can: not before that.
 */
export async function putKey(key: BucketKey, payload: Uint8Array, ttlMs: number): Promise<void> {
  const { context } = key;
  const headers = new MessageHeaders();
  // A second attempt stores nothing if the first one did.
  headers.set("Nats-Msg-Id", crypto.randomUUID());
  headers.set("Nats-Expected-Stream", context.stream.name);
  // A result may have expired before it is stored.
  const seconds = Math.ceil(Math.max(ttlMs, 0) / SECOND_MS) + 1;
  if (context.stream.capabilities.messageTtl && seconds <= MAX_TTL_S) {
    headers.set("Nats-TTL", String(seconds));
  }
  const message = { subject: subjectOf(key), payload, headers };
  await patiently(context, () => storeMessage(context, message));
}

/** The message of a key, or `undefined` where it has none. */
export async function getKey(key: BucketKey): Promise<StreamMessage | undefined> {
  const message = await patiently(key.context, () => readKey(key));
  return message === undefined || isMarker(message) ? undefined : message;
}

async function readKey(key: BucketKey): Promise<StreamMessage | undefined> {
  const subject = subjectOf(key);
  const message = await readOne(key.context, { last_by_subj: subject });
  return message ?? await confirmAbsence(key.context.stream, subject);
}

/** With replicas one may have answered that does not have the last messages yet. */
async function confirmAbsence(stream: EventStream, subject: string): Promise<undefined> {
  if ((stream.config.num_replicas ?? 1) === 1) return;
  if (await leaderSequence(stream, subject, 1) === undefined) return;
  throw new JobEventError(
    "ERR_UNAVAILABLE",
    `Cannot read bucket "${stream.name}": a replica does not have ${subject} yet`,
  );
}

/** Deletes one message; gives whether it was there. Nothing that came after it is touched. */
export async function dropMessage(context: ReadContext, sequence: number): Promise<boolean> {
  return await deleteMessage(context, sequence, false);
}
