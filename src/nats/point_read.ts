/** Reads the few messages of one job, each by a request of its own. */

import { JobEventError } from "../errors.ts";
import { directMessage, type StreamMessage } from "./message.ts";
import type { Positions } from "./merge.ts";
import { patiently, type ReadContext } from "./patience.ts";
import type { StreamInfo } from "./stream.ts";
import { covers } from "./stream_config.ts";

/** One request after the other is made for a subject, so only few are worth it. */
const MAX_OF_A_SUBJECT = 16;
const MAX_MESSAGES = 256;
const ANSWER_TIMEOUT_MS = 2000;

/** A subject, and how many messages it has. */
type SubjectCount = readonly [subject: string, count: number];

/**
 * The subjects to read one by one, or `undefined` where there is too much for that.
 *
 * The server finds the next message of a subject through an index. For a pattern it looks through
 * the blocks of the stream, and does so for every message of a batch.
 *
 * @param info What the server says of the stream, with the subjects of the job.
 * @param patterns Which of them are meant.
 */
export function fewSubjects(
  { stream }: ReadContext,
  { config, state }: StreamInfo,
  patterns: readonly string[],
): readonly SubjectCount[] | undefined {
  // A replica that answers may not have the last messages yet.
  if (!stream.capabilities.directGet || (config.num_replicas ?? 1) > 1) return undefined;
  const subjects = Object.entries(state.subjects ?? {})
    .filter(([subject]) => covers(patterns, subject));
  const total = subjects.reduce((sum, [, count]) => sum + count, 0);
  const isFew = total <= MAX_MESSAGES && subjects.every(([, count]) => count <= MAX_OF_A_SUBJECT);
  return isFew ? subjects : undefined;
}

/** The messages of subjects in a range of positions, in the order of the stream. */
export async function readFew(
  context: ReadContext,
  subjects: readonly SubjectCount[],
  range: Positions,
  signal: AbortSignal | undefined,
): Promise<StreamMessage[]> {
  const histories = await Promise.all(
    subjects.map((subject) => readSubject(context, subject, range, signal)),
  );
  return histories.flat().sort((left, right) => left.sequence - right.sequence);
}

/**
 * The first and the last message of a subject are found through an index, at once; those between
 * them one after the other, for each of which the server looks through what lies in between.
 */
async function readSubject(
  context: ReadContext,
  [subject, count]: SubjectCount,
  { from, through }: Positions,
  signal: AbortSignal | undefined,
): Promise<StreamMessage[]> {
  const get = (body: object): Promise<StreamMessage | undefined> =>
    patiently(context, () => readOne(context, body, signal), signal);
  const next = (seq: number): Promise<StreamMessage | undefined> =>
    get({ seq, next_by_subj: subject });
  const [first, newest] = await Promise.all([
    next(from),
    count === 1 ? undefined : get({ last_by_subj: subject }),
  ]);
  if (first === undefined || first.sequence > through) return [];
  const messages = [first];
  // One that was stored after the read began is not a part of it.
  const last = newest !== undefined && newest.sequence <= through ? newest : undefined;
  const wanted = last === undefined ? count : count - 1;
  const end = last?.sequence ?? through + 1;
  let position = first.sequence + 1;
  while (messages.length < wanted && position < end && !signal?.aborted) {
    const message = await next(position);
    if (message === undefined || message.sequence >= end) break;
    messages.push(message);
    position = message.sequence + 1;
  }
  if (last !== undefined && last.sequence > messages.at(-1)!.sequence) messages.push(last);
  return messages;
}

/**
 * Reads one message by Direct Get: one attempt.
 *
 * @param body Which one, as the server wants it.
 * @returns `undefined` where it is not there, and when the signal has aborted.
 */
export async function readOne(
  { stream, inbox }: Pick<ReadContext, "stream" | "inbox">,
  body: object,
  signal?: AbortSignal,
): Promise<StreamMessage | undefined> {
  const channel = inbox.request(`${stream.apiPrefix}.DIRECT.GET.${stream.name}`, body);
  try {
    const reply = await channel.next(ANSWER_TIMEOUT_MS, signal);
    if (reply === "ended") return undefined;
    const status = typeof reply === "string" ? 0 : reply.headers?.code ?? 0;
    if (status === 404) return undefined;
    const message = typeof reply === "string" || status !== 0 ? undefined : directMessage(reply);
    if (message !== undefined) return message;
    const reason = typeof reply === "string" ? reply : `${status} ${reply.headers?.description}`;
    throw new JobEventError("ERR_UNAVAILABLE", `Cannot read stream "${stream.name}": ${reason}`);
  } finally {
    channel.close();
  }
}
