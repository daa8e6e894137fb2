/** Counts without reading: from what the server knows of its subjects. */

import type { ParsedSubject } from "../gen/subjects.ts";
import { createEphemeral, deleteConsumer } from "./ephemeral.ts";
import { isTransient, patiently, type ReadContext } from "./patience.ts";

/** Only the answer to its making is of interest; it is deleted at once. */
const INACTIVE_MS = 5000;

/**
 * Counts messages by their subjects.
 *
 * @param patterns Disjoint patterns.
 * @param matches Whether a subject that the patterns match is meant.
 * @param signal Ends the waits.
 */
export async function countBySubject(
  context: ReadContext,
  patterns: readonly string[],
  matches: (subject: ParsedSubject) => boolean,
  signal: AbortSignal,
): Promise<number> {
  const { stream } = context;
  let total = 0;
  // One after the other: each answer may be megabytes.
  for (const pattern of patterns) {
    const options = { subjectsFilter: pattern };
    const { state } = await patiently(context, () => stream.info(options), signal);
    for (const [subject, count] of Object.entries(state.subjects ?? {})) {
      const parsed = stream.subjects.parse(subject);
      if (parsed !== undefined && matches(parsed)) total += count;
    }
  }
  return total;
}

/**
 * Counts the messages of patterns, however many subjects those match: a new consumer is told how
 * many messages wait for it, and the server sends no list of subjects.
 *
 * @param patterns Disjoint patterns.
 * @param signal Ends the waits.
 * @returns `undefined` where no consumer can be made, or not quickly.
 */
export async function countByPattern(
  context: ReadContext,
  patterns: readonly string[],
  signal: AbortSignal,
): Promise<number | undefined> {
  // Before 2.11 the server goes through all of a large stream to make one, which takes seconds.
  if (context.stream.capabilities.apiLevel === 0) return undefined;
  let total = 0;
  for (const pattern of patterns) {
    try {
      total += await patiently(context, () => pendingOf(context, pattern), signal);
    } catch (error) {
      if (isTransient(error) || signal.aborted) throw error;
      return undefined;
    }
  }
  return total;
}

async function pendingOf(context: ReadContext, pattern: string): Promise<number> {
  const consumer = await createEphemeral(context.stream, {
    patterns: [pattern],
    start: { sequence: 1 },
    inactiveMs: INACTIVE_MS,
  });
  await deleteConsumer(context, consumer.name);
  return consumer.num_pending ?? 0;
}
