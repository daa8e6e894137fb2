/** Charts over time, by uPlot. */

import type { VNode } from "preact";
import { useEffect, useRef, useState } from "preact/hooks";
import uPlot from "uplot";

/** One line or row of bars. */
export interface ChartSeries {
  readonly label: string;
  /** The name of a colour in the style sheet. */
  readonly color: string;
  readonly kind: "bars" | "line";
  readonly values: readonly (number | null)[];
  readonly format: (value: number | null) => string;
}

/** Renders again when the colours change between dark and light. */
function useScheme(): boolean {
  const query = matchMedia("(prefers-color-scheme: dark)");
  const [isDark, setDark] = useState(query.matches);
  useEffect(() => {
    const change = () => setDark(query.matches);
    query.addEventListener("change", change);
    return () => query.removeEventListener("change", change);
  }, []);
  return isDark;
}

/** A colour of the style sheet as a canvas takes it. */
function color(element: HTMLElement, name: string): string {
  element.style.color = `var(--${name})`;
  const value = getComputedStyle(element).color;
  element.style.color = "";
  return value;
}

function options(element: HTMLElement, series: readonly ChartSeries[]): uPlot.Options {
  const axis: uPlot.Axis = {
    stroke: color(element, "quiet"),
    grid: { stroke: color(element, "line"), width: 1 },
    ticks: { show: false },
    font: `11px ${getComputedStyle(element).fontFamily}`,
  };
  const format = series[0]?.format ?? String;
  return {
    width: element.clientWidth,
    height: 190,
    padding: [10, 8, 0, 0],
    cursor: { points: { size: 6 }, y: false, drag: { x: false, y: false } },
    legend: { live: true },
    axes: [
      { ...axis, grid: { show: false }, size: 26, values: "{HH}:{mm}", space: 70 },
      { ...axis, size: 64, space: 34, values: (_, ticks) => ticks.map((tick) => format(tick)) },
    ],
    scales: { y: { range: (_, _least, most) => [0, Math.max(most * 1.1, 1)] } },
    series: [
      { label: " ", value: (_, at) => at === null ? "" : new Date(at * 1000).toLocaleTimeString() },
      ...series.map((one): uPlot.Series => ({
        label: one.label,
        stroke: color(element, one.color),
        width: one.kind === "bars" ? 0 : 1.75,
        ...(one.kind === "bars"
          ? {
            fill: color(element, one.color),
            paths: uPlot.paths.bars!({ size: [0.78, 14], radius: 0.2 }),
          }
          : { spanGaps: true }),
        points: { show: false },
        value: (_, value) => one.format(value),
      })),
    ],
  };
}

/** A chart; `times` are seconds since the Unix epoch. */
export function Chart(props: {
  readonly label: string;
  readonly times: readonly number[];
  readonly series: readonly ChartSeries[];
}): VNode {
  const { label, times, series } = props;
  const frame = useRef<HTMLDivElement>(null);
  const plot = useRef<uPlot>(null);
  const isDark = useScheme();
  const data = [times, ...series.map((one) => one.values)] as uPlot.AlignedData;
  useEffect(() => {
    const element = frame.current!;
    const made = new uPlot(options(element, series), data, element);
    plot.current = made;
    const observer = new ResizeObserver(() =>
      made.setSize({ width: element.clientWidth, height: 190 })
    );
    observer.observe(element);
    return () => {
      observer.disconnect();
      made.destroy();
      plot.current = null;
    };
  }, [isDark]);
  useEffect(() => plot.current?.setData(data), [props.times, props.series]);
  return <div class="chart" ref={frame} role="img" aria-label={label} />;
}
