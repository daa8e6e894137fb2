/** From the texts of a command line to values. */

import { InvalidArgumentError } from "commander";
import { isJobEventType, JOB_EVENT_TYPES, type JobEventType } from "../gen/types.ts";
import type { JobEventFilter, StreamStart } from "../storage/storage.ts";

const UNITS: Readonly<Record<string, number>> = {
  ms: 1,
  s: 1000,
  m: 60_000,
  h: 3_600_000,
  d: 86_400_000,
  w: 7 * 86_400_000,
};
const DURATION = /^(\d+(?:\.\d+)?)(ms|s|m|h|d|w)$/;

/** A duration such as `500ms`, `30s`, `10m`, `2h`, `7d`, in milliseconds. */
export function parseDuration(text: string): number {
  const [, amount, unit = ""] = DURATION.exec(text) ?? [];
  if (amount !== undefined) return Number(amount) * UNITS[unit]!;
  throw new InvalidArgumentError("Expected a duration such as 500ms, 30s, 10m, 2h or 7d.");
}

/** A time: so long ago, or as ISO 8601, in UTC where it names no zone. */
export function parseTime(text: string): Date {
  if (DURATION.test(text)) return new Date(Date.now() - parseDuration(text));
  const iso = /^\d{4}-\d\d-\d\d([T ]\d\d:\d\d(:\d\d(\.\d+)?)?)?$/.test(text)
    ? `${text.replace(" ", "T")}${text.length > 10 ? "Z" : ""}`
    : text;
  const date = new Date(/^\d{4}-/.test(iso) ? iso : NaN);
  if (!Number.isNaN(date.getTime())) return date;
  throw new InvalidArgumentError(
    "Expected how long ago, such as 10m, or a time such as 2026-11-21T12:34:56Z.",
  );
}

/** Where a window begins: a time, or `all`. */
export function parseSince(text: string): Date | "all" {
  return text === "all" ? "all" : parseTime(text);
}

/** How far commands look back that show what goes on. */
export const RECENT = "1h";

/** Where `tail` begins. */
export function parseStart(text: string): StreamStart {
  if (text === "new" || text === "all") return text;
  if (/^\d+$/.test(text)) return { sequence: Math.max(Number(text), 1) };
  try {
    return { time: parseTime(text) };
  } catch {
    throw new InvalidArgumentError(
      'Expected "new", "all", how long ago, such as 10m, a time, or a sequence.',
    );
  }
}

/** A whole number of at least `least`. */
export function parseWhole(least = 0): (text: string) => number {
  return (text) => {
    const value = Number(text);
    if (/^\d+$/.test(text) && Number.isSafeInteger(value) && value >= least) return value;
    throw new InvalidArgumentError(`Expected a whole number of at least ${least}.`);
  };
}

/** The priority of a task. */
export function parsePriority(text: string): number {
  if (/^-?\d{1,2}$/.test(text)) return Number(text);
  throw new InvalidArgumentError("Expected a whole number from -99 to 99.");
}

/** How many: a whole number, or `all`. */
export function parseLimit(text: string): number {
  return text === "all" ? Infinity : parseWhole(1)(text);
}

/** A number from 0 on. */
export function parseAmount(text: string): number {
  const value = Number(text);
  if (/^\d/.test(text) && Number.isFinite(value)) return value;
  throw new InvalidArgumentError("Expected a number from 0 on.");
}

/** A type of events. */
export function parseType(text: string): JobEventType {
  if (isJobEventType(text)) return text;
  throw new InvalidArgumentError(`Expected one of ${JOB_EVENT_TYPES.join(", ")}.`);
}

/** For an option that may be given again: collects types. */
export function collectTypes(
  text: string,
  before: readonly JobEventType[] = [],
): readonly JobEventType[] {
  return [...before, ...text.split(",").map(parseType)];
}

/** For an option that may be given again: collects `name=value`. */
export function collectPairs(
  text: string,
  before: Readonly<Record<string, string>> = {},
): Readonly<Record<string, string>> {
  const at = text.indexOf("=");
  if (at > 0) return { ...before, [text.slice(0, at)]: text.slice(at + 1) };
  throw new InvalidArgumentError("Expected name=value.");
}

/** For an option that may be given again: collects `name=value`, with values as JSON where they
 * are, else as texts. */
export function collectValues(
  text: string,
  before: Readonly<Record<string, unknown>> = {},
): Readonly<Record<string, unknown>> {
  const [[name, value] = ["", ""]] = Object.entries(collectPairs(text));
  try {
    return { ...before, [name]: JSON.parse(value) };
  } catch {
    return { ...before, [name]: value };
  }
}

/** The options that choose events. */
export interface FilterOptions {
  readonly job?: string;
  readonly type?: readonly JobEventType[];
  readonly worker?: string;
  readonly queue?: string;
  readonly tag?: Readonly<Record<string, string>>;
  readonly since?: Date | "all";
  readonly until?: Date;
}

/** The filter of what was given. */
export function filterOf(options: FilterOptions): JobEventFilter {
  const { job, type, worker, queue, tag, since, until } = options;
  return {
    ...(job === undefined ? {} : { jobId: job }),
    ...(type === undefined ? {} : { eventType: type }),
    ...(worker === undefined ? {} : { workerId: worker }),
    ...(queue === undefined ? {} : { queueName: queue }),
    ...(tag === undefined ? {} : { tags: tag }),
    ...(since === undefined || since === "all" ? {} : { since }),
    ...(until === undefined ? {} : { until }),
  };
}
