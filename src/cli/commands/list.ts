/** `naq-events list`. */

import type { CommandContext } from "../context.ts";
import { EventLines } from "../event_lines.ts";
import { filterOf, type FilterOptions } from "../parse.ts";

/** Lists events. */
export async function list(
  context: CommandContext,
  options: FilterOptions & {
    readonly limit: number;
    readonly order: "oldest" | "newest";
    readonly after?: number;
  },
): Promise<void> {
  const { limit, order, after = 0 } = options;
  const storage = await context.open("read");
  const lines = new EventLines(context);
  const range = { order, afterSequence: after, ...(limit === Infinity ? {} : { limit }) };
  for await (const event of storage.readEvents({ ...filterOf(options), ...range })) {
    await lines.print(event);
  }
  await lines.end();
  if (lines.count === 0 && context.format === "table") context.note("No events");
}
