/** Live streams over an embedded storage: read a page after a position, wait for a change. */

import type { StoredJobEvent } from "../gen/types.ts";
import type { EventEngine, EventLog } from "./engine.ts";
import { checkTime, checkWhole, type CompiledFilter } from "./filter.ts";
import { type Lifetime, PulledSequence } from "./pull.ts";
import type { JobEventStream, StreamOptions, StreamStart } from "./storage.ts";

const PAGE_SIZE = 128;

/** Where a stream begins, checked. */
export type CompiledStart = "new" | "all" | { readonly after: number } | {
  readonly timeMs: number;
};

/**
 * Checks where a stream is to begin.
 *
 * @throws {TypeError} It is none of the forms, or its time is not valid.
 * @throws {RangeError} Its sequence is negative or not whole.
 */
export function compileStart(from: StreamStart): CompiledStart {
  if (from === "new" || from === "all") return from;
  if (typeof from === "object" && from !== null) {
    if ("sequence" in from) {
      checkWhole("from.sequence", from.sequence);
      return { after: Math.max(from.sequence - 1, 0) };
    }
    if ("time" in from) return { timeMs: checkTime("from.time", from.time) };
  }
  throw new TypeError(
    `from must be "new", "all", { sequence } or { time }, got ${JSON.stringify(from)}`,
  );
}

/** The last position before the one where a stream begins. */
export function startAfter(engine: EventEngine, start: CompiledStart): number {
  if (start === "all") return 0;
  if (start === "new") return engine.lastSequence();
  return "after" in start ? start.after : engine.lastSequenceBefore(start.timeMs);
}

/** Opens a live stream. What is stored after this call is not missed. */
export function follow(
  log: EventLog,
  filter: CompiledFilter,
  options: Pick<StreamOptions, "from" | "onDecodeError">,
  lifetime: Lifetime,
): JobEventStream {
  const { engine, decoder } = log;
  const start = compileStart(options.from ?? "new");
  let after = 0;
  let page: readonly StoredJobEvent[] = [];
  let index = 0;
  const ready = attempt(() => {
    if (!lifetime.ended) after = startAfter(engine, start);
  });
  return new PulledSequence(lifetime, ready, async () => {
    while (!lifetime.ended) {
      if (index < page.length) return page[index++];
      const { version } = engine.changes;
      const span = log.span(after);
      if (span.after < span.through && !filter.impossible) {
        const { rows, rest } = engine.readPage(filter, span, "oldest", PAGE_SIZE);
        page = decoder.decodeAll(rows, options.onDecodeError);
        index = 0;
        after = rest.after;
        // A page may be empty in the middle of a long span: then look on, do not wait.
        if (page.length > 0 || rest.after < rest.through) continue;
      }
      await engine.changes.wait(version, lifetime.signal);
    }
    return undefined;
  });
}

/** Runs at once; an exception becomes a rejection. */
function attempt(action: () => void): Promise<void> {
  try {
    action();
    return Promise.resolve();
  } catch (error) {
    return Promise.reject(error);
  }
}
