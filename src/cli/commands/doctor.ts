/** `naq-events doctor`. */

import { splitUrl } from "../../open_storage.ts";
import type { CommandContext } from "../context.ts";
import { Findings } from "../doctor/findings.ts";
import type { Role } from "../doctor/rights.ts";
import { ExitCode } from "../exit.ts";
import { shown } from "../text.ts";
import type { FindingJson } from "../types.ts";

const COLORS = { ok: "green", warning: "yellow", problem: "red" } as const;

/** Says what is wrong, or will be. */
export async function doctor(
  context: CommandContext,
  options: { readonly role?: Role },
): Promise<number> {
  const findings = new Findings();
  const { scheme, rest } = splitUrl(context.storageUrl);
  if (scheme === "sqlite") {
    const { checkSqlite } = await import("../doctor/sqlite.ts");
    await checkSqlite(findings, context, rest);
  } else if (scheme === "memory") {
    findings.problem("storage", "memory: ends with its process", "Name a storage with --storage");
  } else {
    const { checkNats } = await import("../doctor/nats.ts");
    await checkNats(findings, context, options.role);
  }
  const found = findings.all;
  await context.printList(found, () => found.map((each) => text(context, each)).join("\n"));
  return found.some(({ level }) => level === "problem") ? ExitCode.Failure : ExitCode.Ok;
}

function text(context: CommandContext, { check, level, message, remedy }: FindingJson): string {
  const begin = `${context.paint(COLORS[level], level.padEnd(8))} ${check.padEnd(13)} `;
  const advice = remedy === undefined ? "" : `\n${" ".repeat(23)}${context.paint("dim", remedy)}`;
  return begin + shown(message) + advice;
}
