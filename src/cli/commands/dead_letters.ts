/** `naq-events dead-letters`. */

import { Buffer } from "node:buffer";
import type { DeadLetterFilter, JobEventDeadLetter } from "../../storage/storage.ts";
import type { CommandContext } from "../context.ts";
import { describe, whereOf } from "../event_lines.ts";
import { CliError, ExitCode } from "../exit.ts";
import { eventToJson } from "../json.ts";
import { right, table } from "../table.ts";
import { counted, dateTime, shown, shownJson } from "../text.ts";
import type { DeadLetterJson, ReportJson } from "../types.ts";

interface LetterOptions {
  readonly group?: string;
  readonly job?: string;
  readonly all?: boolean;
  readonly yes?: boolean;
}

/** Lists dead letters. */
export async function listLetters(
  context: CommandContext,
  options: LetterOptions & { readonly limit: number },
): Promise<void> {
  const storage = await context.open("read");
  const { limit } = options;
  const letters = await storage.deadLetters.list({ ...filterOf(options), limit });
  await context.printList(letters.map(toJson), () => {
    if (letters.length === 0) return "No dead letters";
    const head = [
      right("id"),
      "group",
      "dead since (UTC)",
      right("tries"),
      "job",
      "type",
      "reason",
    ];
    return table(context, head, letters.map(row)) +
      (letters.length === limit ? "\n… and perhaps more: --limit shows them" : "");
  });
}

function row(letter: JobEventDeadLetter): string[] {
  const { id, consumerName, deadAt, deliveryCount, event, natsSequence, reason } = letter;
  return [
    id,
    shown(consumerName),
    dateTime(deadAt.getTime() / 1000),
    String(deliveryCount),
    event === undefined ? `#${natsSequence}` : shown(event.jobId),
    event?.eventType ?? "cannot be decoded",
    shown(reason),
  ];
}

/** Shows one dead letter. */
export async function showLetter(
  context: CommandContext,
  _options: unknown,
  id: string,
): Promise<void> {
  const storage = await context.open("read");
  const [letter] = await storage.deadLetters.list({ ids: [id] });
  if (letter === undefined) throw noLetter(`There is no dead letter "${id}"`);
  const json = toJson(letter);
  await context.print(json, () => {
    const { event, consumerName, natsSequence, reason, deliveryCount, deadAt } = letter;
    const lines = [
      ["letter", id],
      ["group", shown(consumerName)],
      ["reason", shown(reason)],
      ["tries", String(deliveryCount)],
      ["dead since", `${dateTime(deadAt.getTime() / 1000)} UTC`],
      ["event", `#${natsSequence}`],
      ...(event === undefined ? [["payload", json.payload]] : [
        ["job", shown(event.jobId)],
        ["type", event.eventType],
        ["time", `${dateTime(event.timestamp)} UTC`],
        ["where", shown(whereOf(event))],
        ["message", describe(event)],
        ["fields", shownJson(JSON.stringify(json.event))],
      ]),
    ];
    return lines.map(([name = "", value]) => `${name.padEnd(11)} ${value}`).join("\n");
  });
}

/** Gives dead letters to their groups again. */
export async function replayLetters(
  context: CommandContext,
  options: LetterOptions,
  ids: readonly string[],
): Promise<void> {
  const filter = chosen(options, ids);
  const storage = await context.open("change");
  const count = await countLetters(storage.deadLetters.list(filter), filter);
  await context.confirm(`Replay ${counted(count, "dead letter")}?`, options);
  const replayed = await storage.deadLetters.replay(filter);
  const report: ReportJson = { replayed };
  await context.print(report, () => `Replayed ${counted(replayed, "dead letter")}`);
}

/** Removes dead letters. */
export async function purgeLetters(
  context: CommandContext,
  options: LetterOptions,
  ids: readonly string[],
): Promise<void> {
  const filter = chosen(options, ids);
  const storage = await context.open("change");
  const count = await countLetters(storage.deadLetters.list(filter), filter);
  await context.confirm(`Remove ${counted(count, "dead letter")} for good?`, options);
  const deleted = await storage.deadLetters.purge(filter);
  const report: ReportJson = { deleted };
  await context.print(report, () => `Removed ${counted(deleted, "dead letter")}`);
}

/** None of the ones that were named is a mistake; none of a group is nothing to do. */
async function countLetters(
  listing: Promise<readonly JobEventDeadLetter[]>,
  { ids }: DeadLetterFilter,
): Promise<number> {
  const { length } = await listing;
  if (length === 0 && ids !== undefined) throw noLetter("There are no such dead letters");
  return length;
}

function noLetter(message: string): CliError {
  return new CliError(ExitCode.NotFound, `${message}; "dead-letters list" shows those there are`);
}

function filterOf({ group, job }: LetterOptions): DeadLetterFilter {
  return {
    ...(group === undefined ? {} : { consumerName: group }),
    ...(job === undefined ? {} : { jobId: job }),
  };
}

function chosen(options: LetterOptions, ids: readonly string[]): DeadLetterFilter {
  const filter = filterOf(options);
  if (ids.length > 0) return { ...filter, ids };
  if (Object.keys(filter).length > 0 || options.all === true) return filter;
  throw new CliError(ExitCode.Usage, "Say which: ids, --group, --job, or --all");
}

function toJson(letter: JobEventDeadLetter): DeadLetterJson {
  const { event, payload, deadAt, ...rest } = letter;
  return {
    ...rest,
    deadAt: deadAt.toISOString(),
    ...(event === undefined ? {} : { event: eventToJson(event) }),
    payload: Buffer.from(payload).toString("base64"),
  };
}
