/** The metrics in the text format of Prometheus. */

import type { DurationSummary, JobCounts, JobMetricsSnapshot } from "./snapshot.ts";

type Labels = Readonly<Record<string, string>>;
type Sample = readonly [labels: Labels, value: number];

/**
 * Prints a snapshot.
 *
 * @see https://prometheus.io/docs/instrumenting/exposition_formats/
 */
export function prometheusText(snapshot: JobMetricsSnapshot): string {
  const lines: string[] = [];
  const metric = (name: string, type: string, help: string, samples: readonly Sample[]) => {
    lines.push(`# HELP ${name} ${help}`, `# TYPE ${name} ${type}`);
    for (const [labels, value] of samples) lines.push(sampleLine(name, labels, value));
  };
  const summary = (name: string, help: string, durations: readonly [Labels, DurationSummary][]) => {
    lines.push(`# HELP ${name} ${help}`, `# TYPE ${name} summary`);
    for (const [labels, values] of durations) lines.push(...summaryLines(name, labels, values));
  };
  metric("naq_job_events_total", "counter", "Events by type.", counts("type", snapshot.byType));
  metric("naq_jobs_in_flight", "gauge", "Runs that began and have not ended.", [
    [{}, snapshot.inFlight],
  ]);
  metric(
    "naq_job_errors_total",
    "counter",
    "Failures by error type.",
    counts("error_type", snapshot.byErrorType),
  );
  for (
    const [label, groups] of [["queue", snapshot.byQueue], ["worker", snapshot.byWorker]] as const
  ) {
    metric(
      `naq_${label}_job_runs_total`,
      "counter",
      `Runs by ${label} and outcome.`,
      outcomes(label, groups),
    );
    summary(
      `naq_${label}_job_duration_seconds`,
      `Duration of runs by ${label}.`,
      Object.entries(groups).map(([name, group]) => [{ [label]: name }, group.durations]),
    );
  }
  summary("naq_job_duration_seconds", "Duration of runs.", [[{}, snapshot.durations]]);
  summary("naq_job_wait_seconds", "Time from enqueued to started.", [[{}, snapshot.waitTimes]]);
  return lines.join("\n") + "\n";
}

function counts(label: string, values: Readonly<Record<string, number>>): Sample[] {
  return Object.entries(values).map(([name, value]) => [{ [label]: name }, value]);
}

function outcomes(label: string, groups: Readonly<Record<string, JobCounts>>): Sample[] {
  return Object.entries(groups).flatMap(([name, group]): Sample[] => [
    [{ [label]: name, outcome: "completed" }, group.completed],
    [{ [label]: name, outcome: "failed" }, group.failed],
  ]);
}

function summaryLines(name: string, labels: Labels, values: DurationSummary): string[] {
  return [
    sampleLine(name, { ...labels, quantile: "0.5" }, values.p50Ms / 1000),
    sampleLine(name, { ...labels, quantile: "0.95" }, values.p95Ms / 1000),
    sampleLine(name, { ...labels, quantile: "0.99" }, values.p99Ms / 1000),
    sampleLine(`${name}_sum`, labels, values.sumMs / 1000),
    sampleLine(`${name}_count`, labels, values.count),
  ];
}

function sampleLine(name: string, labels: Labels, value: number): string {
  const pairs = Object.entries(labels).map(([key, text]) => `${key}="${escapeLabel(text)}"`);
  return `${name}${pairs.length === 0 ? "" : `{${pairs.join(",")}}`} ${value}`;
}

function escapeLabel(text: string): string {
  return text.replaceAll("\\", "\\\\").replaceAll('"', '\\"').replaceAll("\n", "\\n");
}
