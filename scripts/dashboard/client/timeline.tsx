/** A job's life, drawn to scale. */

import type { VNode } from "preact";
import { useState } from "preact/hooks";
import type { EventDetail } from "../../../src/dashboard/wire.ts";
import { duration, typeName } from "./format.ts";
import type { JobLife, Phase } from "./job_phases.ts";
import { toneOf } from "./parts.tsx";

const NAMES: Readonly<Record<Phase["kind"], string>> = {
  waiting: "waiting",
  running: "running",
  completed: "run, completed",
  failed: "run, failed",
  cancelled: "run, cancelled",
  backoff: "until the retry",
};

/** Round steps for the axis: about `count` of them. */
function ticks(length: number, count: number): number[] {
  if (length <= 0) return [0];
  const rough = length / count;
  const power = 10 ** Math.floor(Math.log10(rough));
  const minutes = [60, 120, 300, 600, 900, 1800, 3600, 7200, 21_600, 43_200, 86_400];
  const round = [1, 2, 5, 10].map((factor) => factor * power).find((step) => step >= rough)!;
  const step = rough < 30 ? round : minutes.find((minute) => minute >= rough) ?? round;
  // The last one would not have the room for its text.
  return Array.from({ length: Math.floor(length * 0.92 / step) + 1 }, (_, index) => index * step);
}

/** The drawing; a click on a stretch shows it alone. */
export function Timeline(props: {
  readonly life: JobLife;
  readonly events: readonly EventDetail[];
  readonly onPick: (seq: number) => void;
}): VNode {
  const { life, events, onPick } = props;
  const [zoom, setZoom] = useState<{ from: number; to: number }>();
  const { from, to } = zoom ?? life;
  const length = Math.max(to - from, 0.001);
  const place = (at: number) => (at - from) / length * 100;
  const percent = (value: number) => `${Math.min(Math.max(value, -5), 105)}%`;
  const isSeen = (begin: number, end: number) => end >= from && begin <= to;
  const zoomTo = (phase: Phase) => {
    const room = Math.max((phase.to - phase.from) * 0.08, 0.0005);
    setZoom({ from: phase.from - room, to: phase.to + room });
  };
  return (
    <div class="timeline">
      <div class="track">
        {life.phases.filter((phase) => isSeen(phase.from, phase.to)).map((phase) => {
          const left = Math.max(place(phase.from), 0);
          const width = Math.min(place(phase.to), 100) - left;
          const text = `${NAMES[phase.kind]}, ${duration((phase.to - phase.from) * 1000)}`;
          return (
            <button
              type="button"
              key={`${phase.kind}-${phase.from}`}
              class={`phase ${phase.kind} ${phase.isOpen ? "open" : ""}`}
              style={{ left: percent(left), width: `max(3px, ${width}%)` }}
              title={text}
              aria-label={`${text}: show it alone`}
              onClick={() => zoomTo(phase)}
            >
              <span>{width > 9 ? duration((phase.to - phase.from) * 1000) : ""}</span>
            </button>
          );
        })}
      </div>
      <div class="marks">
        {events.filter((event) => isSeen(event.at, event.at)).map((event) => (
          <button
            type="button"
            key={event.seq}
            class={`mark ${toneOf(event.type)}`}
            style={{ left: percent(place(event.at)) }}
            title={`${typeName(event.type)}, after ${duration((event.at - life.from) * 1000)}`}
            aria-label={`${typeName(event.type)}: go to the event`}
            onClick={() => onPick(event.seq)}
          />
        ))}
      </div>
      <div class="axis" aria-hidden="true">
        {ticks(length, 5).map((tick) => (
          <span key={tick} style={{ left: percent(tick / length * 100) }}>
            {duration((from - life.from + tick) * 1000)}
          </span>
        ))}
      </div>
      {zoom !== undefined && (
        <button type="button" class="plain" onClick={() => setZoom(undefined)}>
          Show all of it
        </button>
      )}
    </div>
  );
}
