/** Which patterns a server is asked for. */

import type { JobEventSubjects } from "../event/subjects.ts";
import type { Capabilities } from "./capabilities.ts";

/** More patterns than this are read as one that covers them all. */
const MAX_READ_PATTERNS = 12;

/** The one pattern that covers every event of a job, or every event there is. */
export function widePattern(subjects: JobEventSubjects, jobId: string | undefined): string {
  return jobId === undefined ? subjects.all() : subjects.job(jobId);
}

/** The patterns of a bounded read: one page is asked for each. */
export function readPatterns(patterns: readonly string[], wide: string): readonly string[] {
  return patterns.length > MAX_READ_PATTERNS ? [wide] : patterns;
}

/**
 * The patterns of one consumer. Servers that know one filter only ignore several silently, and
 * would deliver everything, so they get one that covers all.
 */
export function consumerPatterns(
  patterns: readonly string[],
  wide: string,
  { filterSubjects }: Capabilities,
): readonly string[] {
  const isFit = patterns.length === 1 || (patterns.length > 1 && filterSubjects);
  return isFit ? patterns : [wide];
}
