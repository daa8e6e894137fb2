/** `naq-events count`. */

import type { CommandContext } from "../context.ts";
import { filterOf, type FilterOptions } from "../parse.ts";
import type { CountJson } from "../types.ts";

/** Counts events. */
export async function count(context: CommandContext, options: FilterOptions): Promise<void> {
  const storage = await context.open("read");
  const found: CountJson = { count: await storage.countEvents(filterOf(options)) };
  await context.print(found, () => String(found.count));
}
