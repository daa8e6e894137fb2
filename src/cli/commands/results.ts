/** `naq-events results`. */

import type { TaskResult } from "../../results/results.ts";
import { asJson, openTasks, type TaskOptions } from "../backend.ts";
import type { CommandContext } from "../context.ts";
import { CliError, ExitCode } from "../exit.ts";
import { duration } from "../text.ts";
import { fields } from "./tasks.ts";

/** Shows the result of a task. */
export async function getResult(
  context: CommandContext,
  options: TaskOptions,
  id: string,
): Promise<void> {
  const { results } = await openTasks(context, options, "results");
  const result = await results.get(id);
  if (result === null) {
    throw new CliError(
      ExitCode.NotFound,
      `There is no result of task "${id}": "results wait" waits for it, "tasks show" says where ` +
        "the task is",
    );
  }
  await print(context, result);
}

/** Waits for the result of a task. */
export async function waitForResult(
  context: CommandContext,
  options: TaskOptions & { readonly timeout?: number },
  id: string,
): Promise<number> {
  const { timeout: timeoutMs } = options;
  const { results } = await openTasks(context, options, "results");
  const { signal } = context;
  const result = await results.wait(id, {
    signal,
    ...(timeoutMs === undefined ? {} : { timeoutMs }),
  });
  if (result === null) {
    throw new CliError(
      ExitCode.Unavailable,
      `There is no result of task "${id}" after ${duration(timeoutMs ?? 0)}`,
    );
  }
  await print(context, result);
  return result.state === "completed" ? ExitCode.Ok : ExitCode.Failure;
}

async function print(context: CommandContext, result: TaskResult): Promise<void> {
  const json = asJson(result);
  await context.print(json, () => fields(json));
}
