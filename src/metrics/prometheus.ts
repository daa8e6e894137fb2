/** The metrics in the text format of Prometheus. */

import type { DurationSummary, JobCounts, JobMetricsSnapshot } from "./snapshot.ts";

type Labels = Readonly<Record<string, string>>;
type Sample = readonly [labels: Labels, value: number];
type Group = readonly [labels: Labels, counts: JobCounts];

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
  const summary = (
    name: string,
    help: string,
    durations: readonly (readonly [Labels, DurationSummary])[],
  ) => {
    lines.push(`# HELP ${name} ${help}`, `# TYPE ${name} summary`);
    for (const [labels, values] of durations) lines.push(...summaryLines(name, labels, values));
  };
  const runs = (prefix: string, groups: readonly Group[]) => {
    const each = (value: (group: JobCounts) => number) =>
      groups.map(([labels, group]): Sample => [labels, value(group)]);
    const started = each((group) => group.started);
    metric(`${prefix}_job_starts_total`, "counter", "Runs that began.", started);
    const ended = groups.flatMap(([labels, group]): Sample[] => [
      [{ ...labels, outcome: "completed" }, group.completed],
      [{ ...labels, outcome: "failed" }, group.failed],
    ]);
    metric(`${prefix}_job_runs_total`, "counter", "Runs that ended, by outcome.", ended);
    const retries = each((group) => group.retries);
    metric(`${prefix}_job_retries_total`, "counter", "Retries that were planned.", retries);
    const inFlight = each((group) => group.inFlight);
    metric(`${prefix}_jobs_in_flight`, "gauge", "Runs that began and have not ended.", inFlight);
    const durations = groups.map(([labels, group]) => [labels, group.durations] as const);
    summary(`${prefix}_job_duration_seconds`, "Duration of runs, as they said.", durations);
    const waits = groups.map(([labels, group]) => [labels, group.waitTimes] as const);
    summary(`${prefix}_job_wait_seconds`, "Time from enqueued to started.", waits);
  };
  metric("naq_job_events_total", "counter", "Events by type.", counts("type", snapshot.byType));
  metric(
    "naq_job_errors_total",
    "counter",
    "Failures by error type.",
    counts("error_type", snapshot.byErrorType),
  );
  runs("naq", [[{}, snapshot]]);
  summary("naq_job_run_seconds", "Time from started to finished.", [[{}, snapshot.runTimes]]);
  metric("naq_job_events_per_second", "gauge", "Rates by kind and window.", rates(snapshot));
  runs("naq_queue", labelled("queue", snapshot.byQueue));
  runs("naq_worker", labelled("worker", snapshot.byWorker));
  return lines.join("\n") + "\n";
}

function counts(label: string, values: Readonly<Record<string, number>>): Sample[] {
  return Object.entries(values).map(([name, value]) => [{ [label]: name }, value]);
}

function labelled(label: string, groups: Readonly<Record<string, JobCounts>>): Group[] {
  return Object.entries(groups).map(([name, group]) => [{ [label]: name }, group]);
}

function rates(snapshot: JobMetricsSnapshot): Sample[] {
  const kinds = {
    all: snapshot.rates,
    started: snapshot.startedRates,
    completed: snapshot.completedRates,
    failed: snapshot.failedRates,
  };
  return Object.entries(kinds).flatMap(([kind, values]): Sample[] => [
    [{ kind, window: "1m" }, values.oneMinute],
    [{ kind, window: "5m" }, values.fiveMinutes],
    [{ kind, window: "15m" }, values.fifteenMinutes],
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
