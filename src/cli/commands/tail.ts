/** `naq-events tail`. */

import type { StreamStart } from "../../storage/storage.ts";
import { type CommandContext, watchHealth } from "../context.ts";
import { EventLines } from "../event_lines.ts";
import { filterOf, type FilterOptions } from "../parse.ts";

/** Shows events as they are stored. */
export async function tail(
  context: CommandContext,
  options: FilterOptions & { readonly from: StreamStart; readonly limit?: number },
): Promise<void> {
  const { from, limit = Infinity } = options;
  const storage = await context.open("read");
  const { signal } = context;
  const stream = context.own(storage.streamEvents({ ...filterOf(options), from, signal }));
  await stream.ready;
  if (context.out.isTerminal && context.format === "table") {
    context.note("Following; Ctrl-C ends it");
  }
  watchHealth(context, storage).catch(() => {});
  const lines = new EventLines(context, { live: true });
  for await (const event of stream) {
    await lines.print(event);
    if (lines.count >= limit) break;
  }
}
