/** How commands are declared: what they take, an example of each use, and where their code is. */

import { type Command, Option } from "commander";
import type { CommandContext, GlobalOptions, Host } from "./context.ts";
import { collectPairs, collectTypes, parseSince, parseTime } from "./parse.ts";
import { JOB_EVENT_TYPES } from "../gen/types.ts";

/** The name of the program. */
export const PROGRAM = "naq-events";

/** The code of a command. Options are what the command's `options` declare. */
export type Handler = (
  context: CommandContext,
  // Commander checks them against the declaration, and gives no types.
  options: never,
  ...args: never[]
) => Promise<number | void>;

/** A command. */
export interface CommandSpec {
  /** Its name. */
  readonly name: string;
  /** What it does, in half a line. */
  readonly summary: string;
  /** More of that. */
  readonly details?: string;
  /** Its arguments, `<wanted>` or `[optional]`, with what they are. */
  readonly args?: Readonly<Record<string, string>>;
  readonly options?: readonly Option[];
  /** Arguments, and what they make it do. */
  readonly examples: readonly (readonly [args: string, what: string])[];
  /** Loads its code. */
  readonly load: () => Promise<Handler>;
}

/** Where commands are added, and what becomes of their exit codes. */
export interface Registry {
  readonly host: Host;
  readonly onExit: (code: number) => void;
}

/** Adds a command. */
export function addCommand(registry: Registry, parent: Command, spec: CommandSpec): void {
  const command = parent.command(spec.name).summary(spec.summary);
  command.description(`${spec.summary}.${spec.details === undefined ? "" : `\n\n${spec.details}`}`);
  for (const [name, what] of Object.entries(spec.args ?? {})) command.argument(name, what);
  for (const each of spec.options ?? []) command.addOption(each);
  const path = parent.parent === null ? spec.name : `${parent.name()} ${spec.name}`;
  const examples = spec.examples.map(([args, what]) =>
    `  # ${what}\n  ${PROGRAM} ${path} ${args}`.trimEnd()
  );
  command.addHelpText("after", `\nExamples:\n${examples.join("\n")}`);
  command.action(async (...received: unknown[]) => {
    const args = received.slice(0, command.registeredArguments.length);
    const options = command.optsWithGlobals<GlobalOptions>();
    // What prints help and completes words is to be there at once.
    const { CommandContext } = await import("./context.ts");
    const context = new CommandContext(registry.host, options);
    try {
      const handler = await spec.load();
      const code = await handler(context, options as never, ...args as never[]);
      await context.out.flush();
      registry.onExit(code ?? 0);
    } finally {
      await context.close();
    }
  });
}

/** An option that takes a value. */
export function option<Value>(
  flags: string,
  description: string,
  parse?: (text: string, before: Value) => Value,
): Option {
  const made = new Option(flags, description);
  return parse === undefined ? made : made.argParser(parse);
}

/** An option whose values are known. */
export function choice(flags: string, description: string, values: readonly string[]): Option {
  return new Option(flags, description).choices(values);
}

/** The options that choose events by what they are about. */
export function filterOptions(): readonly Option[] {
  const type = option(
    "--type <type>",
    "only events of this type; may be given again",
    collectTypes,
  );
  // For completion: the parser comes after it, and also knows lists with commas.
  type.argChoices = [...JOB_EVENT_TYPES];
  return [
    option("--job <id>", "only events of this job"),
    type,
    option("--worker <id>", "only events of this worker"),
    option("--queue <name>", "only events of this queue"),
    option("--tag <name=value>", "only events with this tag; may be given again", collectPairs),
  ];
}

/** The options that choose events by their timestamps. */
export function windowOptions(): readonly Option[] {
  return [
    option(
      "--since <time>",
      "only events since then: 10m ago, or 2026-11-21T12:34:56Z",
      parseSince,
    ),
    option("--until <time>", "only events until then", parseTime),
  ];
}

/** The option of commands that ask before they delete. */
export const YES: Option = option(
  "--yes",
  "do not ask; without a terminal nothing is asked either",
);
