/** The commands that change what is stored: their declarations. */

import type { Command } from "commander";
import {
  addCommand,
  type CommandSpec,
  filterOptions,
  option,
  type Registry,
  windowOptions,
  YES,
} from "./define.ts";
import { collectPairs, collectValues, parseAmount, parseDuration, parseWhole } from "./parse.ts";

const LETTER_OPTIONS = [
  option("--group <name>", "only letters of this group"),
  option("--job <id>", "only letters of this job's events"),
];

const SPECS: readonly CommandSpec[] = [
  {
    name: "emit",
    summary: "Store one event, or those that come from standard input",
    details:
      'With "-" for the job, each line of standard input is one event as JSON, with the fields ' +
      "of JobEvent; jobId and eventType are the least. They go through JobEventLogger.",
    args: { "<job>": 'the id of the job, or "-"', "[type]": "what happened to it" },
    options: [
      option("--worker <id>", "the worker"),
      option("--worker-type <type>", "the kind of worker"),
      option("--queue <name>", "the queue"),
      option("--message <text>", "what people read"),
      option("--error-type <name>", "the class of the error"),
      option("--error-message <text>", "what the error says"),
      option("--duration-ms <n>", "how long it took", parseAmount),
      option("--tag <name=value>", "a tag; may be given again", collectPairs),
      option(
        "--detail <name=value>",
        "a detail, as JSON or text; may be given again",
        collectValues,
      ),
      option("--metadata <name=value>", "like --detail, for metadata", collectValues),
    ],
    examples: [
      ["job-1 enqueued --queue mail --detail priority=3", "one event"],
      ["- < events.ndjson", "as many as there are lines"],
    ],
    load: async () => (await import("./commands/emit.ts")).emit,
  },
  {
    name: "export",
    summary: "Write events to a file, or to standard output",
    details:
      "NDJSON, one event a line, or with --raw records of MessagePack with the encoded events.",
    args: { "[file]": 'the file; without one, or with "-", standard output' },
    options: [
      option("--raw", "records of MessagePack: smaller, and quicker to import"),
      option("--resume", "go on where the file ends; with the same options as before"),
      option("--force", "write a file anew that is there"),
      option("--after <sequence>", "only events stored after this one", parseWhole()),
      ...filterOptions(),
      ...windowOptions(),
    ],
    examples: [
      ["events.ndjson", "everything"],
      ["events.ndjson --resume", "what has come since, or was left when it was interrupted"],
      ["--queue mail --since 1d | gzip > mail.ndjson.gz", "a part, compressed"],
    ],
    load: async () => (await import("./commands/export.ts")).exportEvents,
  },
  {
    name: "import",
    summary: "Store the events of a file that export has written",
    details:
      "Each event is stored once, by its id: run it again when it was interrupted. Which of the " +
      "two forms the file has is recognised.",
    args: { "[file]": 'the file; without one, or with "-", standard input' },
    examples: [
      ["events.ndjson --storage nats://localhost:4222", "into a stream"],
      ["events.msgpack", "what export --raw wrote"],
    ],
    load: async () => (await import("./commands/import.ts")).importEvents,
  },
  {
    name: "forward",
    summary: "Send events from one storage on to another, until Ctrl-C",
    details:
      "A group in the first storage keeps the position: the next start goes on where this one " +
      "ended. While the second storage is away, it waits. Each event is stored once, by its id.",
    args: { "<from>": "the URL of the storage to read", "<to>": "the URL of the storage to write" },
    options: [
      option("--name <name>", "the group; one for each destination").default(
        undefined,
        "from the URL",
      ),
      option("--once", "end when everything is there that was stored when it began"),
      ...filterOptions(),
    ],
    examples: [
      ["sqlite:edge.sqlite nats://hub:4222", "store locally, send on while there is a network"],
      ["nats://old:4222 nats://new:4222 --once", "everything, to another server"],
    ],
    load: async () => (await import("./commands/forward.ts")).forward,
  },
  {
    name: "delete",
    summary: "Delete all events of a job, with its dead letters",
    args: { "<job>": "the id of the job" },
    options: [option("--erase", "also overwrite the bytes"), YES],
    examples: [
      ["job-1", "asks first, on a terminal"],
      ["job-1 --erase --yes", "for good, as somebody's right to be forgotten wants it"],
    ],
    load: async () => (await import("./commands/delete.ts")).deleteJob,
  },
  {
    name: "cleanup",
    summary: "Delete the events that were stored long ago",
    options: [
      option("--older-than <duration>", "stored longer ago than this", parseDuration)
        .default(undefined, "the storage's own limit"),
      YES,
    ],
    examples: [["--older-than 30d", "keeps thirty days"]],
    load: async () => (await import("./commands/cleanup.ts")).cleanup,
  },
];

const LETTERS: readonly CommandSpec[] = [
  {
    name: "list",
    summary: "List dead letters, the first one first",
    options: [
      ...LETTER_OPTIONS,
      option("--limit <n>", "at most so many", parseWhole(1)).default(50),
    ],
    examples: [["--group billing", "what one group gave up on"]],
    load: async () => (await import("./commands/dead_letters.ts")).listLetters,
  },
  {
    name: "show",
    summary: "Show a dead letter with its event",
    args: { "<id>": "the letter" },
    examples: [["17", "everything that is known of it"]],
    load: async () => (await import("./commands/dead_letters.ts")).showLetter,
  },
  {
    name: "replay",
    summary: "Give dead letters to their groups again",
    args: { "[ids...]": "the letters; else those of the options" },
    options: [...LETTER_OPTIONS, option("--all", "all that there are"), YES],
    examples: [
      ["17 18", "two of them"],
      ["--group billing", "all of a group, now that it is mended"],
    ],
    load: async () => (await import("./commands/dead_letters.ts")).replayLetters,
  },
  {
    name: "purge",
    summary: "Remove dead letters for good",
    args: { "[ids...]": "the letters; else those of the options" },
    options: [...LETTER_OPTIONS, option("--all", "all that there are"), YES],
    examples: [["--job job-1 --yes", "those of one job, without a question"]],
    load: async () => (await import("./commands/dead_letters.ts")).purgeLetters,
  },
];

/** Adds the commands that change what is stored. */
export function addWriteCommands(registry: Registry, program: Command): void {
  program.commandsGroup("Change:");
  for (const spec of SPECS) addCommand(registry, program, spec);
  const letters = program.command("dead-letters").summary("What groups gave up on");
  letters.description("What groups gave up on.").helpCommand(false);
  for (const spec of LETTERS) addCommand(registry, letters, spec);
}
