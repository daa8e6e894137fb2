/** `naq-events emit`. */

import process from "node:process";
import { createInterface } from "node:readline";
import { messageOf } from "../../errors.ts";
import { JobEvent } from "../../gen/factories.ts";
import type { JobEventType } from "../../gen/types.ts";
import { JobEventLogger } from "../../logger/logger.ts";
import type { CommandContext } from "../context.ts";
import { CliError, ExitCode } from "../exit.ts";
import { eventFromJson } from "../json.ts";
import { parseType } from "../parse.ts";
import { counted } from "../text.ts";
import type { ReportJson } from "../types.ts";

/** What the options of the command are. */
interface EmitOptions {
  readonly worker?: string;
  readonly workerType?: string;
  readonly queue?: string;
  readonly message?: string;
  readonly errorType?: string;
  readonly errorMessage?: string;
  readonly durationMs?: number;
  readonly tag?: Readonly<Record<string, string>>;
  readonly detail?: JobEvent["details"];
  readonly metadata?: JobEvent["metadata"];
}

/** What only stored events have: it is made anew. */
const STORED_FIELDS = ["eventId", "natsSubject", "natsSequence", "traceparent", "gapMs"];

/** Stores one event, or those of standard input. */
export async function emit(
  context: CommandContext,
  options: EmitOptions,
  job: string,
  type: string | undefined,
): Promise<number> {
  // Before anything is opened: what cannot be meant changes nothing.
  const single = job === "-" ? undefined : singleEvent(job, type, options);
  const storage = await context.open("make");
  let problem: string | undefined;
  const logger = new JobEventLogger(storage, {
    overflow: "block",
    flushIntervalMs: 100,
    onError: (error) => void (problem = messageOf(error)),
    onDrop: () => {},
  });
  const refused = single === undefined ? await logLines(context, logger) : 0;
  if (single !== undefined) logger.logEvent(single);
  const { stored, undelivered, dropped } = await logger.stop();
  const report: ReportJson = { stored, refused: refused + dropped };
  await context.print(report, () => `Stored ${counted(stored, "event")}`);
  if (undelivered > 0) {
    const reason = problem ?? "the storage did not answer in time";
    throw new CliError(
      ExitCode.Unavailable,
      `${counted(undelivered, "event")} could not be stored: ${reason}`,
    );
  }
  if (dropped > 0 && problem !== undefined) context.note(problem);
  return refused + dropped > 0 ? ExitCode.Failure : ExitCode.Ok;
}

function singleEvent(job: string, type: string | undefined, options: EmitOptions): JobEvent {
  if (type === undefined) {
    throw new CliError(ExitCode.Usage, 'Say what happened: "emit JOB TYPE", or "emit -" for lines');
  }
  const init = {
    jobId: job,
    eventType: typeOf(type),
    workerId: options.worker,
    workerType: options.workerType,
    queueName: options.queue,
    message: options.message,
    errorType: options.errorType,
    errorMessage: options.errorMessage,
    durationMs: options.durationMs,
    tags: options.tag,
    details: options.detail,
    metadata: options.metadata,
  };
  return create(init);
}

function typeOf(text: string): JobEventType {
  try {
    return parseType(text);
  } catch (error) {
    throw new CliError(ExitCode.Usage, `There is no event type "${text}". ${messageOf(error)}`);
  }
}

function create(init: Record<string, unknown>): JobEvent {
  const given = Object.entries(init).filter(([, value]) => value !== undefined);
  try {
    return JobEvent.create(Object.fromEntries(given) as unknown as JobEvent);
  } catch (error) {
    throw new CliError(ExitCode.Usage, messageOf(error));
  }
}

/** Logs each line of standard input. Gives the number of those that are no events. */
async function logLines(context: CommandContext, logger: JobEventLogger): Promise<number> {
  let number = 0;
  let refused = 0;
  const lines = createInterface({ input: process.stdin, crlfDelay: Infinity });
  context.signal.addEventListener("abort", () => lines.close(), { once: true });
  for await (const line of lines) {
    number++;
    if (line.trim() === "") continue;
    try {
      const fields = eventFromJson(JSON.parse(line));
      for (const field of STORED_FIELDS) delete fields[field];
      const event = create(fields);
      await logger.ready();
      logger.logEvent(event);
    } catch (error) {
      refused++;
      context.note(`Line ${number}: ${messageOf(error)}`);
    }
  }
  return refused;
}
