/** The command line as a whole. */

import { Command, type CommanderError, Option } from "commander";
import tab from "@bomb.sh/tab/commander";
import { addOperationCommands } from "./define_operate.ts";
import { addReadCommands } from "./define_read.ts";
import { addTaskCommands } from "./define_tasks.ts";
import { addWriteCommands } from "./define_write.ts";
import { PROGRAM, type Registry } from "./define.ts";

const INTRO = `Reads, follows and looks after the life of jobs that @naq/events has stored.

The storage is "sqlite:FILE", "nats://HOST", "tls://HOST", "ws://HOST" or "wss://HOST".`;

const CODES = `
Environment:
  NAQ_EVENT_STORAGE_URL     the storage, where --storage names none
  NAQ_EVENT_STREAM_NAME     the stream on NATS
  NAQ_EVENT_SUBJECT_PREFIX  what the subjects of events begin with
  NO_COLOR                  no colours

Exit codes:
  0 done   1 failed   2 wrong usage   3 not found   4 storage not available   5 not permitted
  130 ended by Ctrl-C

"${PROGRAM} COMMAND --help" has the options of a command, with examples.`;

function globalOptions(): Option[] {
  return [
    new Option("--storage <url>", "the storage").env("NAQ_EVENT_STORAGE_URL"),
    new Option("--format <format>", "how results are printed")
      .choices(["table", "json", "ndjson"]).default("table"),
    new Option("--stream <name>", "NATS: the stream's name").env("NAQ_EVENT_STREAM_NAME"),
    new Option("--subject-prefix <prefix>", "NATS: what the subjects of events begin with")
      .env("NAQ_EVENT_SUBJECT_PREFIX"),
    new Option("--creds <file>", "NATS: a .creds file").env("NAQ_NATS_CREDS"),
    new Option("--inbox-prefix <prefix>", "NATS: what the subjects of replies begin with")
      .env("NAQ_NATS_INBOX_PREFIX"),
    new Option("--tls-ca <file>", "NATS: the authority to trust, in PEM").env("NAQ_NATS_TLS_CA"),
    new Option("--tls-cert <file>", "NATS: the certificate to present").env("NAQ_NATS_TLS_CERT"),
    new Option("--tls-key <file>", "NATS: its private key").env("NAQ_NATS_TLS_KEY"),
  ];
}

/** What the program printed itself: help, or what is wrong with the arguments. */
export interface Texts {
  out: string;
  err: string;
}

/** The program with all of its commands. Their code is loaded when they run. */
export function createProgram(
  registry: Registry,
  texts: Texts,
  args: readonly string[],
): Command {
  const program = new Command(PROGRAM)
    .helpCommand(false)
    .description(INTRO)
    .usage("COMMAND [options]")
    .exitOverride((error) => {
      throw error;
    })
    .configureOutput({
      writeOut: (text) => texts.out += text,
      writeErr: (text) => texts.err += text,
      outputError: (text, write) => write(text.replace(/^error: /, "")),
    })
    .configureHelp({ showGlobalOptions: true, sortSubcommands: false })
    .addHelpText("after", CODES);
  for (const each of globalOptions()) program.addOption(each);
  addReadCommands(registry, program);
  addWriteCommands(registry, program);
  addTaskCommands(registry, program);
  addOperationCommands(registry, program);
  // Completion looks at the options of one command only.
  if (args[0] === "complete") addGlobals(program.commands);
  tab(program, { completionCommandName: "completion" });
  return program;
}

function addGlobals(commands: readonly Command[]): void {
  for (const command of commands) {
    if (command.commands.length > 0) addGlobals(command.commands);
    else for (const each of globalOptions()) command.addOption(each);
  }
}

/** Whether a thrown value is how the parser says that it is done, or that it cannot go on. */
export function isParserError(error: unknown): error is CommanderError {
  return String((error as { readonly code?: unknown } | null)?.code).startsWith("commander.");
}
