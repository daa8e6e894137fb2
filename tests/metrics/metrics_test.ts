import assert from "node:assert/strict";
import { describe, it } from "node:test";
import parsePrometheus from "parse-prometheus-text-format";
import { JobEvent } from "../../src/gen/factories.ts";
import { OTHER_KEY } from "../../src/metrics/bounded_map.ts";
import { JobMetrics } from "../../src/metrics/metrics.ts";

describe("JobMetrics.snapshot()", () => {
  it("is all zero, and JSON, before the first event", () => {
    const snapshot = new JobMetrics().snapshot();
    assert.deepEqual(JSON.parse(JSON.stringify(snapshot)), snapshot);
    assert.equal(snapshot.events, 0);
    assert.equal(snapshot.firstTimestamp, 0);
    assert.deepEqual(snapshot.rates, { oneMinute: 0, fiveMinutes: 0, fifteenMinutes: 0 });
  });

  it("counts runs by queue and worker, also where only the first event names the queue", () => {
    const metrics = new JobMetrics();
    metrics.observe(JobEvent.enqueued("a", "mail", { timestamp: 100 }));
    metrics.observe(JobEvent.started("a", "w1", "async", { timestamp: 101 }));
    metrics.observe(JobEvent.failed("a", "w1", new TypeError("no"), 500, { timestamp: 101.5 }));
    metrics.observe(JobEvent.retryScheduled("a", 1, 100, { timestamp: 101.5 }));
    metrics.observe(JobEvent.retryStarted("a", "w2", 1, { timestamp: 102 }));
    metrics.observe(JobEvent.completed("a", "w2", 250, { timestamp: 102.25 }));
    metrics.observe(JobEvent.started("b", "w1", "async", { timestamp: 103 }));
    const { byQueue, byWorker, byType, byErrorType, ...all } = metrics.snapshot();
    const short = ({ started, completed, failed, retries }: typeof all | typeof byQueue[string]) =>
      [started, completed, failed, retries].join(" ");
    assert.equal(short(all), "3 1 1 1");
    assert.equal(short(byQueue["mail"]!), "2 1 1 1");
    assert.equal(short(byWorker["w1"]!), "2 0 1 0");
    assert.equal(short(byWorker["w2"]!), "1 1 0 0");
    assert.equal(all.inFlight, 1);
    assert.deepEqual(byErrorType, { TypeError: 1 });
    assert.equal(byType["started"], 2);
    assert.equal(all.events, 7);
    assert.equal(all.firstTimestamp, 100);
    assert.equal(all.lastTimestamp, 103);
    assert.equal(all.waitTimes.count, 1);
    assert.equal(Math.round(all.waitTimes.maxMs), 1000);
    assert.deepEqual([all.runTimes.count, Math.round(all.runTimes.sumMs)], [2, 750]);
    assert.deepEqual([all.durations.count, all.durations.sumMs], [2, 750]);
  });

  it("gives quantiles within 1%", () => {
    const metrics = new JobMetrics();
    for (let ms = 1; ms <= 10_000; ms++) metrics.observe(JobEvent.completed(`j${ms}`, "w", ms));
    const { p50Ms, p95Ms, p99Ms, minMs, maxMs } = metrics.snapshot().durations;
    for (const [value, exact] of [[p50Ms, 5000], [p95Ms, 9500], [p99Ms, 9900]] as const) {
      assert.ok(Math.abs(value / exact - 1) < 0.011, `${value} is not ${exact}`);
    }
    assert.deepEqual([minMs, maxMs], [1, 10_000]);
  });

  it("gives exact quantiles of few values", () => {
    const metrics = new JobMetrics();
    const quantiles = (): number[] => {
      const { p50Ms, p95Ms, p99Ms, minMs, maxMs } = metrics.snapshot().durations;
      return [p50Ms, p95Ms, p99Ms, minMs, maxMs];
    };
    metrics.observe(JobEvent.completed("a", "w", 1000));
    metrics.observe(JobEvent.completed("b", "w", 10));
    assert.deepEqual(quantiles(), [10, 1000, 1000, 10, 1000]);
    for (let ms = 1; ms <= 98; ms++) metrics.observe(JobEvent.completed("c", "w", 10 + ms));
    assert.deepEqual(quantiles(), [59, 104, 108, 10, 1000]);
    const { count, sumMs } = metrics.snapshot().durations;
    assert.deepEqual([count, sumMs], [100, 1010 + 980 + 99 * 49]);
  });

  it("gives quantiles within 1% also over a wide range", () => {
    const metrics = new JobMetrics();
    for (let n = 0; n < 1000; n++) {
      metrics.observe(JobEvent.completed("a", "w", n < 600 ? 0.001 : 3_600_000));
    }
    const { p50Ms, p95Ms, count, sumMs } = metrics.snapshot().durations;
    assert.ok(Math.abs(p50Ms / 0.001 - 1) < 0.011, `${p50Ms}`);
    assert.ok(Math.abs(p95Ms / 3_600_000 - 1) < 0.011, `${p95Ms}`);
    assert.deepEqual([count, Math.round(sumMs)], [1000, 400 * 3_600_000 + 1]);
  });

  it("counts a failure once by its error type, whatever names it again", () => {
    const metrics = new JobMetrics();
    metrics.observe(JobEvent.failed("a", "w", new TypeError("no"), 1));
    metrics.observe(JobEvent.retryScheduled("a", 1, 10, { errorType: "TypeError" }));
    metrics.observe(JobEvent.maxRetriesExceeded("a", 1, { errorType: "TypeError" }));
    assert.deepEqual(metrics.snapshot().byErrorType, { TypeError: 1 });
  });

  it("takes nothing for a wait once the job was cancelled", () => {
    const metrics = new JobMetrics();
    metrics.observe(JobEvent.enqueued("a", "q", { timestamp: 100 }));
    metrics.observe(JobEvent.cancelled("a", { timestamp: 101 }));
    metrics.observe(JobEvent.retryStarted("a", "w", 1, { timestamp: 200 }));
    assert.equal(metrics.snapshot().waitTimes.count, 0);
  });

  it("gives a steady rate at any moment, and after a timestamp of the far future", () => {
    const metrics = new JobMetrics();
    const observe = (tenth: number): void =>
      metrics.observe(JobEvent.cancelled("a", { timestamp: 1.7e9 + tenth / 10 }));
    for (let tenth = 0; tenth < 12_000; tenth++) observe(tenth);
    metrics.observe(JobEvent.cancelled("a", { timestamp: 9e10 }));
    for (let tenth = 12_000; tenth < 12_200; tenth++) {
      observe(tenth);
      const { rates } = metrics.snapshot();
      for (const rate of Object.values(rates)) assert.ok(Math.abs(rate / 10 - 1) < 0.03, `${rate}`);
    }
    assert.equal(metrics.snapshot().lastTimestamp, 9e10);
  });

  it("takes a time that runs backwards for none", () => {
    const metrics = new JobMetrics();
    metrics.observe(JobEvent.enqueued("a", "q", { timestamp: 10 }));
    metrics.observe(JobEvent.started("a", "w", "async", { timestamp: 9 }));
    assert.equal(metrics.snapshot().waitTimes.maxMs, 0);
  });

  it("gives rates over the windows, by the events' own times", () => {
    const metrics = new JobMetrics();
    for (let second = 0; second < 1800; second++) {
      const perSecond = second < 1740 ? 1 : 4;
      for (let n = 0; n < perSecond; n++) {
        metrics.observe(JobEvent.cancelled("a", { timestamp: 1e9 + second }));
      }
    }
    const { oneMinute, fiveMinutes, fifteenMinutes } = metrics.snapshot().rates;
    assert.equal(Math.round(oneMinute), 4);
    assert.equal(fiveMinutes.toFixed(1), "1.6");
    assert.equal(fifteenMinutes.toFixed(1), "1.2");
  });

  it("stays bounded: labels beyond the limit share one entry, old jobs are forgotten", () => {
    const metrics = new JobMetrics({ maxLabels: 10, maxTrackedJobs: 100 });
    for (let n = 0; n < 1000; n++) {
      metrics.observe(JobEvent.enqueued(`job-${n}`, `queue-${n}`));
      metrics.observe(JobEvent.started(`job-${n}`, `worker-${n}`, "async"));
    }
    const { byQueue, byWorker, inFlight } = metrics.snapshot();
    assert.equal(Object.keys(byQueue).length, 11);
    assert.equal(Object.keys(byWorker).length, 11);
    assert.equal(byWorker[OTHER_KEY]!.started, 990);
    assert.equal(inFlight, 100);
    const shared = [byQueue, byWorker].map((groups) => groups[OTHER_KEY]!.inFlight);
    assert.deepEqual(shared, [100, 100]);
  });

  it("cuts what is no id and can be of any length", () => {
    const metrics = new JobMetrics();
    metrics.observe(
      JobEvent.create({ jobId: "a", eventType: "failed", errorType: "E".repeat(9e5) }),
    );
    assert.deepEqual(metrics.snapshot().byErrorType, { ["E".repeat(255)]: 1 });
  });

  it("knows what is in flight, by queue and by worker, whatever the end does not say", () => {
    const metrics = new JobMetrics();
    const inFlight = (): number[] => {
      const { inFlight, byQueue, byWorker } = metrics.snapshot();
      const queues = [byQueue["q"], byQueue["r"]].map((group) => group?.inFlight ?? -1);
      return [inFlight, ...queues, byWorker["w"]?.inFlight ?? -1];
    };
    for (const [job, queueName] of [["a", "q"], ["b", "q"], ["c", "r"]] as const) {
      metrics.observe(JobEvent.enqueued(job, queueName));
      metrics.observe(JobEvent.started(job, "w", "async"));
    }
    assert.deepEqual(inFlight(), [3, 2, 1, 3]);
    metrics.observe(JobEvent.started("a", "w", "async"));
    assert.deepEqual(inFlight(), [3, 2, 1, 3]);
    metrics.observe(JobEvent.create({ jobId: "a", eventType: "timeout" }));
    metrics.observe(JobEvent.cancelled("c"));
    assert.deepEqual(inFlight(), [1, 1, 0, 1]);
    metrics.observe(JobEvent.completed("b", "w", 1));
    metrics.observe(JobEvent.completed("b", "w", 1));
    assert.deepEqual(inFlight(), [0, 0, 0, 0]);
  });

  it("measures the time in each queue", () => {
    const metrics = new JobMetrics();
    for (const [queueName, wait] of [["fast", 1], ["slow", 60]] as const) {
      metrics.observe(JobEvent.enqueued(queueName, queueName, { timestamp: 100 }));
      metrics.observe(JobEvent.started(queueName, "w", "async", { timestamp: 100 + wait }));
    }
    const { byQueue, waitTimes } = metrics.snapshot();
    assert.equal(byQueue["fast"]!.waitTimes.maxMs, 1000);
    assert.equal(byQueue["slow"]!.waitTimes.maxMs, 60_000);
    assert.deepEqual([waitTimes.count, waitTimes.maxMs], [2, 60_000]);
  });

  it("lets the rates fall with `now`", () => {
    const metrics = new JobMetrics();
    for (let second = 0; second < 1200; second++) {
      metrics.observe(JobEvent.started(`${second}`, "w", "async", { timestamp: 1e9 + second }));
      metrics.observe(JobEvent.completed(`${second}`, "w", 1, { timestamp: 1e9 + second }));
    }
    const at = (now: number): string => {
      const { rates, startedRates, completedRates, failedRates } = metrics.snapshot({ now });
      assert.deepEqual(startedRates, completedRates);
      assert.equal(failedRates.fifteenMinutes, 0);
      const { oneMinute, fiveMinutes, fifteenMinutes } = rates;
      return [oneMinute, fiveMinutes, fifteenMinutes].map((rate) => rate.toFixed(1)).join(" ");
    };
    assert.equal(at(1e9 + 1200), "2.0 2.0 2.0");
    assert.equal(at(1e9 + 1200 + 150), "0.0 1.0 1.7");
    assert.equal(at(1e9 + 1200 + 450), "0.0 0.0 1.0");
    assert.equal(at(1e9 + 1200 + 9000), "0.0 0.0 0.0");
  });

  it("refuses bounds that are no bounds", () => {
    assert.throws(() => new JobMetrics({ maxLabels: 0 }), RangeError);
    assert.throws(() => new JobMetrics({ maxTrackedJobs: NaN }), RangeError);
  });
});

interface ParsedMetric {
  readonly value?: string;
  readonly count?: string;
  readonly sum?: string;
  readonly labels?: Readonly<Record<string, string>>;
  readonly quantiles?: Readonly<Record<string, string>>;
}

interface ParsedFamily {
  readonly name: string;
  readonly help: string;
  readonly type: string;
  readonly metrics: readonly ParsedMetric[];
}

describe("JobMetrics.toPrometheus()", () => {
  const metrics = new JobMetrics();
  const names = ['q"\\\n', "{a=1}", "ü"];
  for (const [index, queueName] of names.entries()) {
    metrics.observe(JobEvent.enqueued(`${index}`, queueName, { timestamp: 10 }));
    metrics.observe(JobEvent.started(`${index}`, "w", "async", { timestamp: 11 }));
    metrics.observe(JobEvent.completed(`${index}`, "w", 1500, { timestamp: 12.5 }));
  }
  metrics.observe(JobEvent.failed("f", "w", new TypeError("no"), 1, { timestamp: 12 }));
  metrics.observe(JobEvent.retryScheduled("f", 1, 100, { timestamp: 12 }));
  const text = metrics.toPrometheus();

  it("prints every line in the text format, each family once and not scattered", () => {
    const sample = /^([a-z_]+)(\{(?:,?[a-z_]+="(?:[^"\\\n]|\\["\\n])*")+\})? [\d.e+-]+$/;
    const families = new Set<string>();
    const samples = new Set<string>();
    let family = "";
    for (const line of text.trimEnd().split("\n")) {
      const help = /^# HELP ([a-z_]+) \S/.exec(line);
      if (help !== null) {
        family = help[1]!;
        assert.ok(!families.has(family), family);
        families.add(family);
      } else if (!new RegExp(`^# TYPE ${family} (counter|gauge|summary)$`).test(line)) {
        assert.match(line, sample);
        assert.ok(line.startsWith(family), line);
        const name = line.slice(0, line.lastIndexOf(" "));
        assert.ok(!samples.has(name), name);
        samples.add(name);
      }
    }
    assert.ok(text.endsWith("\n"));
  });

  it("is read back by a parser of the format", () => {
    const families = new Map(
      (parsePrometheus(text) as readonly ParsedFamily[]).map((family) => [family.name, family]),
    );
    const value = (family: string, labels: Readonly<Record<string, string>> = {}) => {
      const same = (metric: ParsedMetric): boolean =>
        JSON.stringify(metric.labels ?? {}) === JSON.stringify(labels);
      return Number(families.get(family)?.metrics.find(same)?.value);
    };
    for (const { name, type, help } of families.values()) {
      assert.ok(["COUNTER", "GAUGE", "SUMMARY"].includes(type), name);
      assert.equal(name.endsWith("_total"), type === "COUNTER", name);
      assert.match(help, /^[A-Z].*\.$/, name);
    }
    assert.equal(value("naq_job_events_total", { type: "completed" }), 3);
    assert.equal(value("naq_job_errors_total", { error_type: "TypeError" }), 1);
    assert.equal(value("naq_job_starts_total"), 3);
    assert.equal(value("naq_job_retries_total"), 1);
    assert.equal(value("naq_jobs_in_flight"), 0);
    assert.equal(value("naq_job_runs_total", { outcome: "completed" }), 3);
    assert.equal(value("naq_worker_job_runs_total", { worker: "w", outcome: "failed" }), 1);
    assert.ok(value("naq_job_events_per_second", { kind: "completed", window: "5m" }) > 0);
    const durations = families.get("naq_job_duration_seconds")?.metrics[0];
    assert.deepEqual([durations?.count, durations?.sum], ["4", "4.501"]);
    assert.deepEqual(Object.keys(durations?.quantiles ?? {}), ["0.5", "0.95", "0.99"]);
    // The parser makes one of all summaries of a family, so the labels are looked at elsewhere.
    const queues = families.get("naq_queue_job_starts_total")?.metrics;
    assert.deepEqual(queues?.map(({ labels }) => labels?.["queue"]), names);
    assert.ok(text.includes('naq_queue_job_wait_seconds_sum{queue="{a=1}"} 1\n'));
    assert.equal(families.get("naq_job_run_seconds")?.metrics[0]?.sum, "4.5");
  });
});
