/** Server-sent events for one page: nothing waits for a slow one but its next message. */

import type { JobEventSource } from "../storage/storage.ts";
import { type Live, pause } from "./live.ts";
import { type ListFilter, numberOf, readFilter } from "./query.ts";
import { toRow } from "./rows.ts";
import type { EventRow, LiveStatus, RowsMessage } from "./wire.ts";

const MAX_ROWS = 200;
const MANY_ROWS = 40;
const MANY_ROWS_INTERVAL_MS = 250;

/** The shortest time between two messages, by what the page shows, in milliseconds: after many rows
 * it is longer, since nobody reads them at that pace, and the page has to draw them. */
const INTERVAL_MS: Readonly<Record<View, number>> = { rows: 100, overview: 500, failures: 1000 };

/**
 * A quiet connection says something as often as that, so that both ends notice when it is gone, and
 * servers do not take it for idle: that of Bun ends it after 10 seconds.
 */
const QUIET_MS: Readonly<Record<View, number>> = { rows: 5000, overview: 2000, failures: 5000 };

/** Something that a page can notice: a comment is not. */
const QUIET = "event: quiet\ndata: 0\n\n";

/** When a browser is to connect again, in milliseconds. */
const RETRY = "retry: 1000\n\n";

type View = "rows" | "overview" | "failures";

/** What a page asks for. */
export interface ClientRequest {
  readonly view: View;
  readonly list: ListFilter;
  /** The last event that the page has; `undefined`: it wants only what comes next. */
  readonly after: number | undefined;
}

/** Reads what a page asks for; `Last-Event-ID` is what a browser sends when it connects again. */
export function readClientRequest(url: URL, headers: Headers): ClientRequest {
  const given = url.searchParams.get("view") ?? "rows";
  const lastId = headers.get("last-event-id");
  const params = new URLSearchParams(lastId === null ? {} : { after: lastId });
  return {
    view: given === "overview" || given === "failures" ? given : "rows",
    list: readFilter(url.searchParams),
    after: numberOf(lastId === null ? url.searchParams : params, "after"),
  };
}

/** One page that is open. */
export class ClientStream {
  readonly #live: Live;
  readonly #source: JobEventSource;
  readonly #request: ClientRequest;
  readonly #end = new AbortController();
  readonly #unlisten: () => void;
  #wake = () => {};
  #isNew = true;
  #isFirst = true;
  #intervalMs: number;
  #position: number | undefined;
  #after: number;
  #sentAt = -Infinity;
  #status = "";

  constructor(live: Live, source: JobEventSource, request: ClientRequest) {
    this.#live = live;
    this.#source = source;
    this.#request = request;
    this.#after = request.after ?? -1;
    this.#intervalMs = INTERVAL_MS[request.view];
    this.#unlisten = live.listen(() => {
      this.#isNew = true;
      this.#wake();
    });
  }

  /** Aborts when the page was closed. */
  get signal(): AbortSignal {
    return this.#end.signal;
  }

  /** Ends {@linkcode next}. */
  close(): void {
    this.#unlisten();
    this.#end.abort();
    this.#wake();
  }

  /** The next message, once there is something to say; `undefined` after the end. */
  async next(): Promise<string | undefined> {
    const { view } = this.#request;
    while (!this.signal.aborted) {
      const sinceMs = performance.now() - this.#sentAt;
      if (sinceMs < this.#intervalMs) await pause(this.#intervalMs - sinceMs, this.signal);
      if (this.signal.aborted) return undefined;
      const isQuiet = sinceMs >= QUIET_MS[view];
      if (this.#isNew || isQuiet) {
        this.#isNew = false;
        const text = await this.#message() || (isQuiet ? QUIET : "");
        const head = this.#sentAt === -Infinity ? RETRY : "";
        if (text !== "") {
          this.#sentAt = performance.now();
          return head + text;
        }
      }
      if (!this.#isNew) await this.#wait(QUIET_MS[view]);
    }
    return undefined;
  }

  async #message(): Promise<string> {
    const status = this.#live.status();
    switch (this.#request.view) {
      case "overview":
        return this.#overviewMessage(status);
      case "failures":
        return sse("failures", this.#live.fold.failures(status), status.sequence);
      case "rows":
        return this.#statusMessage(status) + await this.#rowsMessage();
    }
  }

  /** All of the charts until all of what was stored before is counted, then what changes. */
  #overviewMessage(status: LiveStatus): string {
    const overview = this.#live.fold.overview(status, this.#isFirst);
    this.#isFirst &&= status.state !== "live";
    return sse("overview", overview, status.sequence);
  }

  /** The status, if it is another one than the page has. */
  #statusMessage(status: LiveStatus): string {
    const text = `${status.state} ${status.error ?? ""}`;
    if (text === this.#status) return "";
    this.#status = text;
    return sse("status", status);
  }

  async #rowsMessage(): Promise<string> {
    let gap = false;
    const rows: EventRow[] = [];
    if (this.#position === undefined) {
      if (this.#request.after === undefined) this.#after = this.#live.status().sequence;
      this.#position = this.#live.after(this.#after);
      const missed = await this.#missed();
      gap = missed.gap;
      rows.push(...missed.rows);
      this.#after = rows.at(-1)?.seq ?? this.#after;
    }
    let skipped = 0;
    const { begin, end } = this.#live;
    gap ||= this.#position < begin && this.#live.row(begin).seq > this.#after + 1;
    const { matches } = this.#request.list;
    for (let at = Math.max(this.#position, begin); at < end; at++) {
      const row = this.#live.row(at);
      if (row.seq <= this.#after || !matches(row)) continue;
      rows.push(row);
      // Twice as many before the first ones go, so that each is moved once.
      if (rows.length > 2 * MAX_ROWS) skipped += rows.splice(0, MAX_ROWS).length;
    }
    this.#position = end;
    skipped += rows.splice(0, Math.max(0, rows.length - MAX_ROWS)).length;
    if (end > begin) this.#after = Math.max(this.#after, this.#live.row(end - 1).seq);
    this.#intervalMs = rows.length > MANY_ROWS ? MANY_ROWS_INTERVAL_MS : INTERVAL_MS.rows;
    if (rows.length === 0 && !gap) return "";
    return sse("rows", { rows, skipped, gap } satisfies RowsMessage, this.#after);
  }

  /** What the page has missed and is not kept any more. */
  async #missed(): Promise<RowsMessage> {
    const { after, list } = this.#request;
    const oldest = this.#live.end > this.#live.begin ? this.#live.row(this.#live.begin).seq : 0;
    if (after === undefined || oldest <= after + 1) return { rows: [], skipped: 0, gap: false };
    const query = { ...list.filter, afterSequence: after, order: "newest" } as const;
    const events = await this.#source.listEvents({ ...query, limit: MAX_ROWS });
    const rows = events.map((event) => toRow(event)).filter(list.matches).reverse();
    return { rows, skipped: 0, gap: events.length === MAX_ROWS };
  }

  #wait(timeMs: number): Promise<void> {
    const waiting = new AbortController();
    this.#wake = () => waiting.abort();
    return pause(timeMs, waiting.signal);
  }
}

function sse(event: string, data: unknown, id?: number): string {
  const head = id === undefined ? "" : `id: ${id}\n`;
  return `${head}event: ${event}\ndata: ${JSON.stringify(data)}\n\n`;
}
