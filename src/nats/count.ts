/** Counts without reading: from what the server knows of its subjects. */

import type { ParsedSubject } from "../gen/subjects.ts";
import { patiently, type ReadContext } from "./patience.ts";

/**
 * Counts messages by their subjects.
 *
 * @param patterns Disjoint patterns.
 * @param matches Whether a subject that the patterns match is meant.
 */
export async function countBySubject(
  context: ReadContext,
  patterns: readonly string[],
  matches: (subject: ParsedSubject) => boolean,
): Promise<number> {
  const { stream } = context;
  let total = 0;
  // One after the other: each answer may be megabytes.
  for (const pattern of patterns) {
    const options = { subjectsFilter: pattern };
    const { state } = await patiently(context, () => stream.info(options));
    for (const [subject, count] of Object.entries(state.subjects ?? {})) {
      const parsed = stream.subjects.parse(subject);
      if (parsed !== undefined && matches(parsed)) total += count;
    }
  }
  return total;
}
