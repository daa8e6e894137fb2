/** Consumers that live as long as one reader: made, and removed again. */

import { randomPrefix } from "../event/event_id.ts";
import { hasApiErrorCode } from "./api_error.ts";
import * as ApiErrorCode from "./api_error_code.ts";
import type { ReadContext } from "./patience.ts";
import type { EventStream } from "./stream.ts";

/** Nanoseconds, the unit of the JetStream API, in a millisecond. */
export const NANOS_PER_MS = 1_000_000;

/** What an ephemeral consumer is made with. */
export interface EphemeralOptions {
  /** Which subjects: several only where the server can. */
  readonly patterns: readonly string[];
  /** Where it begins. */
  readonly start: { readonly sequence: number } | { readonly timeMs: number };
  /** The server removes it when nobody asked for so long, in milliseconds. */
  readonly inactiveMs: number;
}

/** What the server says of a consumer. */
export interface ConsumerInfo {
  readonly name: string;
  /** When it was made: another one of this name has another time. */
  readonly created: string;
  readonly config: ConsumerConfig;
  /** Its last delivery. */
  readonly delivered?: { readonly stream_seq: number };
  /** How many messages it has still to deliver. */
  readonly num_pending?: number;
  readonly num_ack_pending?: number;
  readonly num_waiting?: number;
}

/** The settings of a consumer that this package uses; durations are in nanoseconds. */
export interface ConsumerConfig {
  readonly name?: string;
  readonly durable_name?: string;
  readonly description?: string;
  readonly deliver_policy?: string;
  readonly opt_start_seq?: number;
  readonly opt_start_time?: string;
  readonly ack_policy?: string;
  readonly ack_wait?: number;
  readonly max_deliver?: number;
  readonly max_ack_pending?: number;
  readonly filter_subject?: string;
  readonly filter_subjects?: readonly string[];
  readonly inactive_threshold?: number;
  readonly num_replicas?: number;
  readonly mem_storage?: boolean;
  readonly metadata?: Readonly<Record<string, string>>;
}

/** The setting for patterns: one has another name than several. */
export function filterSetting(patterns: readonly string[]): Partial<ConsumerConfig> {
  return patterns.length === 1 ? { filter_subject: patterns[0]! } : { filter_subjects: patterns };
}

/** The patterns that a consumer filters by. */
export function filterOf(config: ConsumerConfig): readonly string[] {
  if (config.filter_subjects !== undefined) return config.filter_subjects;
  return config.filter_subject ? [config.filter_subject] : [];
}

/** Makes a consumer that acknowledges nothing and is kept in memory. */
export async function createEphemeral(
  stream: EventStream,
  options: EphemeralOptions,
): Promise<ConsumerInfo> {
  const { patterns, start, inactiveMs } = options;
  // Short: it is in the subject of each message that comes.
  const name = `naq-read-${randomPrefix()}`;
  const config: ConsumerConfig = {
    name,
    ack_policy: "none",
    mem_storage: true,
    num_replicas: 1,
    max_deliver: -1,
    inactive_threshold: inactiveMs * NANOS_PER_MS,
    ...filterSetting(patterns),
    ...("timeMs" in start
      ? { deliver_policy: "by_start_time", opt_start_time: startTime(start.timeMs) }
      : { deliver_policy: "by_start_sequence", opt_start_seq: Math.max(start.sequence, 1) }),
  };
  return await createConsumer(stream, name, config);
}

/** A time that the server can read, whatever a `Date` can hold. */
export function startTime(timeMs: number): string {
  const tomorrow = Date.now() + 86_400_000;
  return new Date(Math.min(Math.max(timeMs, 0), tomorrow)).toISOString();
}

/** Makes a consumer, or changes one that is there. */
export async function createConsumer(
  stream: EventStream,
  name: string,
  config: ConsumerConfig,
): Promise<ConsumerInfo> {
  // A single filter is a part of the subject, so that permissions can be given for it.
  const suffix = config.filter_subject === undefined ? "" : `.${config.filter_subject}`;
  return await stream.request<ConsumerInfo>(
    `CONSUMER.CREATE.${stream.name}.${name}${suffix}`,
    { stream_name: stream.name, config },
  );
}

/** What the server says of a consumer, or `undefined` where it is not there. */
export async function consumerInfo(
  stream: EventStream,
  name: string,
): Promise<ConsumerInfo | undefined> {
  try {
    return await stream.request<ConsumerInfo>(`CONSUMER.INFO.${stream.name}.${name}`);
  } catch (error) {
    if (hasApiErrorCode(error, ApiErrorCode.ConsumerNotFound)) return undefined;
    throw error;
  }
}

/** Where a consumer is asked for messages. */
export function pullSubject({ apiPrefix, name }: EventStream, consumer: string): string {
  return `${apiPrefix}.CONSUMER.MSG.NEXT.${name}.${consumer}`;
}

/** Removes a consumer. Where that fails its inactivity removes it. */
export async function deleteConsumer(
  { stream, link }: Pick<ReadContext, "stream" | "link">,
  name: string,
): Promise<void> {
  if (!link.isUp) return;
  try {
    const subject = `CONSUMER.DELETE.${stream.name}.${name}`;
    await link.unlessLost(stream.request(subject, undefined, { timeoutMs: 2000 }));
  } catch {
    // It is gone already, or the server cannot be reached.
  }
}
