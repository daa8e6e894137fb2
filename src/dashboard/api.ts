/** What the pages ask for: JSON. */

import type { JobEventSource } from "../storage/storage.ts";
import type { Live } from "./live.ts";
import { numberOf, readFilter } from "./query.ts";
import { toDetail, toLetterRow, toRow } from "./rows.ts";
import type {
  DeadLettersAnswer,
  EventDetail,
  EventRow,
  EventsAnswer,
  HealthAnswer,
  JobAnswer,
  SearchAnswer,
} from "./wire.ts";

const MAX_PAGE = 500;
const MAX_JOB_EVENTS = 1000;
const MAX_JOB_LENGTH = 4 * 1024 * 1024;
const MAX_LETTERS = 500;
const MAX_SCANNED = 50_000;
const MAX_HITS = 8;

/** What an answer is made from. */
export interface ApiContext {
  readonly source: JobEventSource;
  readonly live: Live;
  readonly params: URLSearchParams;
  /** How many pages are open. */
  readonly clients: number;
}

/** The answers by the last part of their path. */
export const API: Readonly<Record<string, (context: ApiContext) => Promise<unknown>>> = {
  "events": events,
  "job": job,
  "dead-letters": deadLetters,
  "health": health,
  "search": search,
};

/**
 * Events, newest first. With `before` and `offset` from the answer before: the next ones. What was
 * stored in between moves the offset, and `before` then passes over what was shown.
 */
async function events({ source, params }: ApiContext): Promise<EventsAnswer> {
  const list = readFilter(params);
  const limit = Math.min(numberOf(params, "limit") ?? MAX_PAGE, MAX_PAGE);
  const before = numberOf(params, "before") ?? Infinity;
  const after = numberOf(params, "after") ?? 0;
  let offset = numberOf(params, "offset") ?? 0;
  const rows: EventRow[] = [];
  let scanned = 0;
  let last = before;
  const query = { ...list.filter, order: "newest", offset, afterSequence: after } as const;
  for await (const event of source.readEvents(query)) {
    offset++;
    if (event.natsSequence >= before) continue;
    scanned++;
    last = event.natsSequence;
    const row = toRow(event);
    if (list.matches(row)) rows.push(row);
    if (rows.length < limit && scanned < MAX_SCANNED) continue;
    return { rows, scanned, next: { before: last, offset } };
  }
  return { rows, scanned };
}

async function job({ source, params }: ApiContext): Promise<JobAnswer> {
  const events: EventDetail[] = [];
  let length = 0;
  // One at a time: each may be large, before it is cut to what is shown.
  for await (const event of source.readEvents({ jobId: params.get("id") ?? "" })) {
    if (events.length === MAX_JOB_EVENTS || length > MAX_JOB_LENGTH) return { events, cut: true };
    const detail = toDetail(event);
    length += JSON.stringify(detail).length;
    events.push(detail);
  }
  return { events, cut: false };
}

async function deadLetters({ source, params }: ApiContext): Promise<DeadLettersAnswer> {
  const consumerName = params.get("consumer") || undefined;
  const filter = consumerName === undefined ? {} : { consumerName };
  const letters = await source.deadLetters.list({ ...filter, limit: MAX_LETTERS + 1 });
  const shown = letters.slice(0, MAX_LETTERS).map(toLetterRow);
  return { letters: shown, cut: letters.length > shown.length };
}

async function health({ source, live, clients }: ApiContext): Promise<HealthAnswer> {
  return { storage: await source.healthCheck(), status: live.status(), clients };
}

/** A job by its id, also one of long ago; else jobs, queues, workers and errors of late by a part
 * of their name. */
async function search({ source, live, params }: ApiContext): Promise<SearchAnswer> {
  const text = (params.get("q") ?? "").trim();
  if (text === "") return { hits: [] };
  const isJob = await source.getEvents(text, { limit: 1 }).then((found) => found.length > 0)
    // A text that is too long for an id is no id.
    .catch((error: Error) => {
      if (error.name === "RangeError") return false;
      throw error;
    });
  const part = text.toLowerCase();
  const others = live.jobs(part, MAX_HITS).filter((value) => value !== text);
  const jobs = [...(isJob ? [text] : []), ...others].map((value) =>
    ({ kind: "job", value }) as const
  );
  return { hits: [...jobs, ...live.fold.search(part)] };
}
