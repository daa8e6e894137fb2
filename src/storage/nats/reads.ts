/** Bounded reads and counts of events in a stream. */

import type { ParsedSubject } from "../../gen/subjects.ts";
import type { StoredJobEvent } from "../../gen/types.ts";
import { countByPattern, countBySubject } from "../../nats/count.ts";
import { readHistory } from "../../nats/history.ts";
import { patiently, type ReadContext } from "../../nats/patience.ts";
import { readPatterns, widePattern } from "../../nats/patterns.ts";
import { takesOnly } from "../../nats/stream_config.ts";
import { type CompiledFilter, type CompiledRange, compileFilter } from "../filter.ts";
import type { JobEventFilter } from "../storage.ts";
import { type EventDecoder, isEvent } from "../decoder.ts";

const ALL: CompiledRange = { limit: Infinity, offset: 0, afterSequence: 0, order: "oldest" };

/** What a read is about. */
export interface ReadPlan {
  /** Disjoint patterns that cover the filter. */
  readonly patterns: readonly string[];
  /** The pattern of the job, if there is one. */
  readonly job: string | undefined;
  /** What the subjects do not tell. */
  readonly filter: CompiledFilter;
}

/**
 * Checks a filter and finds the patterns to read.
 *
 * @throws {TypeError} A value has the wrong type.
 * @throws {RangeError} An id is empty or too long.
 */
export function planRead({ stream }: ReadContext, filter: JobEventFilter): ReadPlan {
  const compiled = compileFilter(filter);
  const patterns = compiled.impossible ? [] : stream.subjects.filters(filter);
  return {
    job: filter.jobId === undefined ? undefined : stream.subjects.job(filter.jobId),
    patterns: readPatterns(patterns, widePattern(stream.subjects, filter.jobId)),
    filter: compiled,
  };
}

/** The matching events of a range, in batches of those that came together. */
export async function* readPages(
  context: ReadContext,
  decoder: EventDecoder,
  { job, patterns, filter }: ReadPlan,
  range: CompiledRange,
  signal: AbortSignal,
): AsyncGenerator<readonly StoredJobEvent[], void> {
  let { limit, offset } = range;
  if (limit === 0 || filter.impossible) return;
  const { order, afterSequence } = range;
  const wanted = limit + offset;
  for await (
    const batch of readHistory(context, { patterns, job, order, afterSequence, wanted, signal })
  ) {
    const events: StoredJobEvent[] = [];
    for (const message of batch) {
      const event = decoder.decode(message);
      if (!isEvent(event) || !filter.matches(event)) continue;
      if (offset > 0) offset--;
      else if (events.push(event) === limit) break;
    }
    limit -= events.length;
    if (events.length > 0) yield events;
    if (limit === 0) return;
  }
}

/** The number of events of a filter; they are read only where subjects do not suffice. */
export async function countMatching(
  context: ReadContext,
  decoder: EventDecoder,
  filter: JobEventFilter,
  signal: AbortSignal,
): Promise<number> {
  const { stream } = context;
  const plan = planRead(context, filter);
  const { jobId, workerId, queueName, types, since, until, tags, impossible } = plan.filter;
  if (impossible) return 0;
  // An event of a queue lies under its worker where it has one: only the event tells.
  const isInSubject = queueName === undefined && since === undefined && until === undefined &&
    tags.length === 0;
  if (!isInSubject) {
    let count = 0;
    for await (const events of readPages(context, decoder, plan, ALL, signal)) {
      count += events.length;
    }
    return count;
  }
  const isEverything = jobId === undefined && workerId === undefined && types === undefined;
  if (isEverything && takesOnly(stream.config.subjects, stream.subjects.all())) {
    return (await patiently(context, () => stream.info(), signal)).state.messages;
  }
  if (jobId === undefined) {
    const count = await countByPattern(context, stream.subjects.filters(filter), signal);
    if (count !== undefined) return count;
  }
  const matches = (subject: ParsedSubject): boolean =>
    (jobId === undefined || subject.jobId === jobId) &&
    (workerId === undefined ||
      (subject.context === "worker" && subject.contextId === workerId)) &&
    (types === undefined || types.includes(subject.eventType));
  return await countBySubject(context, plan.patterns, matches, signal);
}
