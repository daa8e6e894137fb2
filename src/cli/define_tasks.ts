/** The commands for tasks and their results: their declarations. */

import type { Command, Option } from "commander";
import { addCommand, choice, type CommandSpec, option, type Registry, YES } from "./define.ts";
import { collectPairs, parseDuration, parseLimit, parsePriority, parseWhole } from "./parse.ts";
import { TASK_STATES } from "../queue/task.ts";

/** Where the tasks are. */
export const PLACE: readonly Option[] = [
  option("--tasks <url>", "the server of the tasks; else that of --storage").env("NAQ_TASKS_URL"),
  option("--prefix <prefix>", "what the names of the tasks' streams begin with"),
];

const TAG = option("--tag <name=value>", "a tag; may be given again", collectPairs);

const TASKS: readonly CommandSpec[] = [
  {
    name: "list",
    summary: "List tasks, those first that were changed the longest time ago",
    options: [
      option("--queue <name>", "only tasks of this queue"),
      choice("--state <state>", "only tasks in this state", TASK_STATES),
      option("--function <name>", "only tasks that call this function"),
      TAG,
      option("--limit <n>", 'at most so many, or "all"', parseLimit).default(50),
      ...PLACE,
    ],
    examples: [
      ["--state failed --queue mail", "what has failed for good"],
      ["--state running --format json", "what runs, for a program"],
    ],
    load: async () => (await import("./commands/tasks.ts")).listTasks,
  },
  {
    name: "show",
    summary: "Show a task",
    args: { "<id>": "the task" },
    options: PLACE,
    examples: [["job-1", "its state, its arguments, its last error"]],
    load: async () => (await import("./commands/tasks.ts")).showTask,
  },
  {
    name: "enqueue",
    summary: "Enqueue a task, and print its id",
    args: { "<function>": "what a worker looks its handler up by", "[args]": "arguments as JSON" },
    options: [
      option("--id <id>", "its id: enqueuing it again changes nothing"),
      option("--queue <name>", "the queue"),
      option("--priority <n>", "-99 to 99; higher ones come first", parsePriority),
      option("--delay <duration>", "the earliest start", parseDuration),
      option("--ttl <duration>", "it expires unless it is started by then", parseDuration),
      option("--timeout <duration>", "how long an execution may take", parseDuration),
      option("--max-retries <n>", "how often it is executed again", parseWhole()),
      TAG,
      ...PLACE,
    ],
    examples: [
      [`send '{"to":"a@example.com"}' --queue mail`, "as soon as there is a worker"],
      ["report --delay 10m --max-retries 0", "later, and once"],
    ],
    load: async () => (await import("./commands/tasks.ts")).enqueueTask,
  },
  {
    name: "cancel",
    summary: "Cancel tasks that are pending or running",
    args: { "<ids...>": "the tasks" },
    options: [option("--reason <text>", "why, for the event"), ...PLACE],
    examples: [["job-1 job-2 --reason 'wrong address'", "two of them"]],
    load: async () => (await import("./commands/tasks.ts")).cancelTasks,
  },
  {
    name: "requeue",
    summary: "Bring tasks back that failed, expired or were cancelled",
    args: { "<ids...>": "the tasks" },
    options: PLACE,
    examples: [["job-1", "once more, from the beginning"]],
    load: async () => (await import("./commands/tasks.ts")).requeueTasks,
  },
  {
    name: "purge",
    summary: "Delete the tasks that wait in a queue",
    args: { "<queue>": "the queue" },
    options: [YES, ...PLACE],
    examples: [["mail", "asks first, on a terminal"]],
    load: async () => (await import("./commands/tasks.ts")).purgeQueue,
  },
];

const RESULTS: readonly CommandSpec[] = [
  {
    name: "get",
    summary: "Show the result of a task",
    args: { "<id>": "the task" },
    options: PLACE,
    examples: [["job-1 --format json | jq .value", "what its function returned"]],
    load: async () => (await import("./commands/results.ts")).getResult,
  },
  {
    name: "wait",
    summary: "Wait for the result of a task, and show it",
    details: "Ends with 1 where the task was not completed, and with 4 when the time is up.",
    args: { "<id>": "the task" },
    options: [option("--timeout <duration>", "how long", parseDuration), ...PLACE],
    examples: [["job-1 --timeout 30s", "at most half a minute"]],
    load: async () => (await import("./commands/results.ts")).waitForResult,
  },
];

/** Adds the commands for tasks. */
export function addTaskCommands(registry: Registry, program: Command): void {
  program.commandsGroup("Tasks:");
  for (
    const [name, summary, specs] of [
      ["tasks", "Tasks that wait, run, or have ended", TASKS],
      ["results", "What tasks have returned", RESULTS],
    ] as const
  ) {
    const group = program.command(name).summary(summary).description(`${summary}.`);
    group.helpCommand(false);
    for (const spec of specs) addCommand(registry, group, spec);
  }
}
