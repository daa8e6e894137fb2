/** The commands that look after a storage: their declarations. */

import type { Command } from "commander";
import { addCommand, choice, type CommandSpec, option, type Registry } from "./define.ts";
import { PLACE } from "./define_tasks.ts";
import { parseDuration, parseWhole } from "./parse.ts";

const SPECS: readonly CommandSpec[] = [
  {
    name: "health",
    summary: "Say whether the storage answers, and what it holds",
    details: "Ends with 0 where it is healthy, and otherwise with 4.",
    options: [
      option("--timeout <duration>", "how long it may take", parseDuration)
        .default(parseDuration("5s"), "5s"),
    ],
    examples: [
      ["", "for a person"],
      ["--format json", "for a monitor; the exit code suffices"],
    ],
    load: async () => (await import("./commands/health.ts")).health,
  },
  {
    name: "doctor",
    summary: "Look for what is wrong, or will be: version, stream, durability, permissions",
    details:
      "Changes nothing: permissions are tried with requests that the server refuses for their " +
      "content. Ends with 1 where there is a problem.",
    options: [
      choice("--role <role>", "what the user of this connection is for", [
        "emitter",
        "reader",
        "operator",
      ]),
    ],
    examples: [
      ["--storage nats://operator:…@host", "everything that can be seen"],
      ["--storage nats://emitter:…@host --role emitter", "whether a user may do what it is for"],
    ],
    load: async () => (await import("./commands/doctor.ts")).doctor,
  },
  {
    name: "dashboard",
    summary: "Serve the dashboard for a browser, until Ctrl-C",
    details: "For this machine alone, unless --host says otherwise. With NAQ_DASHBOARD_PASSWORD " +
      "browsers are asked for that password. With --tasks, actions include to cancel.",
    options: [
      option("--port <n>", "the port; 0 for a free one", parseWhole()).default(8787),
      option("--host <address>", "the address to listen on").default("127.0.0.1"),
      option("--title <text>", "what the page is called"),
      option("--allow-actions", "let it delete, replay and purge, with a password"),
      ...PLACE,
    ],
    examples: [
      ["", "http://127.0.0.1:8787/"],
      ["--port 0 --format json", "on a free port, for a program"],
    ],
    load: async () => (await import("./commands/dashboard.ts")).dashboard,
  },
];

/** Adds the commands that look after a storage. */
export function addOperationCommands(registry: Registry, program: Command): void {
  program.commandsGroup("Look after:");
  for (const spec of SPECS) addCommand(registry, program, spec);
}
