/** `naq-events stats`. */

import { JobMetrics } from "../../metrics/metrics.ts";
import type { DurationSummary, JobCounts } from "../../metrics/snapshot.ts";
import type { CommandContext } from "../context.ts";
import type { FilterOptions } from "../parse.ts";
import { readRecent } from "../read_window.ts";
import { right, table } from "../table.ts";
import { bar, counted, dateTime, duration, rate, shown, sparkline, whole } from "../text.ts";
import { Timeline } from "../timeline.ts";
import type { StatsJson } from "../types.ts";

/** Shows the numbers of a window. */
export async function stats(
  context: CommandContext,
  options: FilterOptions & { readonly top: number },
): Promise<void> {
  const storage = await context.open("read");
  const metrics = new JobMetrics();
  const timeline = new Timeline();
  for await (const event of readRecent(context, storage, options)) {
    metrics.observe(event);
    timeline.add(event);
  }
  const found: StatsJson = { ...metrics.snapshot(), timeline: timeline.toJson() };
  await context.print(found, () => text(context, found, options.top));
}

function text(context: CommandContext, found: StatsJson, top: number): string {
  if (found.events === 0) return "No events in this window; --since 7d looks further back";
  return [
    summary(context, found),
    times(context, found),
    groups(context, "queue", found.byQueue, top),
    groups(context, "worker", found.byWorker, top),
    errors(context, found.byErrorType, top),
  ].filter((part) => part !== "").join("\n\n");
}

function summary(context: CommandContext, found: StatsJson): string {
  const { started, completed, failed, retries, inFlight, rates, timeline } = found;
  const ended = completed + failed;
  const share = ended === 0 ? "" : ` (${(failed / ended * 100).toFixed(1)}%)`;
  const failures = `${whole(failed)} failed${share}`;
  return [
    context.paint(
      "bold",
      `${counted(found.events, "event")} from ${dateTime(found.firstTimestamp)} ` +
        `to ${dateTime(found.lastTimestamp)} UTC`,
    ),
    `runs      ${whole(started)} started, ${whole(completed)} completed, ` +
    `${failed > 0 ? context.paint("red", failures) : failures}, ` +
    `${whole(retries)} retried, ${whole(inFlight)} in flight`,
    `events/s  ${rate(rates.oneMinute)} in the last minute, ${rate(rates.fiveMinutes)} in 5, ` +
    `${rate(rates.fifteenMinutes)} in 15`,
    `events    ${context.paint("cyan", sparkline(timeline.events))}  ` +
    `${duration(timeline.seconds * 1000)} each, at most ${whole(Math.max(...timeline.events))}`,
    failed === 0 ? "" : `failed    ${context.paint("red", sparkline(timeline.failed))}  ` +
      `at most ${whole(Math.max(...timeline.failed))}`,
  ].filter((line) => line !== "").join("\n");
}

function times(context: CommandContext, found: StatsJson): string {
  const { waitTimes, runTimes, durations } = found;
  const rows = ([["waiting", waitTimes], ["running", runTimes], ["reported", durations]] as const)
    .filter(([, { count }]) => count > 0)
    .map(([name, values]) => [name, whole(values.count), ...quantiles(values)]);
  if (rows.length === 0) return "";
  return table(context, ["time", ...["runs", "p50", "p95", "p99", "max"].map(right)], rows);
}

function groups(
  context: CommandContext,
  name: string,
  byName: Readonly<Record<string, JobCounts>>,
  top: number,
): string {
  const size = ({ started, completed, failed }: JobCounts) => Math.max(started, completed + failed);
  const sorted = Object.entries(byName).sort(([a, left], [b, right]) =>
    size(right) - size(left) || (a < b ? -1 : 1)
  );
  if (sorted.length === 0) return "";
  const most = Math.max(...sorted.map(([, counts]) => size(counts)), 1);
  const head = [name, "", ...["started", "completed", "failed", "retries", "running"].map(right)];
  const rows = sorted.slice(0, top).map(([key, counts]) => [
    shown(key),
    context.paint("cyan", bar(size(counts), most)),
    ...[counts.started, counts.completed].map(whole),
    counts.failed > 0 ? context.paint("red", whole(counts.failed)) : "0",
    ...[counts.retries, counts.inFlight].map(whole),
    ...quantiles(counts.durations),
  ]);
  return table(context, [...head, ...["p50", "p95", "p99", "max"].map(right)], rows) +
    rest(sorted.length - top, name);
}

function errors(
  context: CommandContext,
  byType: Readonly<Record<string, number>>,
  top: number,
): string {
  const sorted = Object.entries(byType).sort(([a, left], [b, right]) =>
    right - left || (a < b ? -1 : 1)
  );
  const most = sorted[0]?.[1] ?? 0;
  if (most === 0) return "";
  const rows = sorted.slice(0, top).map(([key, count]) => [
    shown(key),
    context.paint("red", bar(count, most)),
    whole(count),
  ]);
  return table(context, ["error type", "", right("failed")], rows) +
    rest(sorted.length - top, "error type");
}

function rest(count: number, name: string): string {
  return count > 0 ? `\n… and ${counted(count, `more ${name}`)}: --top shows them` : "";
}

function quantiles(values: DurationSummary): string[] {
  if (values.count === 0) return ["", "", "", ""];
  return [values.p50Ms, values.p95Ms, values.p99Ms, values.maxMs].map(duration);
}
