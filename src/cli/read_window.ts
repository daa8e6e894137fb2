/** Reads the events of a window of time, and shows how far it has got. */

import { setTimeout as pause } from "node:timers/promises";
import type { StoredJobEvent } from "../gen/types.ts";
import type { JobEventQuery, JobEventStorage } from "../storage/storage.ts";
import type { CommandContext } from "./context.ts";
import { filterOf, type FilterOptions, parseTime, RECENT } from "./parse.ts";
import { openProgress } from "./progress.ts";

/** So many events are read quicker than it takes to find where a window begins. */
const FEW = 20_000;
/** How far the clocks of those that emit may be ahead of the storage's, in milliseconds. */
const MAX_AHEAD_MS = 300_000;
/** How long a storage may take to give the first event since a time. */
const FIND_MS = 2000;

/** The events of a query, from the first one. */
export async function* readWindow(
  context: CommandContext,
  storage: JobEventStorage,
  query: JobEventQuery,
): AsyncGenerator<StoredJobEvent, void> {
  const { firstSequence, lastSequence } = await storage.healthCheck();
  const begin = Math.max((query.afterSequence ?? 0) + 1, firstSequence);
  const progress = await openProgress(context, lastSequence - begin + 1);
  try {
    for await (const event of storage.readEvents(query)) {
      progress.set(event.natsSequence - begin + 1);
      yield event;
    }
  } finally {
    progress.end();
  }
}

/**
 * The events of the last hour, or since what the options say. In a long log only what was stored
 * since then is read, and a little more, not everything.
 */
export async function* readRecent(
  context: CommandContext,
  storage: JobEventStorage,
  options: FilterOptions,
): AsyncGenerator<StoredJobEvent, void> {
  const { since = parseTime(RECENT) } = options;
  const { messages } = await storage.healthCheck();
  const isLong = messages > FEW && since !== "all";
  const afterSequence = isLong ? await sequenceBefore(context, storage, since) : 0;
  yield* readWindow(context, storage, { ...filterOf({ ...options, since }), afterSequence });
}

/** The position before the first event that was stored since a time; 0 where it is not found. */
async function sequenceBefore(
  { signal }: CommandContext,
  storage: JobEventStorage,
  since: Date,
): Promise<number> {
  const time = new Date(since.getTime() - MAX_AHEAD_MS);
  const stream = storage.streamEvents({ from: { time }, signal });
  const end = new AbortController();
  try {
    const first = stream[Symbol.asyncIterator]().next();
    const late = pause(FIND_MS, undefined, { signal: end.signal });
    const result = await Promise.race([first, late]);
    return result?.value === undefined ? 0 : result.value.natsSequence - 1;
  } finally {
    end.abort();
    await stream[Symbol.asyncDispose]();
  }
}
