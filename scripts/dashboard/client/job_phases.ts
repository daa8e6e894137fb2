/** What a job did when, from its events. */

import type { EventDetail } from "../../../src/dashboard/wire.ts";

/** A stretch of a job's life, in seconds since the Unix epoch. */
export interface Phase {
  readonly kind: "waiting" | "running" | "completed" | "failed" | "cancelled" | "backoff";
  readonly from: number;
  readonly to: number;
  /** It still goes on. */
  readonly isOpen: boolean;
}

/** A job's life. */
export interface JobLife {
  readonly phases: readonly Phase[];
  /** What it is doing, or how it ended. */
  readonly state: string;
  readonly isOver: boolean;
  readonly from: number;
  readonly to: number;
  readonly runs: number;
}

const BEGINS_WAITING = new Set([
  "enqueued",
  "scheduled",
  "waiting_for_dependencies",
  "schedule_triggered",
]);
const BEGINS_RUN = new Set(["started", "retry_started"]);
const ENDS: Readonly<Record<string, Phase["kind"]>> = {
  completed: "completed",
  failed: "failed",
  timeout: "failed",
  cancelled: "cancelled",
  max_retries_exceeded: "failed",
  ttl_expired: "failed",
};

/** Reads the events of one job, oldest first. */
export function readLife(events: readonly EventDetail[], now: number): JobLife {
  const phases: Phase[] = [];
  let open: { kind: Phase["kind"]; from: number } | undefined;
  let state = "unknown";
  let runs = 0;
  const close = (at: number, kind?: Phase["kind"]) => {
    if (open === undefined) return;
    const to = Math.max(at, open.from);
    const shown = open.kind === "running" ? kind ?? "running" : open.kind;
    phases.push({ kind: shown, from: open.from, to, isOpen: false });
    open = undefined;
  };
  for (const event of events) {
    const { type, at, durationMs } = event;
    const end = ENDS[type];
    if (BEGINS_WAITING.has(type)) {
      if (open === undefined) open = { kind: "waiting", from: at };
      state = type === "enqueued" ? "waiting" : type;
    } else if (BEGINS_RUN.has(type)) {
      close(at);
      open = { kind: "running", from: at };
      state = "running";
      runs++;
    } else if (end !== undefined) {
      const isRun = type === "completed" || type === "failed" || type === "timeout";
      // Nobody said when the run began, but how long it took.
      if (open?.kind !== "running" && isRun && durationMs !== undefined) {
        close(at - durationMs / 1000);
        open = { kind: "running", from: at - durationMs / 1000 };
        runs++;
      }
      close(at, end);
      state = type;
    } else if (type === "retry_scheduled") {
      close(at);
      open = { kind: "backoff", from: at };
      state = "waiting for a retry";
    }
  }
  const times = events.map((event) => event.at);
  const isOver = open === undefined;
  const from = Math.min(...times, ...phases.map((phase) => phase.from));
  const to = isOver ? Math.max(...times) : Math.max(now, ...times);
  if (open !== undefined) phases.push({ ...open, to, isOpen: true });
  return { phases, state, isOver, from, to, runs };
}
