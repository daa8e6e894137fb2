/** Looks at a NATS server, the stream and the user. */

import { connect } from "../../connect/mod.ts";
import { isJobEventError } from "../../errors.ts";
import { JobEventSubjects } from "../../event/subjects.ts";
import { serverCapabilities } from "../../nats/capabilities.ts";
import { jsApiRequest } from "../../nats/js_api.ts";
import type { CommandContext } from "../context.ts";
import { errorLine } from "../exit.ts";
import { bytes, counted, duration } from "../text.ts";
import type { Findings } from "./findings.ts";
import { checkRights, type Patient, type Role } from "./rights.ts";
import { checkDurability, checkSettings, checkState, type StreamReport } from "./stream.ts";

/** What a server says to clients, and this package does not need otherwise. */
interface ServerInfo {
  readonly version: string;
  readonly max_payload: number;
  readonly jetstream?: boolean;
  readonly cluster?: string;
  readonly auth_required?: boolean;
  readonly tls_required?: boolean;
}

const MIN_PAYLOAD = 1024 * 1024;

/** Looks at everything that can be seen over a connection. */
export async function checkNats(
  findings: Findings,
  context: CommandContext,
  role: Role | undefined,
): Promise<void> {
  const { streamName, subjectPrefix } = context.names;
  const connection = await connect({
    ...await context.connectOptions(),
    servers: context.storageUrl,
    maxReconnectAttempts: 0,
  });
  const end = (): void => void connection.close();
  context.signal.addEventListener("abort", end, { once: true });
  try {
    const patient = { connection, streamName, subjects: new JobEventSubjects(subjectPrefix) };
    checkServer(findings, patient, await connection.rtt());
    const report = await readStream(findings, patient, role);
    if (report !== undefined) {
      checkSettings(findings, patient, report);
      checkDurability(findings, report);
      checkState(findings, report, Date.now());
      await checkLetters(findings, patient);
    }
    await checkRights(findings, patient, role);
  } finally {
    context.signal.removeEventListener("abort", end);
    await connection.close();
  }
}

function checkServer(findings: Findings, { connection }: Patient, rttMs: number): void {
  const check = "server";
  const info = connection.info as ServerInfo | undefined;
  const { serverVersion, compression, directGetBatch } = serverCapabilities(connection.info);
  const place = `${connection.getServer()}, ${duration(rttMs)} away`;
  const [major = 0, minor = 0] = serverVersion.split(".").map(Number);
  if (major < 2 || (major === 2 && minor < 9)) {
    findings.problem(check, `Version ${serverVersion} at ${place}`, "Update to 2.11 or newer");
  } else if (!directGetBatch) {
    findings.warning(
      check,
      `Version ${serverVersion} at ${place}: reads go through consumers` +
        (compression ? "" : ", groups have one filter pattern, and a filter is no purge"),
      "From 2.11 on a history takes one request",
    );
  } else findings.ok(check, `Version ${serverVersion} at ${place}`);
  if (info?.auth_required !== true) {
    findings.warning(
      check,
      "It asks for no credentials: whoever reaches it may do everything",
      "docs/nats.md of this package has a configuration with a user for each kind of program",
    );
  }
  if (info !== undefined && info.max_payload < MIN_PAYLOAD) {
    findings.warning(
      check,
      `Its max_payload of ${bytes(info.max_payload)} is below the 1 MiB that an event may have`,
      "Raise max_payload",
    );
  }
}

async function readStream(
  findings: Findings,
  { connection, streamName }: Patient,
  role: Role | undefined,
): Promise<StreamReport | undefined> {
  try {
    return await jsApiRequest<StreamReport>(connection, `STREAM.INFO.${streamName}`);
  } catch (error) {
    const code = isJobEventError(error) ? error.code : undefined;
    if (code === "ERR_NOT_FOUND") {
      findings.problem(
        "stream",
        `There is no stream ${streamName}`,
        "The first program that opens the storage makes it; or name another --stream",
      );
    } else if (code === "ERR_PERMISSION" && role === "emitter") {
      findings.ok("stream", "An emitter does not see the stream, and need not");
    } else {
      findings.problem("stream", errorLine(error));
    }
    return undefined;
  }
}

async function checkLetters(
  findings: Findings,
  { connection, streamName }: Patient,
): Promise<void> {
  try {
    const { state } = await jsApiRequest<StreamReport>(
      connection,
      `STREAM.INFO.${streamName}_DEAD`,
    );
    if (state.messages === 0) return;
    findings.warning(
      "dead letters",
      `Groups gave up on ${counted(state.messages, "event")}`,
      '"dead-letters list" shows why, "dead-letters replay" tries again',
    );
  } catch {
    // There are none, or this user may not see them.
  }
}
