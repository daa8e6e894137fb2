/** Durable consumers, one for each group: made, found and brought up to date. */

import { JobEventError, messageOf } from "../errors.ts";
import {
  type ConsumerConfig,
  type ConsumerInfo,
  consumerInfo,
  createConsumer,
  filterOf,
  filterSetting,
  NANOS_PER_MS,
  startTime,
} from "./ephemeral.ts";
import { apiErrorOf } from "./api_error.ts";
import type { LiveStart } from "./live.ts";
import type { EventStream } from "./stream.ts";

/** What a group is about. */
export interface GroupOptions {
  /** The name of its consumer. */
  readonly name: string;
  /** Which subjects, disjoint: several only where the server can. */
  readonly patterns: readonly string[];
  /** Where it begins if it is not there yet. */
  readonly start: LiveStart;
  /** A delivery that is not settled within this time is delivered again, in milliseconds. */
  readonly ackWaitMs: number;
}

/**
 * The server never gives up on an event: whoever gets one delivery too many makes it a dead
 * letter. An event whose deliveries the server counts down is lost when its last worker crashes.
 */
const NO_MAX_DELIVER = -1;
/** Members bound what they hold themselves; delayed deliveries must not stop the group. */
const MAX_ACK_PENDING = 65_536;

/**
 * Makes the group, or gives the one that is there this filter and this time.
 *
 * @throws {JobEventError} `ERR_STREAM_CONFIG`: there is a consumer of this name that is no group.
 */
export async function ensureGroup(stream: EventStream, options: GroupOptions): Promise<void> {
  const existing = await consumerInfo(stream, options.name);
  if (existing === undefined) {
    try {
      await createConsumer(stream, options.name, newConfig(options));
      return;
    } catch (error) {
      // Somebody else was quicker, with another beginning: then theirs is the group.
      if (apiErrorOf(error) === undefined) throw error;
      const winner = await consumerInfo(stream, options.name);
      if (winner === undefined) throw error;
      return await adopt(stream, options, winner);
    }
  }
  await adopt(stream, options, existing);
}

function newConfig(options: GroupOptions): ConsumerConfig {
  const { name, start } = options;
  return {
    name,
    durable_name: name,
    description: "Group of job event consumers",
    ack_policy: "explicit",
    ...startSetting(start),
    ...changeable(options),
  };
}

function changeable({ patterns, ackWaitMs }: GroupOptions): ConsumerConfig {
  return {
    ack_wait: ackWaitMs * NANOS_PER_MS,
    max_deliver: NO_MAX_DELIVER,
    max_ack_pending: MAX_ACK_PENDING,
    ...filterSetting(patterns),
  };
}

function startSetting(start: LiveStart): ConsumerConfig {
  if (start === "new") return { deliver_policy: "new" };
  if ("timeMs" in start) {
    return { deliver_policy: "by_start_time", opt_start_time: startTime(start.timeMs) };
  }
  if (start.sequence <= 1) return { deliver_policy: "all" };
  return { deliver_policy: "by_start_sequence", opt_start_seq: start.sequence };
}

async function adopt(
  stream: EventStream,
  options: GroupOptions,
  { config }: ConsumerInfo,
): Promise<void> {
  const { name } = options;
  if (config.ack_policy !== "explicit" || "deliver_subject" in config) {
    const found = "deliver_subject" in config
      ? "a push consumer"
      : `ack_policy ${config.ack_policy}`;
    throw refusal(stream, name, `there is a consumer of this name with ${found}`);
  }
  const wanted = changeable(options);
  const isSame = config.ack_wait === wanted.ack_wait &&
    (config.max_deliver ?? -1) === wanted.max_deliver &&
    config.max_ack_pending === wanted.max_ack_pending &&
    hasSameFilter(config, wanted);
  if (isSame) return;
  const { filter_subject: _one, filter_subjects: _several, ...kept } = config;
  try {
    await createConsumer(stream, name, { ...kept, ...wanted, name });
  } catch (error) {
    if (apiErrorOf(error) === undefined) throw error;
    throw refusal(stream, name, `its settings cannot be changed: ${messageOf(error)}`, error);
  }
}

function hasSameFilter(one: ConsumerConfig, other: ConsumerConfig): boolean {
  const wanted = filterOf(other).toSorted();
  const actual = filterOf(one).toSorted();
  return actual.length === wanted.length && actual.every((pattern, at) => pattern === wanted[at]);
}

function refusal(
  stream: EventStream,
  name: string,
  reason: string,
  cause?: unknown,
): JobEventError {
  const message = `Cannot take part in group ${name} of stream "${stream.name}": ${reason}. ` +
    "Use another consumerName, or delete that consumer";
  return new JobEventError("ERR_STREAM_CONFIG", message, cause === undefined ? {} : { cause });
}
