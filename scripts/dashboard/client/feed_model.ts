/** The events of the feed: what is shown, what waits to be shown, and what is missing between. */

import type {
  EventRow,
  EventsAnswer,
  EventsCursor,
  RowsMessage,
} from "../../../src/dashboard/wire.ts";

/** A row, or a place where events are missing: their number, if it is known. */
export type FeedItem = EventRow | { readonly gapBefore: number; readonly missing?: number };

const MAX_ITEMS = 50_000;
const MAX_WAITING = 2000;

/** Whether an item is a gap. */
export function isGap(item: FeedItem): item is Exclude<FeedItem, EventRow> {
  return "gapBefore" in item;
}

/** Oldest first, so that what comes is cheap to add; the page shows it the other way round. */
export class FeedModel {
  #items: FeedItem[] = [];
  #waiting: FeedItem[] = [];
  #waitingRows = 0;
  #next: EventsCursor | undefined;
  #inVain = 0;

  /** How many items there are. */
  get length(): number {
    return this.#items.length;
  }

  /** How many events wait to be shown. */
  get waiting(): number {
    return this.#waitingRows;
  }

  /** Where older events begin; `undefined`: there are none. */
  get next(): EventsCursor | undefined {
    return this.#next;
  }

  /** Whether no older ones are taken, since there are as many as a page can bear. */
  get isFull(): boolean {
    return this.#items.length >= MAX_ITEMS;
  }

  /** The last event that is known; 0 for none. */
  get lastSequence(): number {
    const last = (this.#waiting.at(-1) ?? this.#items.at(-1)) as EventRow | undefined;
    return last?.seq ?? 0;
  }

  /** The item at a place, the newest at 0. */
  at(index: number): FeedItem | undefined {
    return this.#items[this.#items.length - 1 - index];
  }

  /** How many older events were looked at since the last one that matched. */
  get inVain(): number {
    return this.#inVain;
  }

  /** Adds a page of older events. */
  addOlder({ rows, next, scanned }: EventsAnswer): void {
    this.#items.unshift(...rows.toReversed());
    this.#next = next;
    this.#inVain = rows.length > 0 ? 0 : this.#inVain + scanned;
  }

  /** Adds new events; `isHeld`: they wait. */
  add({ rows, skipped, gap }: RowsMessage, isHeld: boolean): void {
    const last = this.lastSequence;
    const fresh = rows.filter((row) => row.seq > last);
    if ((skipped > 0 || gap) && fresh.length > 0) {
      this.#waiting.push({
        gapBefore: fresh[0]!.seq,
        ...(gap ? {} : { missing: skipped }),
      });
    }
    for (const row of fresh) this.#waiting.push(row);
    this.#waitingRows += fresh.length + skipped;
    if (this.#waiting.length > MAX_WAITING) {
      const dropped = this.#waiting.length - MAX_WAITING / 2;
      this.#waiting.splice(0, dropped);
      this.#waiting.unshift({ gapBefore: (this.#waiting.find((x) => !isGap(x)) as EventRow).seq });
    }
    if (!isHeld) this.release();
  }

  /** Shows what waits. */
  release(): void {
    for (const item of this.#waiting) this.#items.push(item);
    this.#waiting = [];
    this.#waitingRows = 0;
    if (this.#items.length <= MAX_ITEMS) return;
    this.#items = this.#items.slice(-MAX_ITEMS * 0.9);
    const oldest = this.#items.find((item): item is EventRow => !isGap(item));
    // Its number in the whole is not known any more: to look from the newest on is only slower.
    if (oldest !== undefined) this.#next = { before: oldest.seq, offset: 0 };
  }
}
