/** Tasks and their results, as commands open them. */

import type { JobEventValue } from "../event/dynamic.ts";
import { openBackend } from "../backend/open.ts";
import type { TaskBackend } from "../backend/backend.ts";
import { isJobEventError } from "../errors.ts";
import { isNatsScheme, splitUrl } from "../open_storage.ts";
import { MemoryTaskQueue } from "../queue/memory.ts";
import { MemoryTaskResultStorage } from "../results/memory.ts";
import type { CommandContext } from "./context.ts";
import { CliError, errorLine, ExitCode } from "./exit.ts";
import { valueToJson } from "./json.ts";
import type { AsJson, JsonValue } from "./types.ts";

/** The options of every command for tasks. */
export interface TaskOptions {
  readonly tasks?: string;
  readonly prefix?: string;
}

/** What a command needs: with `both`, what is done is also logged as events. */
export type Parts = "tasks" | "results" | "both";

/**
 * Opens the tasks, their results, or both. It is closed when the command ends.
 *
 * @param create Whether what is not there is made.
 */
export async function openTasks(
  context: CommandContext,
  options: TaskOptions,
  parts: Parts,
  create = false,
): Promise<TaskBackend> {
  const url = urlOf(context, options);
  const { streamName, subjectPrefix } = context.names;
  const given = {
    connect: await context.connectOptions(),
    tasks: { createStream: create, ...(options.prefix && { prefix: options.prefix }) },
    results: { createStream: create || parts === "both" },
    events: { create: false, subjectPrefix, nats: { streamName } },
  };
  const config = {
    tasks: parts === "results" ? new MemoryTaskQueue() : url,
    results: parts === "tasks" ? new MemoryTaskResultStorage() : url,
  };
  if (parts !== "both") return context.own(await openBackend(config, given));
  try {
    return context.own(await openBackend({ ...config, events: context.storageUrl }, given));
  } catch (error) {
    const { message } = error as { readonly message?: string };
    if (!isJobEventError(error) || !message?.startsWith("Cannot open the events")) throw error;
    context.note(`No events are logged: ${errorLine(error)}`);
    return context.own(await openBackend(config, given));
  }
}

function urlOf(context: CommandContext, { tasks }: TaskOptions): string {
  const url = tasks ?? context.storageUrl;
  if (isNatsScheme(splitUrl(url).scheme)) return url;
  throw new CliError(ExitCode.Usage, "Tasks are on a server: name it with --tasks nats://HOST");
}

const VALUES = ["args", "result", "value", "metadata"];

/** A task or a result as JSON. */
export function asJson<Type extends object>(value: Type): AsJson<Type> {
  const entries = Object.entries(value).map(([name, each]): [string, JsonValue | undefined] => {
    if (each instanceof Date) return [name, each.toISOString()];
    return [name, VALUES.includes(name) ? valueToJson(each as JobEventValue) : each];
  });
  return Object.fromEntries(entries) as AsJson<Type>;
}
