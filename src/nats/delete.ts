/** Deletes: whole patterns, single messages, and what is old. */

import { JobEventError, messageOf } from "../errors.ts";
import { hasApiErrorCode } from "./api_error.ts";
import * as ApiErrorCode from "./api_error_code.ts";
import { createEphemeral, deleteConsumer, pullSubject } from "./ephemeral.ts";
import { leaderSequence, readHistory } from "./history.ts";
import { deliveredMessage, parseAckSubject, type StreamMessage } from "./message.ts";
import { patiently, type ReadContext } from "./patience.ts";
import type { EventStream } from "./stream.ts";

/** How many messages are deleted at the same time. */
const DELETE_WINDOW = 32;
const ANSWER_TIMEOUT_MS = 5000;
const INACTIVE_MS = 5000;

/**
 * Deletes every message of a pattern.
 *
 * @param erasing Whether the bytes are overwritten now, message by message. Otherwise they stay in
 * the file until the server compacts it.
 * @returns How many there were.
 */
export async function deleteMatching(
  context: ReadContext,
  pattern: string,
  erasing: boolean,
): Promise<number> {
  if (erasing || !canPurgeByFilter(context)) {
    return await deleteEach(context, pattern, Infinity, erasing);
  }
  return await purge(context, { filter: pattern });
}

/**
 * Before 2.10 a purge with a filter moves every consumer of the stream to its end: groups and live
 * streams would lose what they have not seen yet, whatever its subject.
 */
function canPurgeByFilter({ stream }: ReadContext): boolean {
  return stream.capabilities.filterSubjects;
}

/** Deletes the messages of a pattern before a position, one request for each. */
async function deleteEach(
  context: ReadContext,
  pattern: string,
  before: number,
  erasing: boolean,
): Promise<number> {
  const options = {
    patterns: [pattern],
    afterSequence: 0,
    order: "oldest",
    wanted: Infinity,
  } as const;
  let deleted = 0;
  for await (const batch of readHistory(context, options)) {
    const meant = batch.filter(({ sequence }) => sequence < before);
    for (let start = 0; start < meant.length; start += DELETE_WINDOW) {
      const window = meant.slice(start, start + DELETE_WINDOW);
      const results = await Promise.all(
        window.map(({ sequence }) => deleteMessage(context, sequence, erasing)),
      );
      deleted += results.filter((done) => done).length;
    }
    if (meant.length < batch.length) break;
  }
  return deleted;
}

/**
 * Deletes one message.
 *
 * @returns Whether it was there.
 */
export async function deleteMessage(
  context: ReadContext,
  sequence: number,
  erasing: boolean,
): Promise<boolean> {
  const { stream } = context;
  const body = { seq: sequence, no_erase: !erasing };
  return await patiently(context, async () => {
    try {
      await stream.request(`STREAM.MSG.DELETE.${stream.name}`, body);
      return true;
    } catch (error) {
      // Under a code that makes patience ask again.
      if (isMissingMessage(error)) return false;
      throw error;
    }
  });
}

/**
 * Deletes the messages of a pattern from a stream that only its own consumers may read, one after
 * the other: a purge with a filter is no way on old servers, see {@linkcode deleteMatching}.
 */
export async function deleteEvery(
  context: ReadContext,
  pattern: string,
  erasing: boolean,
): Promise<void> {
  for (let from = 1;;) {
    const next = await patiently(context, () => leaderSequence(context.stream, pattern, from));
    if (next === undefined) return;
    await deleteMessage(context, next, erasing);
    from = next + 1;
  }
}

/** A server may say it with the code of a store that failed, and only its text tells them apart. */
function isMissingMessage(error: unknown): boolean {
  return hasApiErrorCode(error, ApiErrorCode.NoMessage) ||
    hasApiErrorCode(error, SEQUENCE_NOT_FOUND) ||
    (hasApiErrorCode(error, DELETE_FAILED) && NOT_THERE.test(messageOf(error)));
}

const SEQUENCE_NOT_FOUND = 10043;
const DELETE_FAILED = 10057;
const NOT_THERE = /no message found|deleted message|stream store EOF/;

/**
 * Deletes everything that was stored before a time.
 *
 * @param timeMs The time, in milliseconds since the Unix epoch.
 * @returns How many messages there were.
 */
export async function purgeBefore(context: ReadContext, timeMs: number): Promise<number> {
  const { stream } = context;
  const { state } = await patiently(context, () => stream.info());
  if (state.messages === 0 || Date.parse(state.first_ts) >= timeMs) return 0;
  const next = await patiently(context, () => firstSince(context, timeMs));
  // Only what is in the stream now: what comes meanwhile is newer.
  const seq = next?.sequence ?? state.last_seq + 1;
  const all = stream.subjects.all();
  // Without a filter the server drops whole blocks instead of one message after the other.
  const isShared = stream.config.subjects?.length !== 1 || stream.config.subjects[0] !== all;
  if (!isShared) return await purge(context, { seq });
  if (!canPurgeByFilter(context)) return await deleteEach(context, all, seq, false);
  return await purge(context, { filter: all, seq });
}

async function purge(context: ReadContext, request: object): Promise<number> {
  const { stream } = context;
  const subject = `STREAM.PURGE.${stream.name}`;
  const answer = await patiently(
    context,
    () => stream.request<{ readonly purged?: number }>(subject, request),
  );
  return answer.purged ?? 0;
}

/** The first message that was stored at a time or later. */
async function firstSince(
  context: ReadContext,
  timeMs: number,
): Promise<StreamMessage | undefined> {
  const { stream, inbox } = context;
  const consumer = await createEphemeral(stream, {
    patterns: [stream.subjects.all()],
    start: { timeMs },
    inactiveMs: INACTIVE_MS,
  });
  try {
    const subject = pullSubject(stream, consumer.name);
    const channel = inbox.request(subject, { batch: 1, no_wait: true }, consumer.name);
    try {
      const reply = await channel.next(ANSWER_TIMEOUT_MS);
      if (typeof reply === "string") throw noAnswer(stream, reply);
      const delivery = parseAckSubject(reply.reply);
      if (delivery !== undefined) return deliveredMessage(reply, delivery.streamSequence);
      if (reply.headers?.code === 404 || reply.headers?.code === 408) return undefined;
      throw noAnswer(stream, `${reply.headers?.code} ${reply.headers?.description}`);
    } finally {
      channel.close();
    }
  } finally {
    await deleteConsumer(context, consumer.name);
  }
}

function noAnswer({ name }: EventStream, reason: string): JobEventError {
  return new JobEventError(
    "ERR_UNAVAILABLE",
    `Cannot find the first event of a time in stream "${name}": ${reason}`,
  );
}
