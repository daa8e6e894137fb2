/** Every event, as it comes. */

import type { VNode } from "preact";
import { useCallback, useEffect, useRef, useState } from "preact/hooks";
import type {
  EventRow,
  EventsAnswer,
  LiveStatus,
  RowsMessage,
} from "../../../src/dashboard/wire.ts";
import { FeedFilters, FILTER_NAMES } from "./feed_filters.tsx";
import { FeedModel, isGap } from "./feed_model.ts";
import { count, dateTime, duration, when } from "./format.ts";
import { listen } from "./live.ts";
import { Counted, Empty, Loading, PageHead, Problem, TypeBadge } from "./parts.tsx";
import { address, follow } from "./router.tsx";
import { ask } from "./server.ts";
import { VirtualList } from "./virtual_list.tsx";

/** How many rows may be left below before older ones are fetched. */
const FETCH_AT = 60;

/** After so many events that do not match it is asked whether to look further. */
const MAX_IN_VAIN = 500_000;

/** The text that says most about an event. */
function textOf(row: EventRow): string {
  if (row.errorType === undefined) return row.message ?? "";
  return `${row.errorType}: ${row.errorMessage ?? row.message ?? ""}`;
}

function Row({ row }: { readonly row: EventRow }) {
  return (
    <div role="listitem">
      <a
        class="row"
        href={address("job", { id: row.job, at: String(row.seq) })}
        onClick={follow}
        data-seq={row.seq}
      >
        <time title={dateTime(row.at)}>{when(row.at)}</time>
        <TypeBadge type={row.type} />
        <span class="id" title={row.job}>{row.job}</span>
        <span class={`text ${row.errorType === undefined ? "" : "error-text"}`}>{textOf(row)}</span>
        <span class="where">{row.queue ?? ""}</span>
        <span class="where">{row.worker ?? ""}</span>
        <span class="number">{row.durationMs === undefined ? "" : duration(row.durationMs)}</span>
      </a>
    </div>
  );
}

function Gap({ missing }: { readonly missing: number | undefined }) {
  const what = missing === undefined ? "Events" : `${count(missing)} events`;
  return (
    <div class="row gap" role="listitem">
      {what} came too fast to be shown here. A filter, or a job's page, shows them.
    </div>
  );
}

/** Why there is no row. */
function Nothing(props: {
  readonly model: FeedModel;
  readonly isAny: boolean;
  readonly onFurther: () => void;
}) {
  const { model, isAny, onFurther } = props;
  if (model.next === undefined) {
    return (
      <Empty title={isAny ? "No event matches" : "No events yet"}>
        {isAny ? "New ones that match show up here." : "They show up here as they are stored."}
      </Empty>
    );
  }
  return (
    <Empty title={`None of the last ${count(model.inVain)} events matches`}>
      {model.inVain < MAX_IN_VAIN
        ? <span class="busy">Looking further</span>
        : <button type="button" onClick={onFurther}>Look further</button>}
    </Empty>
  );
}

/** Moves between rows, as in a list of mails. */
function moveFocus(frame: HTMLElement, step: number): void {
  const rows = [...frame.querySelectorAll<HTMLElement>("a.row")];
  const at = rows.indexOf(document.activeElement as HTMLElement);
  const edge = frame.getBoundingClientRect().top;
  const seen = rows.findIndex((row) => row.getBoundingClientRect().top >= edge);
  const next = rows[at < 0 ? seen : at + step];
  next?.focus({ preventScroll: true });
  next?.scrollIntoView({ block: "nearest" });
}

interface Feed {
  readonly model: FeedModel;
  readonly isLoaded: boolean;
  readonly error: Error | undefined;
  readonly status: LiveStatus | undefined;
  readonly hold: (isHeld: boolean) => void;
  /** Told how many rows are left below what is seen. */
  readonly view: (below: number) => void;
  readonly fetchOlder: () => void;
  readonly retry: () => void;
}

/** Fetches older events as the end of the list comes near. */
function useOlder(key: string, model: FeedModel, version: unknown, onFetched: () => void) {
  const isFetching = useRef(false);
  const below = useRef(Infinity);
  const fetchOlder = () => {
    if (isFetching.current || model.next === undefined || model.isFull) return;
    isFetching.current = true;
    const { before, offset } = model.next;
    const cursor = { before: String(before), offset: String(offset) };
    const query = { ...Object.fromEntries(new URLSearchParams(key)), ...cursor };
    ask<EventsAnswer>("events", query)
      .then((answer) => {
        model.addOlder(answer);
        onFetched();
      })
      // Whoever scrolls on tries again; the connection's state is shown anyway.
      .catch(() => {})
      .finally(() => isFetching.current = false);
  };
  const fetchIfNear = () => {
    const isNear = model.length < FETCH_AT || below.current < FETCH_AT;
    if (isNear && model.inVain < MAX_IN_VAIN) fetchOlder();
  };
  // A page that brought nothing changes nothing that is seen.
  useEffect(fetchIfNear, [version]);
  useEffect(() => {
    below.current = Infinity;
  }, [model]);
  const view = (rows: number) => {
    below.current = rows;
    fetchIfNear();
  };
  return { view, fetchOlder };
}

/** The events of a filter: those that are stored, then those that come. */
function useFeed(params: URLSearchParams): Feed {
  const key = new URLSearchParams(
    [...params].filter(([name]) => FILTER_NAMES.includes(name)),
  ).toString();
  const [model, setModel] = useState(() => new FeedModel());
  const [isLoaded, setLoaded] = useState(false);
  const [error, setError] = useState<Error>();
  const [status, setStatus] = useState<LiveStatus>();
  const [version, setVersion] = useState(0);
  const [attempt, setAttempt] = useState(0);
  const render = () => setVersion((version) => version + 1);
  const { view, fetchOlder } = useOlder(key, model, `${version} ${isLoaded}`, render);
  const isHeld = useRef(false);
  useEffect(() => {
    const end = new AbortController();
    const fresh = new FeedModel();
    let unlisten = () => {};
    setModel(fresh);
    setLoaded(false);
    setError(undefined);
    isHeld.current = false;
    const query = new URLSearchParams(key);
    ask<EventsAnswer>("events", query, end.signal).then((answer) => {
      fresh.addOlder(answer);
      setLoaded(true);
      const live = new URLSearchParams({
        ...Object.fromEntries(query),
        view: "rows",
        after: String(fresh.lastSequence),
      });
      unlisten = listen(live, {
        rows: (message: RowsMessage) => {
          fresh.add(message, isHeld.current);
          render();
        },
        status: (status: LiveStatus) => setStatus(status),
      });
    }).catch((error: Error) => end.signal.aborted || setError(error));
    return () => {
      end.abort();
      unlisten();
    };
  }, [key, attempt]);
  const hold = (held: boolean) => {
    isHeld.current = held;
    if (!held && model.waiting > 0) {
      model.release();
      render();
    }
  };
  const retry = () => setAttempt((before) => before + 1);
  return { model, isLoaded, error, status, hold, view, fetchOlder, retry };
}

/** The page. */
export function FeedPage({ params }: { readonly params: URLSearchParams }): VNode {
  const { model, isLoaded, error, status, hold, view, fetchOlder, retry } = useFeed(params);
  const [isPaused, setPaused] = useState(false);
  const isTop = useRef(true);
  const frame = useRef<HTMLDivElement>(null);
  const onView = useCallback((top: boolean, below: number) => {
    isTop.current = top;
    hold(isPaused || !top);
    view(below);
  }, [model, isPaused]);
  useEffect(() => hold(isPaused || !isTop.current), [isPaused]);
  const toTop = () => {
    setPaused(false);
    hold(false);
    frame.current?.scrollTo({ top: 0 });
  };
  useEffect(() => {
    const press = (event: KeyboardEvent) => {
      const step = { ArrowDown: 1, j: 1, ArrowUp: -1, k: -1 }[event.key];
      const isField = (event.target as Element).matches("input, summary");
      if (step === undefined || isField || frame.current === null) return;
      event.preventDefault();
      moveFocus(frame.current, step);
    };
    document.addEventListener("keydown", press);
    return () => document.removeEventListener("keydown", press);
  }, []);
  const isAny = FILTER_NAMES.some((name) => params.has(name));
  const note = model.length === 0 ? "" : `${count(model.length)} shown, newest first`;
  return (
    <div class="feed">
      <PageHead
        title="Feed"
        note={status === undefined || status.state === "live" ? note : <Counted status={status} />}
      >
        <button type="button" aria-pressed={isPaused} onClick={() => setPaused(!isPaused)}>
          {isPaused ? "Resume" : "Pause"}
        </button>
      </PageHead>
      <FeedFilters params={params} />
      <div class="list-frame">
        {model.waiting > 0 && (
          <button type="button" class="news" onClick={toTop}>{count(model.waiting)} new ↑</button>
        )}
        {error !== undefined && <Problem error={error} onRetry={retry} />}
        {!isLoaded && error === undefined && <Loading lines={12} />}
        {isLoaded && model.length === 0 && (
          <Nothing model={model} isAny={isAny} onFurther={fetchOlder} />
        )}
        {isLoaded && model.length > 0 && (
          <VirtualList
            length={model.length}
            label="Events"
            frame={frame}
            onView={onView}
            row={(index) => {
              const item = model.at(index);
              if (item === undefined) return null;
              return isGap(item)
                ? <Gap key={`gap-${item.gapBefore}`} missing={item.missing} />
                : <Row key={item.seq} row={item} />;
            }}
          />
        )}
      </div>
    </div>
  );
}
