/** Reads backwards, though a stream can only be read forwards. */

import { readForward, type ReadOptions } from "./merge.ts";
import type { StreamMessage } from "./message.ts";
import { PAGE_SIZE, type PageReader } from "./pages.ts";

/** A window with more is too wide: a narrower one is tried. */
const MAX_WINDOW = 4 * PAGE_SIZE;

/** How messages are read backwards. */
export interface BackwardOptions extends ReadOptions {
  /** About so many are wanted; more are there for whoever goes on. */
  readonly wanted: number;
}

/**
 * Reads backwards, in batches whose messages begin with the last one.
 *
 * A short history is read whole and turned around. A long one is read in windows of positions, the
 * last one first, as wide as it takes to find about a page of messages in each: so the first
 * message comes without reading what is before it, and no more than a window is ever held.
 */
export async function* readBackward(
  reader: PageReader,
  options: BackwardOptions,
): AsyncGenerator<readonly StreamMessage[], void> {
  const { first, count } = await measure(reader, options);
  if (count === 0) return;
  const goal = Math.min(PAGE_SIZE, Math.max(options.wanted, 1));
  let high = options.through;
  let width = count <= PAGE_SIZE ? Infinity : Math.ceil((high - first + 1) * goal / count);
  while (high >= first && !options.signal?.aborted) {
    const from = Math.max(first, high - width + 1);
    const window = await readWindow(reader, { ...options, from, through: high });
    if (window.length > MAX_WINDOW) {
      width = Math.max(Math.floor((high - from + 1) / 4), MAX_WINDOW);
      continue;
    }
    high = from - 1;
    if (window.length < goal / 4) width *= 4;
    else if (window.length > goal * 2) width = Math.ceil(width / 2);
    if (window.length > 0) yield window.reverse();
  }
}

/** How many messages there are at the most, and where the first one is. */
async function measure(
  reader: PageReader,
  { patterns, from, through, signal }: ReadOptions,
): Promise<{ readonly first: number; readonly count: number }> {
  let first = Infinity;
  let count = 0;
  const probe = async (pattern: string): Promise<void> => {
    const { messages: [message], pending } = await reader.read({ pattern, from, size: 1, signal });
    if (message === undefined || message.sequence > through) return;
    first = Math.min(first, message.sequence);
    count += 1 + pending;
  };
  await Promise.all(patterns.map(probe));
  return { first, count };
}

/** The messages of a window, or a few more than are allowed. */
async function readWindow(reader: PageReader, options: ReadOptions): Promise<StreamMessage[]> {
  const messages: StreamMessage[] = [];
  for await (const batch of readForward(reader, options)) {
    messages.push(...batch);
    if (messages.length > MAX_WINDOW) break;
  }
  return messages;
}
