/** `naq-events cleanup`. */

import type { CommandContext } from "../context.ts";
import { counted, dateTime } from "../text.ts";
import type { ReportJson } from "../types.ts";

/** Deletes what was stored long ago. */
export async function cleanup(
  context: CommandContext,
  options: { readonly olderThan?: number; readonly yes?: boolean },
): Promise<void> {
  const { olderThan } = options;
  const storage = await context.open("change");
  const time = olderThan === undefined ? undefined : new Date(Date.now() - olderThan);
  const since = time === undefined
    ? "longer ago than its limit"
    : `before ${dateTime(time.getTime() / 1000)} UTC`;
  await context.confirm(`Delete what was stored ${since}?`, options);
  const deleted = await storage.cleanupExpiredEvents(time === undefined ? {} : { olderThan: time });
  const report: ReportJson = { deleted };
  await context.print(report, () => `Deleted ${counted(deleted, "event")}`);
}
