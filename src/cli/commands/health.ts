/** `naq-events health`. */

import type { StorageHealth } from "../../storage/storage.ts";
import type { CommandContext } from "../context.ts";
import { errorLine, ExitCode, exitCodeOf } from "../exit.ts";
import { bytes, duration, shown, whole } from "../text.ts";

/** Says how the storage is. */
export async function health(
  context: CommandContext,
  options: { readonly timeout: number },
): Promise<number> {
  const found = await look(context, options.timeout);
  await context.print(found, () => text(context, found));
  return found.status === "healthy" ? ExitCode.Ok : ExitCode.Unavailable;
}

/** A storage that cannot be reached has a state, too. */
async function look(context: CommandContext, timeoutMs: number): Promise<StorageHealth> {
  try {
    const storage = await context.open("read", { timeoutMs });
    return await storage.healthCheck({ timeoutMs });
  } catch (error) {
    if (exitCodeOf(error) !== ExitCode.Unavailable) throw error;
    return {
      status: "disconnected",
      streamName: context.names.streamName,
      subjects: [],
      ...{ messages: 0, bytes: 0, firstSequence: 0, lastSequence: 0, consumers: 0 },
      serverVersion: "",
      rttMs: 0,
      error: errorLine(error),
    };
  }
}

function text(context: CommandContext, found: StorageHealth): string {
  const { status, firstSequence, lastSequence } = found;
  const lines = found.status !== "healthy"
    ? [["status", context.paint("red", status)], ["error", shown(found.error ?? "")]]
    : [
      ["status", context.paint("green", status)],
      ["stream", shown(found.streamName)],
      ["subjects", shown(found.subjects.join(", "))],
      ["events", `${whole(found.messages)}, ${bytes(found.bytes)}`],
      [
        "sequences",
        firstSequence === 0 ? `last ${lastSequence}` : `${firstSequence} to ${lastSequence}`,
      ],
      ["groups", whole(found.consumers)],
      ["server", shown(found.serverVersion)],
      ["answered in", duration(found.rttMs)],
    ];
  return lines.map(([name = "", value]) => `${name.padEnd(12)}${value}`).join("\n");
}
