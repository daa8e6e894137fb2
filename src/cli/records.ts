/** Events on their way from one storage to another: each stored once, by its id. */

import { createHash } from "node:crypto";
import { setTimeout as pause } from "node:timers/promises";
import { encodeJobEvent } from "../event/encode.ts";
import type { JobEventSubjects } from "../event/subjects.ts";
import type { JobEvent } from "../gen/types.ts";
import type { AppendOutcome, JobEventRecord, JobEventStorage } from "../storage/storage.ts";
import type { CommandContext } from "./context.ts";
import { CliError, errorLine, ExitCode } from "./exit.ts";

/** The id that a read gives to a message which was stored without one. */
const MADE_UP_ID = /^sequence-\d+$/;

/** How many jobs are looked at at the same time. */
const LOOKUPS = 16;

const FIRST_PAUSE_MS = 100;
const LONGEST_PAUSE_MS = 5000;

/**
 * The record of an event, as the storage with these subjects keeps it.
 *
 * @param payload Its bytes, where they are at hand.
 * @throws {TypeError} The event is not valid.
 */
export function toRecord(
  subjects: JobEventSubjects,
  event: JobEvent & { readonly eventId: string; readonly traceparent?: string },
  payload: Uint8Array = encodeJobEvent(event),
): JobEventRecord {
  const { eventId, traceparent } = event;
  const record = { eventId: ownId(eventId, payload), subject: subjects.forEvent(event), payload };
  return traceparent === undefined ? record : { ...record, traceparent };
}

/** An id that is only a position means something else in another storage. */
function ownId(eventId: string, payload: Uint8Array): string {
  if (!MADE_UP_ID.test(eventId)) return eventId;
  return `${eventId}-${createHash("sha256").update(payload).digest("hex").slice(0, 16)}`;
}

/**
 * Leaves out what is stored already. NATS remembers ids for as long as the stream's duplicate
 * window only, so the events of the same jobs are read.
 */
export async function withoutStored(
  storage: JobEventStorage,
  records: readonly JobEventRecord[],
): Promise<readonly JobEventRecord[]> {
  const jobs = new Map<string, Set<string>>();
  for (const { eventId, subject } of records) {
    const jobId = storage.subjects.parse(subject)?.jobId;
    if (jobId === undefined) continue;
    const ids = jobs.get(jobId) ?? new Set();
    jobs.set(jobId, ids.add(eventId));
  }
  const stored = new Set<string>();
  const waiting = [...jobs];
  const lookUp = async (): Promise<void> => {
    for (let next = waiting.pop(); next !== undefined; next = waiting.pop()) {
      const [jobId, ids] = next;
      for await (const { eventId } of storage.readEvents({ jobId })) {
        if (ids.has(eventId)) stored.add(eventId);
      }
    }
  };
  await Promise.all(Array.from({ length: LOOKUPS }, lookUp));
  return stored.size === 0 ? records : records.filter(({ eventId }) => !stored.has(eventId));
}

/** What became of records. */
export interface AppendCounts {
  readonly stored: number;
  readonly duplicates: number;
  /** Those that the storage never takes. */
  readonly rejected: readonly { readonly record: JobEventRecord; readonly reason: string }[];
}

/**
 * Stores records in their order, and goes on trying while the storage is away.
 *
 * @param options `patienceMs`: how long; `onWait`: is called each time that some are still to be
 * stored.
 * @throws {CliError} The storage was away for longer.
 */
export async function appendPatiently(
  context: CommandContext,
  storage: JobEventStorage,
  records: readonly JobEventRecord[],
  options: {
    readonly patienceMs: number;
    readonly onWait?: (reason: string) => void | Promise<void>;
  },
): Promise<AppendCounts> {
  let stored = 0;
  let duplicates = 0;
  const rejected: { record: JobEventRecord; reason: string }[] = [];
  const deadline = Date.now() + options.patienceMs;
  let left = records;
  for (let pauseMs = FIRST_PAUSE_MS;; pauseMs = Math.min(pauseMs * 2, LONGEST_PAUSE_MS)) {
    const again: JobEventRecord[] = [];
    let reason = "";
    const outcomes: readonly AppendOutcome[] = left.length === 0 ? [] : await storage.append(left);
    outcomes.forEach((outcome, index) => {
      const record = left[index]!;
      if (!("error" in outcome)) {
        if (outcome.status === "stored") stored++;
        else duplicates++;
      } else if (outcome.status === "rejected") {
        rejected.push({ record, reason: errorLine(outcome.error) });
      } else {
        again.push(record);
        reason = errorLine(outcome.error);
      }
    });
    if (again.length === 0) return { stored, duplicates, rejected };
    if (Date.now() >= deadline) throw new CliError(ExitCode.Unavailable, reason);
    await options.onWait?.(reason);
    await pause(pauseMs, undefined, { signal: context.signal });
    left = again;
  }
}
