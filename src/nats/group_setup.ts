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
import { apiErrorOf, hasApiErrorCode } from "./api_error.ts";
import * as ApiErrorCode from "./api_error_code.ts";
import type { LiveStart } from "./live.ts";
import { isMissingStream, type SideStream } from "./side_stream.ts";
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
  /** Whether a group that is there begins again at `start`. */
  readonly reset: boolean;
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
 * A consumer's position cannot be changed, so a reset makes another one of the same name.
 *
 * @returns When its consumer was made, which tells it from those of that name before it.
 * @throws {JobEventError} `ERR_STREAM_CONFIG`: there is a consumer of this name that is no group.
 */
export async function ensureGroup(stream: EventStream, options: GroupOptions): Promise<string> {
  const { name } = options;
  const existing = await consumerInfo(stream, name);
  if (existing !== undefined) {
    assertGroup(stream, existing);
    if (!options.reset) return await adopt(stream, options, existing);
    await removeGroup(stream, name);
  }
  try {
    return (await createConsumer(stream, name, newConfig(options))).created;
  } catch (error) {
    // Somebody else was quicker, with another beginning: then theirs is the group.
    if (apiErrorOf(error) === undefined) throw error;
    const winner = await consumerInfo(stream, name);
    if (winner === undefined) throw error;
    assertGroup(stream, winner);
    return await adopt(stream, options, winner);
  }
}

/**
 * Makes the consumer for what is given to a group again, and its stream where it is not there.
 *
 * @throws {JobEventError} `ERR_PERMISSION`: the user may not; the message names the subject.
 */
export async function ensureReplays(
  replays: SideStream,
  { name, ackWaitMs }: GroupOptions,
): Promise<void> {
  const { stream } = replays.context;
  const options = {
    name,
    patterns: [replays.pattern(name)],
    start: { sequence: 1 },
    ackWaitMs,
    reset: false,
  };
  try {
    await ensureGroup(stream, options);
  } catch (error) {
    if (!isMissingStream(error)) throw error;
    await replays.create();
    await ensureGroup(stream, options);
  }
}

async function removeGroup(stream: EventStream, name: string): Promise<void> {
  try {
    await stream.request(`CONSUMER.DELETE.${stream.name}.${name}`);
  } catch (error) {
    if (!hasApiErrorCode(error, ApiErrorCode.ConsumerNotFound)) throw error;
  }
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

function assertGroup(stream: EventStream, { config, name }: ConsumerInfo): void {
  if (config.ack_policy === "explicit" && !("deliver_subject" in config)) return;
  const found = "deliver_subject" in config ? "a push consumer" : `ack_policy ${config.ack_policy}`;
  throw refusal(stream, name, `there is a consumer of this name with ${found}`);
}

async function adopt(
  stream: EventStream,
  options: GroupOptions,
  { config, created }: ConsumerInfo,
): Promise<string> {
  const { name } = options;
  const wanted = changeable(options);
  const isSame = config.ack_wait === wanted.ack_wait &&
    (config.max_deliver ?? -1) === wanted.max_deliver &&
    config.max_ack_pending === wanted.max_ack_pending &&
    hasSameFilter(config, wanted);
  if (isSame) return created;
  const { filter_subject: _one, filter_subjects: _several, ...kept } = config;
  try {
    await createConsumer(stream, name, { ...kept, ...wanted, name });
    return created;
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
