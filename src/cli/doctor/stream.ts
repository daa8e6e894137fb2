/** How a stream is set up, and whether it is about to lose something. */

import {
  covers,
  describeDifferences,
  streamDifferences,
  toStreamConfig,
} from "../../nats/stream_config.ts";
import { serverCapabilities } from "../../nats/capabilities.ts";
import type { StreamInfo } from "../../nats/stream.ts";
import { counted, duration, whole } from "../text.ts";
import type { Findings } from "./findings.ts";
import type { Patient } from "./rights.ts";

/** What the server says beyond what reads need. */
export interface StreamReport extends StreamInfo {
  /** The time of the server, from 2.10 on. */
  readonly ts?: string;
  readonly cluster?: {
    readonly name?: string;
    readonly leader?: string;
    readonly replicas?: readonly {
      readonly name: string;
      readonly current?: boolean;
      readonly offline?: boolean;
      readonly lag?: number;
    }[];
  };
}

const NANOS_PER_MS = 1e6;
const DAY_MS = 86_400_000;
/** Fuller than that, and somebody should know. */
const FULL = 0.8;
const MAX_SKEW_MS = 5000;

/** Looks at the settings. */
export function checkSettings(
  findings: Findings,
  { subjects, connection }: Patient,
  { config }: StreamReport,
): void {
  const check = "stream";
  if (config.mirror !== undefined) findings.problem(check, "It is a mirror: it takes no events");
  if (config.sealed === true) findings.problem(check, "It is sealed: it takes no events");
  if (!covers(config.subjects ?? [], subjects.all())) {
    findings.problem(
      check,
      `It does not take ${subjects.all()}, but ${config.subjects?.join(", ") ?? "nothing"}`,
      "Add the subject to the stream, or name another --stream or --subject-prefix",
    );
  }
  if (config.retention !== undefined && config.retention !== "limits") {
    findings.problem(
      check,
      `Its retention is "${config.retention}": events go as soon as somebody has dealt with them`,
      "Make a stream with the retention limits; it cannot be changed",
    );
  }
  if ((config.max_msgs_per_subject ?? -1) > 0) {
    findings.problem(
      check,
      `It keeps ${config.max_msgs_per_subject} messages a subject: histories have holes`,
      "Set max_msgs_per_subject to -1",
    );
  }
  if (config.discard === "new") {
    findings.warning(
      check,
      "It refuses new events when it is full, where the default lets the oldest go",
    );
  }
  if (config.storage === "memory") {
    findings.warning(check, "It is kept in memory: the end of the server loses everything");
  }
  if (config.deny_delete === true || config.deny_purge === true) {
    findings.warning(check, "It denies deletion: `delete`, `cleanup` and --erase cannot work");
  }
  const wanted = toStreamConfig(
    config.name,
    subjects.all(),
    {},
    serverCapabilities(connection.info),
  );
  const differences = streamDifferences(config, wanted);
  findings.ok(
    check,
    differences.length === 0
      ? `${config.name} has the default settings`
      : `${config.name}, beside the defaults: ${describeDifferences(differences)}`,
  );
}

/** Looks at replicas and at what the loss of a machine or of its power takes. */
export function checkDurability(findings: Findings, { config, cluster }: StreamReport): void {
  const check = "durability";
  const replicas = config.num_replicas ?? 1;
  const ownPower =
    "A power failure can take what a server acknowledged within its sync_interval, " +
    "2 minutes where nothing is set; servers do not say what they have set";
  if (replicas === 1) {
    findings.warning(
      check,
      "One replica: the loss of its machine or disk loses the events",
      "Three servers and replicas: 3",
    );
    findings.warning(
      check,
      ownPower,
      'sync_interval: "always" in jetstream { }, or three replicas on machines with power of ' +
        "their own",
    );
  } else {
    findings.ok(check, `${replicas} replicas: survives the loss of ${(replicas - 1) >> 1}`);
    findings.ok(check, `${ownPower}; replicas help as long as not all lose power at once`);
  }
  if (replicas === 2) {
    findings.warning(check, "Two replicas stop when one of them does", "Use three");
  }
  for (const { name, current, offline, lag = 0 } of cluster?.replicas ?? []) {
    if (offline === true) findings.problem(check, `The replica on ${name} is offline`);
    else if (current === false) {
      findings.problem(check, `The replica on ${name} is ${whole(lag)} operations behind`);
    }
  }
  if (cluster !== undefined && !cluster.leader) {
    findings.problem(check, "The stream has no leader: it takes no events and gives none");
  }
}

/** Looks at how much room is left, and at clocks. */
export function checkState(findings: Findings, report: StreamReport, nowMs: number): void {
  const { config, state, ts } = report;
  const check = "room";
  const limits = [
    ["events", state.messages, config.max_msgs ?? -1],
    ["bytes", state.bytes, config.max_bytes ?? -1],
  ] as const;
  const ageMs = state.messages === 0 ? 0 : nowMs - Date.parse(state.first_ts);
  const maxAgeMs = (config.max_age ?? 0) / NANOS_PER_MS;
  let isFull = false;
  for (const [what, used, limit] of limits) {
    if (limit <= 0 || used < limit * FULL) continue;
    isFull = true;
    findings.warning(
      check,
      `${Math.floor(used / limit * 100)}% of the ${whole(limit)} ${what} are used: the oldest ` +
        `events go after ${duration(ageMs)}` +
        (maxAgeMs === 0 ? "" : `, not after the ${duration(maxAgeMs)} of maxAgeMs`),
      `Raise ${what === "bytes" ? "maxBytes" : "maxMsgs"}, or lower maxAgeMs`,
    );
  }
  if (!isFull) {
    const kept = maxAgeMs === 0 ? "for ever" : `for ${duration(maxAgeMs)}`;
    findings.ok(check, `${counted(state.messages, "event")}; each is kept ${kept}`);
  }
  if (maxAgeMs > 0 && maxAgeMs < DAY_MS) {
    findings.warning(check, `Events are kept for ${duration(maxAgeMs)} only`);
  }
  const skewMs = ts === undefined ? 0 : nowMs - Date.parse(ts);
  if (Math.abs(skewMs) > MAX_SKEW_MS) {
    findings.warning(
      "clock",
      `This machine's clock is ${duration(Math.abs(skewMs))} ` +
        `${skewMs > 0 ? "ahead of" : "behind"} the server's`,
      "Rates and windows of time go by the clocks of those that emit: let them run NTP",
    );
  }
}
