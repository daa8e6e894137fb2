/** Everything that the pages count, folded from events as they come. */

import type { StoredJobEvent } from "../gen/types.ts";
import { LabelMap } from "../metrics/bounded_map.ts";
import { PHASES } from "../metrics/counter.ts";
import { JobMetrics } from "../metrics/metrics.ts";
import type { JobCounts } from "../metrics/snapshot.ts";
import { Failures } from "./failures.ts";
import { Series } from "./series.ts";
import type {
  FailuresMessage,
  GroupRow,
  LiveStatus,
  OverviewMessage,
  SearchHit,
  SeriesPart,
} from "./wire.ts";

const MAX_GROUPS_SHOWN = 100;
const MAX_LABELS = 1000;
const MAX_HITS = 5;

/** A chart by second and a chart by minute. */
const FINE = { stepSeconds: 1, length: 600 };
const COARSE = { stepSeconds: 60, length: 24 * 60 };
/** How many of their last steps may have changed since the last message. */
const CHANGED_FINE = 10;
const CHANGED_COARSE = 3;

/** How far the clocks of workers may be ahead, in seconds. */
const MAX_AHEAD_SECONDS = 300;

/** Counts events. Its memory is bounded. */
export class Fold {
  readonly #metrics = new JobMetrics({ maxLabels: MAX_LABELS });
  readonly #failures = new Failures();
  readonly #fine = new Series(FINE.stepSeconds, FINE.length);
  readonly #coarse = new Series(COARSE.stepSeconds, COARSE.length);
  readonly #queues = new LabelMap(MAX_LABELS, () => ({ lastSeen: 0 }));
  readonly #workers = new LabelMap(MAX_LABELS, () => ({ lastSeen: 0 }));

  /** Counts an event. */
  observe(event: StoredJobEvent): void {
    this.#metrics.observe(event);
    const { eventType, timestamp, durationMs, workerId, queueName } = event;
    if (workerId !== undefined) see(this.#workers.get(workerId), timestamp);
    if (queueName !== undefined) see(this.#queues.get(queueName), timestamp);
    const phase = PHASES[eventType];
    if (phase === "failed") this.#failures.add(event);
    if (phase !== "started" && phase !== "completed" && phase !== "failed") return;
    if (timestamp > Date.now() / 1000 + MAX_AHEAD_SECONDS) return;
    const duration = phase === "started" ? undefined : durationMs;
    this.#fine.add(timestamp, phase, duration);
    this.#coarse.add(timestamp, phase, duration);
  }

  /** The first page. */
  overview(status: LiveStatus, isFirst: boolean): OverviewMessage {
    const now = Date.now() / 1000;
    const all = this.#metrics.snapshot({ now });
    const queues = rows(all.byQueue, this.#queues);
    const workers = rows(all.byWorker, this.#workers);
    return {
      status,
      now,
      started: all.started,
      completed: all.completed,
      failed: all.failed,
      retries: all.retries,
      inFlight: all.inFlight,
      durations: all.durations,
      waitTimes: all.waitTimes,
      rates: all.rates,
      startedRates: all.startedRates,
      completedRates: all.completedRates,
      failedRates: all.failedRates,
      queues: queues.slice(0, MAX_GROUPS_SHOWN),
      workers: workers.slice(0, MAX_GROUPS_SHOWN),
      queueCount: queues.length,
      workerCount: workers.length,
      series: this.#series(now, all.inFlight, isFirst),
    };
  }

  /** The page of failures. */
  failures(status: LiveStatus): FailuresMessage {
    const groups = this.#failures.list(MAX_GROUPS_SHOWN, Date.now() / 1000);
    return { status, groups, groupCount: this.#failures.size };
  }

  /** Queues, workers and errors whose name has a text in it. */
  search(text: string): SearchHit[] {
    const named = (kind: SearchHit["kind"], names: Iterable<string>): SearchHit[] =>
      [...names].filter((name) => name.toLowerCase().includes(text)).slice(0, MAX_HITS)
        .map((value) => ({ kind, value }));
    return [
      ...named("queue", Object.keys(this.#queues.toObject(() => 0))),
      ...named("worker", Object.keys(this.#workers.toObject(() => 0))),
      ...named("error", this.#failures.types()),
    ];
  }

  #series(now: number, inFlight: number, isFirst: boolean): SeriesPart[] {
    return [
      this.#fine.part(now, inFlight, isFirst ? FINE.length : CHANGED_FINE),
      this.#coarse.part(now, inFlight, isFirst ? COARSE.length : CHANGED_COARSE),
    ];
  }
}

function see(label: { lastSeen: number }, timestamp: number): void {
  label.lastSeen = Math.max(label.lastSeen, timestamp);
}

/** The busiest first, then by name. */
function rows(
  groups: Readonly<Record<string, JobCounts>>,
  seen: LabelMap<{ lastSeen: number }>,
): GroupRow[] {
  return Object.entries(groups)
    .map(([name, counts]): GroupRow => ({
      name,
      started: counts.started,
      completed: counts.completed,
      failed: counts.failed,
      retries: counts.retries,
      inFlight: counts.inFlight,
      p50Ms: counts.durations.p50Ms,
      p95Ms: counts.durations.p95Ms,
      waitP95Ms: counts.waitTimes.p95Ms,
      lastSeen: seen.get(name).lastSeen,
    }))
    .sort((left, right) => right.started - left.started || (left.name < right.name ? -1 : 1));
}
