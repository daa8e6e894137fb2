/** The settings of the stream: from what a caller chooses to what the server is sent. */

import { MAX_EVENT_BYTES } from "../event/limits.ts";
import type { ServerCapabilities, StreamAllowances } from "./capabilities.ts";

/** How the stream keeps events. */
export interface JobEventStreamSettings {
  /** On disk, or in memory, where the server's end loses everything. @default "file" */
  readonly storage?: "file" | "memory";
  /** Events are kept so long, in milliseconds; 0 for ever. @default 604800000, 7 days */
  readonly maxAgeMs?: number;
  /** Beyond so many events the oldest go; 0 for no limit. @default 10000000 */
  readonly maxMsgs?: number;
  /** Beyond so many bytes the oldest events go; 0 for no limit. The server sets them aside when it
   * makes the stream. @default 10737418240, 10 GiB */
  readonly maxBytes?: number;
  /** Larger events are refused, in bytes with their headers; 0 for no limit.
   * @default 1048576, 1 MiB */
  readonly maxMsgSize?: number;
  /** An event that is stored again within this time is stored once, in milliseconds, from 100 on;
   * at most `maxAgeMs`. @default 120000 */
  readonly duplicateWindowMs?: number;
  /** On how many servers of a cluster each event is stored, 1 to 5. @default 1 */
  readonly replicas?: number;
  /** Whether files are compressed, where the server can. @default "s2" */
  readonly compression?: "s2" | "none";
  /** What operators see. @default "Job lifecycle events" */
  readonly description?: string;
}

/** The settings of a stream as the server has them. There are more, which are left alone. */
export interface StreamConfig extends StreamAllowances {
  readonly name: string;
  readonly description?: string;
  readonly subjects?: readonly string[];
  readonly retention?: string;
  readonly storage?: string;
  readonly discard?: string;
  /** In nanoseconds. */
  readonly max_age?: number;
  readonly max_msgs?: number;
  readonly max_bytes?: number;
  readonly max_msg_size?: number;
  readonly max_msgs_per_subject?: number;
  readonly max_consumers?: number;
  /** In nanoseconds. */
  readonly duplicate_window?: number;
  readonly num_replicas?: number;
  readonly deny_delete?: boolean;
  readonly deny_purge?: boolean;
  readonly sealed?: boolean;
  readonly mirror?: object;
  readonly allow_rollup_hdrs?: boolean;
  readonly compression?: string;
  readonly metadata?: Readonly<Record<string, string>>;
}

/** The version of the wire format, in the stream's metadata. It changes when old readers break. */
export const SCHEMA_VERSION = "1";
/** Under which name it is there. */
export const SCHEMA_VERSION_KEY = "naq.events.schema";

const NANOS_PER_MS = 1_000_000;
const DAY_MS = 86_400_000;
const MIN_WINDOW_MS = 100;

/** The settings that a stream which keeps `subjects` is made with. */
export function toStreamConfig(
  name: string,
  subjects: string,
  settings: JobEventStreamSettings,
  server: ServerCapabilities,
): StreamConfig {
  const maxAgeMs = whole("maxAgeMs", settings.maxAgeMs ?? 7 * DAY_MS);
  const windowMs = whole("duplicateWindowMs", settings.duplicateWindowMs ?? 120_000, MIN_WINDOW_MS);
  const storage = settings.storage ?? "file";
  const compression = settings.compression ?? "s2";
  return {
    name,
    description: settings.description ?? "Job lifecycle events",
    subjects: [subjects],
    retention: "limits",
    storage,
    discard: "old",
    max_age: maxAgeMs * NANOS_PER_MS,
    max_msgs: limit("maxMsgs", settings.maxMsgs ?? 10_000_000),
    max_bytes: limit("maxBytes", settings.maxBytes ?? 10 * 1024 ** 3),
    max_msg_size: limit("maxMsgSize", settings.maxMsgSize ?? MAX_EVENT_BYTES),
    max_msgs_per_subject: -1,
    max_consumers: -1,
    duplicate_window: (maxAgeMs === 0 ? windowMs : Math.min(windowMs, maxAgeMs)) * NANOS_PER_MS,
    num_replicas: whole("replicas", settings.replicas ?? 1, 1),
    deny_delete: false,
    deny_purge: false,
    allow_direct: true,
    // Older servers take these without a word and do nothing, so they are not sent to them.
    ...(server.compression && storage === "file" ? { compression } : {}),
    ...(server.metadata ? { metadata: { [SCHEMA_VERSION_KEY]: SCHEMA_VERSION } } : {}),
    ...(server.messageTtl ? { allow_msg_ttl: true } : {}),
    ...(server.atomicBatch ? { allow_atomic: true } : {}),
    ...(server.fastIngest ? { allow_batched: true } : {}),
  };
}

/**
 * A number of the settings.
 *
 * @throws {RangeError} It is not whole, or below `least`.
 */
export function whole(name: string, value: number, least = 0): number {
  if (Number.isSafeInteger(value) && value >= least) return value;
  throw new RangeError(
    `Cannot set up the stream: ${name} must be a whole number of at least ${least}, got ${value}`,
  );
}

/** A limit as the server has it: -1 for none, which is 0 in the settings. */
export function limit(name: string, value: number): number {
  return whole(name, value) || -1;
}

/** The setting of {@linkcode JobEventStreamSettings} behind each of the server's. */
const SETTING_NAMES: Readonly<Record<string, string>> = {
  max_age: "maxAgeMs",
  max_msgs: "maxMsgs",
  max_bytes: "maxBytes",
  max_msg_size: "maxMsgSize",
  duplicate_window: "duplicateWindowMs",
  num_replicas: "replicas",
};

/** One setting that is not as wanted. */
export interface StreamDifference {
  /** The name in {@linkcode JobEventStreamSettings}, or the server's own where it has none. */
  readonly name: string;
  /** The server's name. */
  readonly key: keyof StreamConfig;
  readonly actual: unknown;
  readonly wanted: unknown;
}

/** What an existing stream has otherwise than wanted. Settings that are not wanted do not count. */
export function streamDifferences(
  actual: StreamConfig,
  wanted: StreamConfig,
): readonly StreamDifference[] {
  const differences: StreamDifference[] = [];
  for (const key of Object.keys(wanted) as (keyof StreamConfig)[]) {
    const isSame = key === "subjects"
      ? (wanted.subjects ?? []).every((each) => covers(actual.subjects ?? [], each))
      : key === "metadata"
      ? Object.entries(wanted.metadata ?? {}).every(([name, text]) =>
        actual.metadata?.[name] === text
      )
      : (actual[key] ?? absent(key)) === wanted[key];
    if (isSame) continue;
    const name = SETTING_NAMES[key] ?? key;
    differences.push({ name, key, actual: actual[key], wanted: wanted[key] });
  }
  return differences;
}

/** What it means that the server leaves a setting out. */
function absent(key: keyof StreamConfig): unknown {
  if (key === "compression") return "none";
  return key.startsWith("allow_") || key.startsWith("deny_") ? false : undefined;
}

/** The differences in words. */
export function describeDifferences(differences: readonly StreamDifference[]): string {
  return differences.map(({ name, key, actual, wanted }) =>
    `${name} is ${show(key, actual)}, wanted ${show(key, wanted)}`
  ).join("; ");
}

function show(key: keyof StreamConfig, value: unknown): string {
  if (typeof value !== "number") return JSON.stringify(value) ?? "not set";
  if (key === "max_age" || key === "duplicate_window") return String(value / NANOS_PER_MS);
  return String(value < 0 ? 0 : value);
}

/**
 * The settings to update a stream with: the wanted ones over the existing ones. What it keeps
 * already stays, and so does other programs' metadata.
 */
export function mergeStreamConfig(actual: StreamConfig, wanted: StreamConfig): StreamConfig {
  const kept = (actual.subjects ?? []).filter((each) => !covers(wanted.subjects ?? [], each));
  const own = (wanted.subjects ?? []).filter((each) => !covers(kept, each));
  const metadata = wanted.metadata && { ...actual.metadata, ...wanted.metadata };
  return { ...actual, ...wanted, subjects: [...kept, ...own], ...(metadata ? { metadata } : {}) };
}

/** Whether a stream takes what the pattern matches and nothing else. */
export function takesOnly(subjects: readonly string[] | undefined, pattern: string): boolean {
  return subjects?.length === 1 && subjects[0] === pattern;
}

/** Whether one of the patterns matches every subject that `pattern` matches. */
export function covers(patterns: readonly string[], pattern: string): boolean {
  return patterns.some((each) => coversOne(each.split("."), pattern.split(".")));
}

function coversOne(wide: readonly string[], narrow: readonly string[]): boolean {
  for (const [index, token] of wide.entries()) {
    if (token === ">") return narrow.length > index;
    const other = narrow[index];
    if (other === undefined || other === ">") return false;
    if (token !== "*" && token !== other) return false;
  }
  return wide.length === narrow.length;
}
