/** `naq-events tasks`. */

import type { Task, TaskInput, TaskState } from "../../queue/task.ts";
import { asJson, openTasks, type TaskOptions } from "../backend.ts";
import type { CommandContext } from "../context.ts";
import { CliError, ExitCode } from "../exit.ts";
import { valueFromJson } from "../json.ts";
import { right, table } from "../table.ts";
import { counted, dateTime, duration, shown, shownJson } from "../text.ts";
import type { JsonValue, TaskReportJson } from "../types.ts";

const COLORS = { completed: "green", failed: "red", expired: "red", cancelled: "yellow" } as const;

/** Lists tasks. */
export async function listTasks(
  context: CommandContext,
  options: TaskOptions & {
    readonly queue?: string;
    readonly state?: TaskState;
    readonly function?: string;
    readonly tag?: Readonly<Record<string, string>>;
    readonly limit: number;
  },
): Promise<void> {
  const { queue, state, function: functionName, tag: tags, limit } = options;
  const { tasks } = await openTasks(context, options, "tasks");
  const found = await tasks.listTasks({
    ...(queue === undefined ? {} : { queue }),
    ...(state === undefined ? {} : { state }),
    ...(functionName === undefined ? {} : { functionName }),
    ...(tags === undefined ? {} : { tags }),
    ...(limit === Infinity ? {} : { limit }),
  });
  await context.printList(found.map(asJson), () => {
    if (found.length === 0) return "No tasks";
    const head = ["id", "queue", "function", "state", right("tries"), "since (UTC)", "last error"];
    return table(context, head, found.map((task) => row(context, task))) +
      (found.length === limit ? "\n… and perhaps more: --limit shows them" : "");
  });
}

function row(context: CommandContext, task: Task): string[] {
  const { id, queue, functionName, attempts, maxRetries, lastError } = task;
  return [
    shown(id),
    shown(queue),
    shown(functionName),
    paintState(context, task),
    `${attempts}/${maxRetries + 1}`,
    dateTime(sinceOf(task).getTime() / 1000),
    lastError === undefined ? "" : shown(`${lastError.type}: ${lastError.message}`),
  ];
}

/** When it came to where it is. */
function sinceOf({ finishedAt, startedAt, createdAt, state }: Task): Date {
  if (state === "running") return startedAt ?? createdAt;
  return finishedAt ?? createdAt;
}

function paintState(context: CommandContext, { state, runAt }: Task): string {
  const waitMs = runAt.getTime() - Date.now();
  if (state === "pending" && waitMs > 0) return `in ${duration(waitMs)}`;
  const color = (COLORS as Partial<Record<TaskState, "green" | "red" | "yellow">>)[state];
  return color === undefined ? state : context.paint(color, state);
}

/** Shows a task. */
export async function showTask(
  context: CommandContext,
  options: TaskOptions,
  id: string,
): Promise<void> {
  const { tasks } = await openTasks(context, options, "tasks");
  const task = await tasks.getTask(id);
  if (task === null) throw noTask(id);
  const json = asJson(task);
  await context.print(json, () => fields(json));
}

/** One line for each field that is set. */
export function fields(object: object): string {
  return Object.entries(object)
    .map(([name, value]) => {
      const text = typeof value === "string" ? shown(value) : shownJson(JSON.stringify(value));
      return `${name.padEnd(16)}${text}`;
    }).join("\n");
}

function noTask(id: string): CliError {
  return new CliError(
    ExitCode.NotFound,
    `There is no task "${id}": it may have ended long ago; "tasks list" shows those there are`,
  );
}

/** Enqueues a task. */
export async function enqueueTask(
  context: CommandContext,
  options: TaskOptions & {
    readonly id?: string;
    readonly queue?: string;
    readonly priority?: number;
    readonly delay?: number;
    readonly ttl?: number;
    readonly timeout?: number;
    readonly maxRetries?: number;
    readonly tag?: Readonly<Record<string, string>>;
  },
  functionName: string,
  args: string | undefined,
): Promise<void> {
  const input: Record<string, unknown> = {
    functionName,
    id: options.id,
    args: args === undefined ? undefined : parseArguments(args),
    queue: options.queue,
    priority: options.priority,
    delayMs: options.delay,
    ttlMs: options.ttl,
    timeoutMs: options.timeout,
    maxRetries: options.maxRetries,
    tags: options.tag,
  };
  const given = Object.entries(input).filter(([, value]) => value !== undefined);
  const backend = await openTasks(context, options, "both", true);
  const id = await backend.enqueue(Object.fromEntries(given) as unknown as TaskInput);
  const report: TaskReportJson = { ids: [id] };
  await context.print(report, () => id);
}

function parseArguments(text: string): TaskInput["args"] {
  try {
    return valueFromJson(JSON.parse(text) as JsonValue);
  } catch {
    throw new CliError(ExitCode.Usage, `The arguments are no JSON: ${text}`);
  }
}

/** Cancels tasks. */
export async function cancelTasks(
  context: CommandContext,
  options: TaskOptions & { readonly reason?: string },
  ids: readonly string[],
): Promise<number> {
  const { reason } = options;
  const backend = await openTasks(context, options, "both");
  const why = reason === undefined ? {} : { reason };
  return await each(context, ids, "Cancelled", (id) => backend.cancel(id, why));
}

/** Brings tasks back that failed, expired or were cancelled. */
export async function requeueTasks(
  context: CommandContext,
  options: TaskOptions,
  ids: readonly string[],
): Promise<number> {
  const backend = await openTasks(context, options, "both");
  return await each(context, ids, "Requeued", (id) => backend.requeue(id));
}

async function each(
  context: CommandContext,
  ids: readonly string[],
  done: string,
  work: (id: string) => Promise<boolean>,
): Promise<number> {
  const [did, others]: [string[], string[]] = [[], []];
  for (const id of ids) (await work(id) ? did : others).push(id);
  const report: TaskReportJson = { ids: did, others };
  await context.print(report, () => {
    const rest = others.length === 0
      ? ""
      : `; not there, or in another state: ${others.map(shown).join(", ")}`;
    return `${done} ${counted(did.length, "task")}${rest}`;
  });
  return others.length === 0 ? ExitCode.Ok : ExitCode.NotFound;
}

/** Deletes what waits in a queue. */
export async function purgeQueue(
  context: CommandContext,
  options: TaskOptions & { readonly yes?: boolean },
  queue: string,
): Promise<void> {
  const { tasks } = await openTasks(context, options, "tasks");
  const count = await tasks.countTasks({ queue, state: "pending" });
  await context.confirm(`Delete ${counted(count, "task")} that wait in "${queue}"?`, options);
  const report: TaskReportJson = { deleted: await tasks.purgeQueue(queue) };
  await context.print(report, () => `Deleted ${counted(report.deleted!, "task")}`);
}
