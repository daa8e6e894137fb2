/** How histories are read: page by page, whatever the server can do. */

import type { StreamMessage } from "./message.ts";
import type { EventStream } from "./stream.ts";

/** The most messages that one page asks for. */
export const PAGE_SIZE = 256;

/** One page of the messages that a pattern matches. */
export interface MessagePage {
  /** The messages, in the order of the stream. */
  readonly messages: readonly StreamMessage[];
  /** How many more match that are stored behind the last one. */
  readonly pending: number;
}

/** What a page is asked with. */
export interface PageRequest {
  /** Which subjects. */
  readonly pattern: string;
  /** The first position. */
  readonly from: number;
  /** The most messages; the page may have fewer although there are more. */
  readonly size: number;
  /** Ends the read. */
  readonly signal?: AbortSignal | undefined;
}

/** Reads pages. */
export interface PageReader {
  /**
   * The next page.
   *
   * @throws {JobEventError} `ERR_UNAVAILABLE` or `ERR_TIMEOUT`: asking again may help.
   */
  read(request: PageRequest): Promise<MessagePage>;
  /** Leaves nothing behind on the server. */
  close(): Promise<void>;
}

/** No page is larger than this, so that a history of large events is no burden. */
export function pageBytes(stream: EventStream): number {
  const largest = stream.connection.info?.max_payload ?? 0;
  return Math.max(4 * 1024 * 1024, 2 * largest);
}
