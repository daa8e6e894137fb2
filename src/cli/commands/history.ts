/** `naq-events history`. */

import { shownUrl } from "../../open_storage.ts";
import type { CommandContext } from "../context.ts";
import { clip, describe, paintType, whereOf } from "../event_lines.ts";
import { CliError, ExitCode } from "../exit.ts";
import { eventToJson } from "../json.ts";
import { counted, dateTime, duration, shown, timeOfDay } from "../text.ts";
import type { HistoryStepJson } from "../types.ts";

/** From here on a gap stands out, in milliseconds. */
const LONG_GAP_MS = 60_000;

/** Shows the timeline of a job. */
export async function history(
  context: CommandContext,
  _options: unknown,
  jobId: string,
): Promise<void> {
  const storage = await context.open("read");
  const events = await storage.getEvents(jobId);
  const [first] = events;
  if (first === undefined) {
    const where = shownUrl(context.storageUrl);
    throw new CliError(
      ExitCode.NotFound,
      `There are no events of job "${jobId}" in ${where}; they may have expired, or the id is ` +
        'another one: "list" shows recent ones',
    );
  }
  const steps = events.map((event, index): HistoryStepJson => {
    const before = events[index - 1] ?? event;
    return { ...eventToJson(event), gapMs: gapOf(before.timestamp, event.timestamp) };
  });
  await context.printList(steps, () => {
    const last = steps.at(-1)!;
    const span = duration(gapOf(first.timestamp, last.timestamp));
    const head = `Job ${shown(jobId)}: ${counted(steps.length, "event")} in ${span}, ` +
      `from ${dateTime(first.timestamp)} UTC`;
    const width = Math.max(...steps.map(({ eventType }) => eventType.length));
    const places = events.map((event) => shown(whereOf(event)));
    const placeWidth = Math.max(...places.map((place) => place.length));
    const lines = events.map((event, index) => {
      const gap = steps[index]!.gapMs;
      const gapText = `${index === 0 ? "" : `+${duration(gap)}`}`.padStart(12);
      const begin = `  ${timeOfDay(event.timestamp)} `;
      const place = places[index]!.padEnd(placeWidth);
      const room = Math.max(context.out.columns - begin.length - 18 - width - placeWidth, 20);
      return begin + (gap >= LONG_GAP_MS ? context.paint("yellow", gapText) : gapText) + "  " +
        `${paintType(context, event.eventType, width)}  ${place}  ${clip(describe(event), room)}`
          .trimEnd();
    });
    return [context.paint("bold", head), ...lines].join("\n");
  });
}

/** Timestamps are floats of seconds: what is below a microsecond is noise. */
function gapOf(from: number, to: number): number {
  return Math.round((to - from) * 1e6) / 1e3;
}
