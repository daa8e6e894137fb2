/** Reads the events of a window of time, and shows how far it has got. */

import type { StoredJobEvent } from "../gen/types.ts";
import type { JobEventQuery, JobEventStorage } from "../storage/storage.ts";
import type { CommandContext } from "./context.ts";
import { openProgress } from "./progress.ts";

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
