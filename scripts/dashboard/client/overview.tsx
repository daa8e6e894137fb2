/** The first page: what goes on. */

import type { VNode } from "preact";
import { useMemo, useState } from "preact/hooks";
import type { GroupRow, OverviewMessage, SeriesPart } from "../../../src/dashboard/wire.ts";
import { Chart } from "./chart.tsx";
import { compact, count, duration, percent, rate } from "./format.ts";
import { useLive } from "./live.ts";
import { Ago, Card, Counted, Empty, Loading, PageHead, Spark } from "./parts.tsx";
import { address, Link } from "./router.tsx";

/** What a chart shows: the finest steps put together, so that one is a few pixels wide. */
const RANGES = [
  { name: "10 min", part: 0, group: 5, steps: 120 },
  { name: "1 h", part: 1, group: 1, steps: 60 },
  { name: "24 h", part: 1, group: 15, steps: 96 },
] as const;

const KEYS = ["started", "completed", "failed", "inFlight", "p50Ms", "p95Ms"] as const;

/** Puts the steps that changed in the place of those that were there. */
export function mergePart(before: SeriesPart | undefined, news: SeriesPart): SeriesPart {
  if (before === undefined || before.from >= news.from) return news;
  const keep = Math.round((news.from - before.from) / news.stepSeconds);
  // After a pause there may be steps in between that nobody knows.
  if (keep > before.started.length) return news;
  const merged = KEYS.map((key) => [key, [...before[key].slice(0, keep), ...news[key]]]);
  return { ...news, from: before.from, ...Object.fromEntries(merged) };
}

function merge(before: OverviewMessage | undefined, news: OverviewMessage): OverviewMessage {
  const series = news.series.map((part, index) => {
    const merged = mergePart(before?.series[index], part);
    const most = index === 0 ? 600 : 1440;
    const extra = merged.started.length - most;
    if (extra <= 0) return merged;
    const cut = KEYS.map((key) => [key, merged[key].slice(extra)]);
    const from = merged.from + extra * merged.stepSeconds;
    return { ...merged, from, ...Object.fromEntries(cut) };
  });
  return { ...news, series };
}

/** The last steps of a part, some put together: sums, or the middle or highest of the quantiles. */
function resample(part: SeriesPart, group: number, steps: number) {
  const size = part.stepSeconds * group;
  const end = part.from + part.started.length * part.stepSeconds;
  const first = (Math.floor((end - 1) / size) - steps + 1) * size;
  const times = Array.from({ length: steps }, (_, index) => first + index * size);
  const of = (key: typeof KEYS[number], fold: (values: number[]) => number | null) =>
    times.map((time) => {
      const at = Math.round((time - part.from) / part.stepSeconds);
      const values = part[key].slice(Math.max(at, 0), Math.max(at + group, 0));
      return fold(values.filter((value) => value !== null));
    });
  const perSecond = (values: number[]) => values.reduce((left, right) => left + right, 0) / size;
  const highest = (values: number[]) => values.length === 0 ? null : Math.max(...values);
  const middle = (values: number[]) => values.toSorted((a, b) => a - b)[values.length >> 1] ?? null;
  return {
    times,
    completed: of("completed", perSecond),
    failed: of("failed", perSecond),
    inFlight: of("inFlight", highest),
    p50: of("p50Ms", middle),
    p95: of("p95Ms", highest),
  };
}

function Charts({ series }: { readonly series: readonly SeriesPart[] }) {
  const [name, setName] = useState<typeof RANGES[number]["name"]>("10 min");
  const range = RANGES.find((range) => range.name === name)!;
  const part = series[range.part]!;
  const shown = useMemo(() => resample(part, range.group, range.steps), [part, range]);
  const runs = useMemo(() => [
    {
      label: "completed",
      color: "good-bar",
      kind: "bars" as const,
      // Behind the failed ones, which stand at the bottom.
      values: shown.completed.map((value, index) => (value ?? 0) + (shown.failed[index] ?? 0)),
      format: (value: number | null) => value === null ? "–" : rate(value),
    },
    {
      label: "failed",
      color: "bad-bar",
      kind: "bars" as const,
      values: shown.failed,
      format: (value: number | null) => value === null ? "–" : rate(value),
    },
  ], [shown]);
  const durations = useMemo(() => [
    { label: "p95", color: "warn", kind: "line" as const, values: shown.p95, format: duration },
    { label: "p50", color: "run", kind: "line" as const, values: shown.p50, format: duration },
  ], [shown]);
  const picker = (
    <div class="segments" role="group" aria-label="Range">
      {RANGES.map((range) => (
        <button
          key={range.name}
          type="button"
          aria-pressed={range.name === name}
          onClick={() => setName(range.name)}
        >
          {range.name}
        </button>
      ))}
    </div>
  );
  return (
    <div class="two">
      <Card title="Runs that ended" note={picker}>
        <Chart label="Runs that ended, a second" times={shown.times} series={runs} />
      </Card>
      <Card title="How long they took">
        <Chart label="Durations of runs" times={shown.times} series={durations} />
      </Card>
    </div>
  );
}

function Tile(props: {
  readonly label: string;
  readonly value: string;
  readonly note: string;
  readonly tone?: string;
  readonly values?: readonly (number | null)[];
}) {
  const { label, value, note, tone = "", values } = props;
  return (
    <div class={`tile ${tone}`}>
      <span class="label">{label}</span>
      <strong class="value">{value}</strong>
      <span class="note">{note}</span>
      {values !== undefined && <Spark values={values} tone={tone || "run"} label={label} />}
    </div>
  );
}

function Tiles({ overview }: { readonly overview: OverviewMessage }) {
  const { completed, failed, inFlight, durations, waitTimes } = overview;
  const { completedRates, failedRates, startedRates } = overview;
  const fine = overview.series[0]!;
  const spark = useMemo(() => resample(fine, 10, 30), [fine]);
  const ended = completedRates.oneMinute + failedRates.oneMinute;
  return (
    <div class="tiles">
      <Tile
        label="In flight"
        value={compact(inFlight)}
        note={`${rate(startedRates.oneMinute)} start`}
        values={spark.inFlight}
      />
      <Tile
        label="Completed"
        value={rate(completedRates.oneMinute)}
        note={`${count(completed)} in all`}
        tone="good"
        values={spark.completed}
      />
      <Tile
        label="Failed"
        value={percent(failedRates.oneMinute, ended)}
        note={`${count(failed)} in all`}
        tone={failedRates.oneMinute > 0 ? "bad" : ""}
        values={spark.failed}
      />
      <Tile
        label="Duration, p95"
        value={durations.count === 0 ? "–" : duration(durations.p95Ms)}
        note={durations.count === 0 ? "nothing ended" : `p50 ${duration(durations.p50Ms)}`}
        tone="warn"
        values={spark.p95}
      />
      <Tile
        label="Wait, p95"
        value={waitTimes.count === 0 ? "–" : duration(waitTimes.p95Ms)}
        note={waitTimes.count === 0 ? "nothing waited" : `p50 ${duration(waitTimes.p50Ms)}`}
      />
    </div>
  );
}

function Group(props: { readonly param: "queue" | "worker"; readonly row: GroupRow }) {
  const { param, row } = props;
  return (
    <tr>
      <td>
        <Link to={address("feed", { [param]: row.name })} class="id" title={row.name}>
          {row.name}
        </Link>
      </td>
      <td class="number">
        {row.inFlight === 0 && param === "worker"
          ? <span class="quiet">idle</span>
          : count(row.inFlight)}
      </td>
      <td class="number">{count(row.started)}</td>
      <td class={`number ${row.failed > 0 ? "bad-text" : "quiet"}`}>
        {count(row.failed)}
        <span class="share">
          {row.failed > 0 ? percent(row.failed, row.completed + row.failed) : ""}
        </span>
      </td>
      <td class="number">{row.p95Ms === 0 ? "–" : duration(row.p95Ms)}</td>
      <td class="number quiet wide-only">
        <Ago at={row.lastSeen} />
      </td>
    </tr>
  );
}

function Groups(props: {
  readonly title: string;
  readonly param: "queue" | "worker";
  readonly rows: readonly GroupRow[];
  readonly all: number;
}) {
  const { title, param, rows, all } = props;
  const more = all > rows.length ? `the ${rows.length} busiest of ${count(all)}` : count(all);
  const [sort, setSort] = useState<"started" | "inFlight" | "failed" | "p95Ms">("started");
  const sorted = rows.toSorted((left, right) => right[sort] - left[sort]);
  const head = (key: typeof sort, text: string) => {
    const choose = () => setSort(key);
    return (
      <th class="number" aria-sort={sort === key ? "descending" : undefined}>
        <button type="button" class="plain" onClick={choose}>{text}</button>
      </th>
    );
  };
  return (
    <Card title={title} note={more}>
      {rows.length === 0
        ? <Empty title={`No event has named a ${param} yet`} />
        : (
          <div class="scroll">
            <table class="grid">
              <thead>
                <tr>
                  <th>{param === "queue" ? "Queue" : "Worker"}</th>
                  {head("inFlight", "In flight")}
                  {head("started", "Started")}
                  {head("failed", "Failed")}
                  {head("p95Ms", "p95")}
                  <th class="number wide-only">Seen</th>
                </tr>
              </thead>
              <tbody>
                {sorted.map((row) => <Group key={row.name} param={param} row={row} />)}
              </tbody>
            </table>
          </div>
        )}
    </Card>
  );
}

/** The page. */
export function Overview(): VNode {
  const overview = useLive<OverviewMessage>("overview", merge);
  if (overview === undefined) {
    return (
      <>
        <PageHead title="Overview" />
        <Loading lines={8} />
      </>
    );
  }
  const { status, queues, workers, queueCount, workerCount, series } = overview;
  const isEmpty = status.events === 0 && status.state === "live";
  return (
    <>
      <PageHead title="Overview" note={<Counted status={status} />} />
      {isEmpty
        ? (
          <Card>
            <Empty title="Nothing has happened of late">
              Events show up here as they are stored. What is older is in the{" "}
              <Link to="feed">feed</Link>.
            </Empty>
          </Card>
        )
        : (
          <>
            <Tiles overview={overview} />
            <Charts series={series} />
            <div class="two">
              <Groups title="Queues" param="queue" rows={queues} all={queueCount} />
              <Groups title="Workers" param="worker" rows={workers} all={workerCount} />
            </div>
          </>
        )}
    </>
  );
}
