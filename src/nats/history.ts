/** Bounded reads: what is in the stream when the read begins, in either direction. */

import { JobEventError } from "../errors.ts";
import { hasApiErrorCode } from "./api_error.ts";
import * as ApiErrorCode from "./api_error_code.ts";
import { DirectReader } from "./direct_get.ts";
import { readForward } from "./merge.ts";
import type { StreamMessage } from "./message.ts";
import { readBackward } from "./newest.ts";
import { PAGE_SIZE, type PageReader } from "./pages.ts";
import { patiently, type ReadContext } from "./patience.ts";
import { fewSubjects, readFew } from "./point_read.ts";
import { PullReader } from "./pull_read.ts";
import type { EventStream, StreamInfo } from "./stream.ts";
import { takesOnly } from "./stream_config.ts";

/** Which part of a history is read. */
export interface HistoryOptions {
  /** Disjoint patterns. */
  readonly patterns: readonly string[];
  /** The pattern of the one job that is read: it may have few messages. @default many jobs */
  readonly job?: string | undefined;
  /** Only what was stored after this position. */
  readonly afterSequence: number;
  /** Which end comes first. */
  readonly order: "oldest" | "newest";
  /** About so many messages are wanted. */
  readonly wanted: number;
  /** Ends the read. */
  readonly signal?: AbortSignal;
}

/** The fewest messages that a page asks for: some of them may not be what is wanted. */
const SMALL_PAGE = 16;

/**
 * Reads what is in the stream now, in batches, and ends. Nothing is left on the server, also when
 * the loop ends early.
 *
 * @throws {JobEventError} `ERR_NOT_FOUND`: the stream is not there. `ERR_UNAVAILABLE` or
 * `ERR_TIMEOUT`: the server did not answer for as long as the context is patient.
 */
export async function* readHistory(
  context: ReadContext,
  options: HistoryOptions,
): AsyncGenerator<readonly StreamMessage[], void> {
  const { stream, inbox } = context;
  const { patterns, afterSequence, order, wanted, signal } = options;
  const few = options.job === undefined ? undefined : { subjectsFilter: options.job };
  const info = await patiently(context, () => stream.info(few), signal);
  const from = Math.max(afterSequence + 1, info.state.first_seq, 1);
  const through = info.state.last_seq;
  if (info.state.messages === 0 || from > through) return;
  const subjects = few && fewSubjects(context, info, patterns);
  if (subjects !== undefined) {
    const messages = await readFew(context, subjects, { from, through }, signal);
    if (order === "newest") messages.reverse();
    yield messages;
    return;
  }
  const plain = isDirect(stream, options)
    ? new DirectReader(stream, inbox)
    : new PullReader(context);
  const checked = isReplicated(info) ? withLeader(plain, stream, through) : plain;
  const reader: PageReader = {
    read: (request) => patiently(context, () => checked.read(request), request.signal),
    close: () => checked.close(),
  };
  const pageSize = Math.min(PAGE_SIZE, Math.max(wanted, SMALL_PAGE));
  const range = { patterns, from, through, pageSize, signal };
  try {
    if (order === "oldest") yield* readForward(reader, range);
    else yield* readBackward(reader, { ...range, pageSize: PAGE_SIZE, wanted });
  } finally {
    await reader.close();
  }
}

/**
 * Whether a read is better off without a consumer. For each page of Direct Get the server counts
 * anew what is still to come, in a large stream for longer than it takes to make a consumer.
 */
function isDirect({ capabilities, config }: EventStream, options: HistoryOptions): boolean {
  if (!capabilities.directGetBatch) return false;
  const { job, patterns, order, wanted } = options;
  if (job !== undefined || order === "newest") return true;
  const [pattern = ""] = patterns;
  return wanted <= PAGE_SIZE && patterns.length === 1 && takesOnly(config.subjects, pattern);
}

function isReplicated({ config }: StreamInfo): boolean {
  return (config.num_replicas ?? 1) > 1;
}

/**
 * Asks the leader whether a history really ends where a reader says so: with replicas any of them
 * may have answered, and it may not have the last messages yet.
 */
function withLeader(reader: PageReader, stream: EventStream, through: number): PageReader {
  return {
    async read(request) {
      const page = await reader.read(request);
      const from = (page.messages.at(-1)?.sequence ?? request.from - 1) + 1;
      if (page.pending > 0 || from > through) return page;
      const next = await leaderSequence(stream, request.pattern, from);
      if (next === undefined || next > through) return page;
      if (page.messages.length > 0) return { messages: page.messages, pending: 1 };
      // It comes to the replica within milliseconds: patience asks again.
      throw stillMissing(stream, next);
    },
    close: () => reader.close(),
  };
}

/** Where the leader has the first message from a position on. */
export async function leaderSequence(
  stream: EventStream,
  pattern: string,
  from: number,
): Promise<number | undefined> {
  try {
    const body = { seq: from, next_by_subj: pattern };
    const answer = await stream.request<{ readonly message: { readonly seq: number } }>(
      `STREAM.MSG.GET.${stream.name}`,
      body,
    );
    return answer.message.seq;
  } catch (error) {
    if (hasApiErrorCode(error, ApiErrorCode.NoMessage)) return undefined;
    throw error;
  }
}

function stillMissing(stream: EventStream, sequence: number): JobEventError {
  return new JobEventError(
    "ERR_UNAVAILABLE",
    `Cannot read stream "${stream.name}": a replica does not have message ${sequence} yet`,
  );
}
