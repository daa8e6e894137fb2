import assert from "node:assert/strict";
import { describe, it } from "node:test";
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
  });
});

describe("JobMetrics.toPrometheus()", () => {
  it("prints every line in the text format, with labels escaped", () => {
    const metrics = new JobMetrics();
    metrics.observe(JobEvent.completed("a", "w", 1500, { queueName: 'q"\\\n' }));
    const text = metrics.toPrometheus();
    const sample = /^[a-z_]+(\{(?:,?[a-z_]+="(?:[^"\\\n]|\\["\\n])*")+\})? [\d.e+-]+$/;
    for (const line of text.trimEnd().split("\n")) {
      if (!/^# (HELP|TYPE) [a-z_]+ \S/.test(line)) assert.match(line, sample);
    }
    assert.ok(text.includes('naq_job_events_total{type="completed"} 1\n'));
    assert.ok(
      text.includes('naq_queue_job_runs_total{queue="q\\"\\\\\\n",outcome="completed"} 1\n'),
    );
    assert.ok(text.includes("naq_job_duration_seconds_sum 1.5\n"));
    assert.ok(text.includes("naq_job_duration_seconds_count 1\n"));
    assert.ok(text.endsWith("\n"));
  });
});
