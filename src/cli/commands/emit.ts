/** `naq-events emit`. */

import process from "node:process";
import { createInterface } from "node:readline";
import { messageOf } from "../../errors.ts";
import { JobEvent } from "../../gen/factories.ts";
import type { JobEventType } from "../../gen/types.ts";
import { JobEventLogger } from "../../logger/logger.ts";
import { NatsJobEventPublisher } from "../../nats/publisher.ts";
import { connectByUrl, isNatsScheme, splitUrl } from "../../open_storage.ts";
import type { JobEventSink } from "../../storage/storage.ts";
import type { CommandContext } from "../context.ts";
import { CliError, errorLine, ExitCode, exitCodeOf } from "../exit.ts";
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
  const sink = await openSink(context);
  let problem: unknown;
  const logger = context.own(
    new JobEventLogger(sink, {
      overflow: "block",
      flushIntervalMs: 100,
      onError: (error) => void (problem = error),
      onDrop: () => {},
    }),
  );
  const refused = single === undefined ? await logLines(context, logger) : 0;
  if (single !== undefined) logger.logEvent(single);
  const { stored, undelivered, dropped } = await logger.stop();
  if (undelivered > 0) {
    const reason = problem === undefined ? "no answer in time" : errorLine(problem);
    throw new CliError(
      ExitCode.Unavailable,
      `${counted(undelivered, "event")} could not be stored, ${stored} were: ${reason}`,
    );
  }
  if (stored === 0 && problem !== undefined) throw problem;
  const report: ReportJson = { stored, refused: refused + dropped };
  await context.print(report, () => `Stored ${counted(stored, "event")}`);
  if (problem !== undefined) context.note(errorLine(problem));
  return refused + dropped > 0 ? ExitCode.Failure : ExitCode.Ok;
}

/** The storage, or what suffices to emit for who may do nothing else on a server. */
async function openSink(context: CommandContext): Promise<JobEventSink> {
  try {
    return await context.open("make");
  } catch (error) {
    const isServer = isNatsScheme(splitUrl(context.storageUrl).scheme);
    if (exitCodeOf(error) !== ExitCode.Permission || !isServer) throw error;
    const connection = await connectByUrl({
      ...await context.connectOptions(),
      servers: context.storageUrl,
    });
    context.own({ [Symbol.asyncDispose]: () => connection.close() });
    return context.own(new NatsJobEventPublisher(connection, context.names));
  }
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
