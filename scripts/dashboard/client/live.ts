/** The connection that the server sends news through. */

import { useEffect, useRef, useState } from "preact/hooks";

/** How the connection is. `resting`: nobody looks at the page. */
export type ConnectionState = "connecting" | "open" | "lost" | "resting";

interface Connection {
  readonly state: ConnectionState;
  /** When the last message came, in milliseconds since the Unix epoch. */
  readonly heardAt: number;
}

/** The server says something every 5 seconds. */
const SILENCE_MS = 15_000;
const REST_AFTER_MS = 10_000;
const MAX_RETRY_MS = 10_000;

let current: Connection = { state: "connecting", heardAt: 0 };
const listeners = new Set<() => void>();

function report(state: ConnectionState, heardAt = current.heardAt): void {
  const isNew = state !== current.state;
  current = { state, heardAt };
  if (isNew) { for (const listener of listeners) listener(); }
}

/** How the connection is, for what shows it. */
export function useConnection(): Connection {
  const [, render] = useState(0);
  useEffect(() => {
    const listener = () => render((times) => times + 1);
    listeners.add(listener);
    listener();
    return () => {
      listeners.delete(listener);
    };
  }, []);
  return current;
}

/** Tries to connect at once. */
export function reconnect(): void {
  dispatchEvent(new Event("online"));
}

/** What to do with each kind of message. */
export type Handlers = Readonly<Record<string, (data: never) => void>>;

/**
 * Listens while the page is seen.
 *
 * @param params What to ask for; `after`: the last event that is known.
 */
export function listen(params: URLSearchParams, handlers: Handlers): () => void {
  let source: EventSource | undefined;
  let after = params.get("after");
  let failures = 0;
  let retry: ReturnType<typeof setTimeout> | undefined;
  let silence: ReturnType<typeof setTimeout> | undefined;
  let rest: ReturnType<typeof setTimeout> | undefined;

  const heard = () => {
    failures = 0;
    report("open", Date.now());
    clearTimeout(silence);
    silence = setTimeout(lose, SILENCE_MS);
  };
  const disconnect = () => {
    clearTimeout(retry);
    clearTimeout(silence);
    source?.close();
    source = undefined;
  };
  const lose = () => {
    disconnect();
    report("lost");
    retry = setTimeout(connect, Math.min(500 * 2 ** failures++, MAX_RETRY_MS));
  };
  const connect = () => {
    disconnect();
    const query = new URLSearchParams(params);
    if (after !== null) query.set("after", after);
    source = new EventSource(`api/live?${query}`);
    source.onopen = heard;
    source.onerror = lose;
    source.addEventListener("quiet", heard);
    for (const [name, handle] of Object.entries(handlers)) {
      source.addEventListener(name, (event: MessageEvent<string>) => {
        heard();
        if (event.lastEventId !== "" && after !== null) after = event.lastEventId;
        handle(JSON.parse(event.data) as never);
      });
    }
  };
  const look = () => {
    clearTimeout(rest);
    if (document.visibilityState === "visible") {
      if (source === undefined) connect();
      return;
    }
    // A browser has few connections for each server, and other pages may want them.
    rest = setTimeout(() => {
      disconnect();
      report("resting");
    }, REST_AFTER_MS);
  };
  document.addEventListener("visibilitychange", look);
  addEventListener("online", connect);
  report("connecting");
  connect();
  return () => {
    disconnect();
    clearTimeout(rest);
    document.removeEventListener("visibilitychange", look);
    removeEventListener("online", connect);
  };
}

/** Listens to one kind of message while a component is there. */
export function useLive<Data>(
  view: "overview" | "failures",
  merge: (before: Data | undefined, data: Data) => Data,
): Data | undefined {
  const [data, setData] = useState<Data>();
  const latest = useRef(merge);
  latest.current = merge;
  useEffect(() =>
    listen(new URLSearchParams({ view }), {
      [view]: (data: never) => setData((before) => latest.current(before, data)),
    }), [view]);
  return data;
}
