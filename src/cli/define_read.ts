/** The commands that read: their declarations. */

import type { Command } from "commander";
import {
  addCommand,
  choice,
  type CommandSpec,
  filterOptions,
  option,
  type Registry,
  windowOptions,
} from "./define.ts";
import {
  parseDuration,
  parseLimit,
  parseSince,
  parseStart,
  parseTime,
  parseWhole,
  RECENT,
} from "./parse.ts";

/** When it began is known when the command runs, not when it is declared. */
const RECENTLY = option("--since <time>", 'how far to look back: 10m, a time, or "all"', parseSince)
  .default(undefined, RECENT);

const SPECS: readonly CommandSpec[] = [
  {
    name: "tail",
    summary: "Show events as they are stored, until Ctrl-C",
    details: "With --format json, too, each event is one line.",
    options: [
      option("--from <start>", "new, all, how long ago (10m), a time, or a sequence", parseStart)
        .default("new"),
      option("--limit <n>", "end after so many events", parseWhole(1)),
      ...filterOptions(),
    ],
    examples: [
      ["", "whatever happens from now on"],
      ["--type failed --type timeout --from 1h", "failures of the last hour, and those to come"],
      ["--worker worker-3 --format ndjson | jq .message", "what one worker does, for a program"],
    ],
    load: async () => (await import("./commands/tail.ts")).tail,
  },
  {
    name: "history",
    summary: "Show the timeline of a job, with the gaps between its steps",
    args: { "<job>": "the id of the job" },
    examples: [
      ["job-1", "what happened to the job, and where its time went"],
      ["job-1 --format json", "the same for a program"],
    ],
    load: async () => (await import("./commands/history.ts")).history,
  },
  {
    name: "list",
    summary: "List events that are stored",
    options: [
      option("--limit <n>", 'at most so many, or "all"', parseLimit).default(50),
      choice("--order <order>", "which end comes first", ["newest", "oldest"]).default("newest"),
      option("--after <sequence>", "only events stored after this one", parseWhole()),
      ...filterOptions(),
      ...windowOptions(),
    ],
    examples: [
      ["--type failed --since 2h", "the failures of the last two hours"],
      ["--queue mail --tag customer=7 --limit all --order oldest", "all that fits"],
    ],
    load: async () => (await import("./commands/list.ts")).list,
  },
  {
    name: "count",
    summary: "Count events, without reading them where that is possible",
    options: [...filterOptions(), ...windowOptions()],
    examples: [
      ["--type completed", "the runs that ended well"],
      ["--since 10m --format json", "the events of the last ten minutes, for a program"],
    ],
    load: async () => (await import("./commands/count.ts")).count,
  },
  {
    name: "stats",
    summary: "Show rates, failures and times of a window, by queue, worker and error type",
    details: "The numbers are folded from the events of the window, by their timestamps.",
    options: [
      ...filterOptions(),
      RECENTLY,
      option("--until <time>", "only events until then", parseTime),
      option("--top <n>", "at most so many queues, workers and error types", parseWhole(1))
        .default(10),
    ],
    examples: [
      ["", "the last hour"],
      ["--since all --queue mail", "everything that is stored of a queue"],
      ["--since 2026-11-21T02:00 --until 2026-11-21T04:00", "one night, in UTC"],
    ],
    load: async () => (await import("./commands/stats.ts")).stats,
  },
  {
    name: "workers",
    summary: "Show the workers: when they were last seen, which are busy, which idle",
    details: "A worker is busy while a run that began on it has not ended.",
    options: [
      RECENTLY,
      option("--stale <duration>", "mark busy workers that were quiet for longer", parseDuration)
        .default(parseDuration("10m"), "10m"),
    ],
    examples: [
      ["", "the workers of the last hour"],
      ["--since 7d --format json", "those of a week, for a program"],
    ],
    load: async () => (await import("./commands/workers.ts")).workers,
  },
];

/** Adds the commands that read. */
export function addReadCommands(registry: Registry, program: Command): void {
  program.commandsGroup("Look:");
  for (const spec of SPECS) addCommand(registry, program, spec);
}
