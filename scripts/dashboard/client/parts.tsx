/** What several pages show. */

import type { ComponentChildren, VNode } from "preact";
import { useEffect, useState } from "preact/hooks";
import type { LiveStatus } from "../../../src/dashboard/wire.ts";
import { ago, count, dateTime, typeName } from "./format.ts";

const TONES: Readonly<Record<string, string>> = {
  started: "run",
  retry_started: "run",
  dequeued: "run",
  worker_assigned: "run",
  completed: "good",
  dependency_satisfied: "good",
  failed: "bad",
  timeout: "bad",
  max_retries_exceeded: "bad",
  dependency_failed: "bad",
  ttl_expired: "bad",
  retry_scheduled: "warn",
};

/** How a type of events is coloured. */
export function toneOf(type: string): string {
  return TONES[type] ?? "calm";
}

/** The type of an event. */
export function TypeBadge({ type }: { readonly type: string }): VNode {
  return <span class={`badge ${toneOf(type)}`}>{typeName(type)}</span>;
}

/** The head of a page. */
export function PageHead(props: {
  readonly title: string;
  readonly note?: ComponentChildren;
  readonly children?: ComponentChildren;
}): VNode {
  return (
    <header class="page-head">
      <div>
        <h1>{props.title}</h1>
        {props.note !== undefined && <p class="note">{props.note}</p>}
      </div>
      {props.children !== undefined && <div class="page-actions">{props.children}</div>}
    </header>
  );
}

/** A frame around a part of a page. */
export function Card(props: {
  readonly title?: string;
  readonly note?: ComponentChildren;
  readonly class?: string;
  readonly children: ComponentChildren;
}): VNode {
  return (
    <section class={`card ${props.class ?? ""}`}>
      {props.title !== undefined && (
        <div class="card-head">
          <h2>{props.title}</h2>
          {props.note !== undefined && <div class="note">{props.note}</div>}
        </div>
      )}
      {props.children}
    </section>
  );
}

/** There is nothing to show, and why. */
export function Empty(
  props: { readonly title: string; readonly children?: ComponentChildren },
): VNode {
  return (
    <div class="empty" role="status">
      <svg viewBox="0 0 48 24" aria-hidden="true">
        <path d="M2 14h12l4-9 7 15 4-6h17" />
      </svg>
      <strong>{props.title}</strong>
      {props.children !== undefined && <p>{props.children}</p>}
    </div>
  );
}

/** Something is on its way. */
export function Loading({ lines = 6 }: { readonly lines?: number }): VNode {
  return (
    <div class="loading" role="status" aria-label="Loading">
      {Array.from({ length: lines }, (_, index) => <span key={index} />)}
    </div>
  );
}

/** Something failed, and what helps. */
export function Problem(props: { readonly error: Error; readonly onRetry?: () => void }): VNode {
  return (
    <div class="problem" role="alert">
      <strong>{props.error.message}</strong>
      {props.onRetry !== undefined && (
        <button type="button" onClick={props.onRetry}>Try again</button>
      )}
    </div>
  );
}

/** A time as how long ago it was, kept up to date. */
export function Ago({ at }: { readonly at: number }): VNode {
  useSecond();
  return <time title={dateTime(at)} dateTime={isoTime(at)}>{ago(at)}</time>;
}

const seconds = new Set<() => void>();
setInterval(() => {
  for (const tick of seconds) tick();
}, 1000);

/** Renders again each second. */
export function useSecond(isOn = true): void {
  const [, render] = useState(0);
  useEffect(() => {
    if (!isOn) return;
    const tick = () => render((times) => times + 1);
    seconds.add(tick);
    return () => {
      seconds.delete(tick);
    };
  }, [isOn]);
}

/** A time for machines. */
export function isoTime(at: number): string {
  const date = new Date(at * 1000);
  return Number.isNaN(date.getTime()) ? "" : date.toISOString();
}

/** Since when events are counted, and how many were. */
export function Counted({ status }: { readonly status: LiveStatus }): VNode {
  if (status.state === "lost") {
    return <span class="error-text" role="alert">The storage does not answer: {status.error}</span>;
  }
  if (status.state === "reading") {
    return <span class="busy">Reading what is stored: {count(status.events)} events so far</span>;
  }
  const limit = status.cutAt === undefined ? "" : ` (the last ${count(status.cutAt)} and new ones)`;
  return (
    <span>
      {count(status.events)} events{limit} since <Ago at={status.since} />
    </span>
  );
}

/** A small chart without axes. */
export function Spark(props: {
  readonly values: readonly (number | null)[];
  readonly tone?: string;
  readonly label: string;
}): VNode {
  const { values, tone = "run", label } = props;
  const top = Math.max(1, ...values.map((value) => value ?? 0));
  const width = 100 / Math.max(values.length, 1);
  return (
    <svg
      class={`spark ${tone}`}
      viewBox="0 0 100 24"
      preserveAspectRatio="none"
      role="img"
      aria-label={label}
    >
      {values.map((value, index) =>
        value === null || value === 0 ? null : (
          <rect
            key={index}
            x={index * width}
            y={24 - Math.max(1.5, value / top * 24)}
            width={Math.max(width - 0.35, 0.3)}
            height={Math.max(1.5, value / top * 24)}
          />
        )
      )}
    </svg>
  );
}

/** Loads something when a component appears, and again when `key` changes or it is asked for. */
export function useLoad<Answer>(key: string, load: (signal: AbortSignal) => Promise<Answer>): {
  readonly answer: Answer | undefined;
  readonly error: Error | undefined;
  readonly reload: () => void;
} {
  const [state, setState] = useState<{ key: string; answer?: Answer; error?: Error }>({ key });
  const [times, setTimes] = useState(0);
  useEffect(() => {
    const end = new AbortController();
    load(end.signal).then(
      (answer) => setState({ key, answer }),
      // What was there stays there.
      (error: Error) => end.signal.aborted || setState((before) => ({ ...before, key, error })),
    );
    return () => end.abort();
  }, [key, times]);
  const isOld = state.key !== key;
  return {
    answer: isOld ? undefined : state.answer,
    error: isOld ? undefined : state.error,
    reload: () => setTimes((before) => before + 1),
  };
}
