/** Several patterns read as one history. */

import type { StreamMessage } from "./message.ts";
import { PAGE_SIZE, type PageReader } from "./pages.ts";

/** The positions that are read, both ends included. */
export interface Positions {
  /** The first position. */
  readonly from: number;
  /** The last position. */
  readonly through: number;
}

/** How messages are read. */
export interface ReadOptions extends Positions {
  /** Disjoint patterns: what two of them match would come twice. */
  readonly patterns: readonly string[];
  /** The most messages of the first page. Each further one may be twice as large as the one before:
   * whoever goes on has not found enough. */
  readonly pageSize: number;
  /** Ends the read. */
  readonly signal?: AbortSignal | undefined;
}

/**
 * Reads forward, in batches whose messages are in the order of the stream. One page of each
 * pattern is held at a time.
 */
export async function* readForward(
  reader: PageReader,
  options: ReadOptions,
): AsyncGenerator<readonly StreamMessage[], void> {
  const sources = options.patterns.map((pattern) => new Source(reader, pattern, options));
  while (!options.signal?.aborted) {
    await Promise.all(sources.map((source) => source.fill()));
    const live = sources.filter((source) => source.peek() !== undefined);
    if (live.length === 0) return;
    yield live.length === 1 ? live[0]!.takePage() : merge(live);
  }
}

/** Takes messages in order until a source has to be filled again. */
function merge(sources: readonly Source[]): StreamMessage[] {
  const merged: StreamMessage[] = [];
  for (;;) {
    let first: Source | undefined;
    let lowest = Infinity;
    for (const source of sources) {
      const sequence = source.peek()?.sequence;
      // Behind an empty page there may be a message that belongs before all others.
      if (sequence === undefined && !source.isDone) return merged;
      if (sequence !== undefined && sequence < lowest) [first, lowest] = [source, sequence];
    }
    if (first === undefined) return merged;
    merged.push(first.take());
  }
}

/** The messages of one pattern. */
class Source {
  readonly #reader: PageReader;
  readonly #pattern: string;
  readonly #options: ReadOptions;
  #page: readonly StreamMessage[] = [];
  #index = 0;
  #from: number;
  #size: number;
  isDone: boolean;

  constructor(reader: PageReader, pattern: string, options: ReadOptions) {
    this.#reader = reader;
    this.#pattern = pattern;
    this.#options = options;
    this.#from = options.from;
    this.#size = options.pageSize;
    this.isDone = options.from > options.through;
  }

  peek(): StreamMessage | undefined {
    return this.#page[this.#index];
  }

  take(): StreamMessage {
    return this.#page[this.#index++]!;
  }

  takePage(): readonly StreamMessage[] {
    const rest = this.#index === 0 ? this.#page : this.#page.slice(this.#index);
    this.#page = [];
    this.#index = 0;
    return rest;
  }

  async fill(): Promise<void> {
    const { through, signal } = this.#options;
    while (this.peek() === undefined && !this.isDone && !signal?.aborted) {
      const request = { pattern: this.#pattern, from: this.#from, size: this.#size, signal };
      const page = await this.#reader.read(request);
      this.#size = Math.min(this.#size * 2, PAGE_SIZE);
      const last = page.messages.at(-1);
      const isPast = last !== undefined && last.sequence > through;
      this.#page = isPast
        ? page.messages.filter(({ sequence }) => sequence <= through)
        : page.messages;
      this.#index = 0;
      if (last !== undefined) this.#from = last.sequence + 1;
      this.isDone = page.pending === 0 || this.#from > through;
    }
  }
}
