/** `naq-events delete`. */

import type { CommandContext } from "../context.ts";
import { CliError, ExitCode } from "../exit.ts";
import { counted } from "../text.ts";
import type { ReportJson } from "../types.ts";

/** Deletes the events of a job. */
export async function deleteJob(
  context: CommandContext,
  options: { readonly erase?: boolean; readonly yes?: boolean },
  jobId: string,
): Promise<void> {
  const storage = await context.open("change");
  const count = await storage.countEvents({ jobId });
  if (count === 0) {
    throw new CliError(ExitCode.NotFound, `There are no events of job "${jobId}"`);
  }
  await context.confirm(`Delete ${counted(count, "event")} of job "${jobId}"?`, options);
  const deleted = await storage.deleteEvents(jobId, { erase: options.erase ?? false });
  const report: ReportJson = { deleted };
  await context.print(report, () => `Deleted ${counted(deleted, "event")}`);
}
