/** Says at the end of a program how many events it takes along. */

import { onExit } from "./host.ts";

// Shared by all loggers, although nothing else here is: the end of the program is one event, and a
// listener for each logger would make Node warn of a leak. Empty when no logger has events.
const entries = new Set<() => number>();
let cancel: (() => void) | undefined;

/** A logger's part of the report. It is held by the program's end only while there are events. */
export class ExitReport {
  readonly #count: () => number;
  #isEntered = false;

  /** @param count Gives the number of the logger's events. */
  constructor(count: () => number) {
    this.#count = count;
  }

  /** Takes notice that the number of events may be zero now, or no longer. */
  update(): void {
    const hasEvents = this.#count() > 0;
    if (hasEvents === this.#isEntered) return;
    this.#isEntered = hasEvents;
    if (hasEvents) {
      entries.add(this.#count);
      cancel ??= onExit(report);
    } else {
      entries.delete(this.#count);
      if (entries.size > 0) return;
      cancel?.();
      cancel = undefined;
    }
  }
}

function report(): void {
  let total = 0;
  for (const count of entries) total += count();
  const events = total === 1 ? "1 event that is" : `${total} events that are`;
  console.warn(
    `[naq/events] The program ended with ${events} not known to be stored: await ` +
      "logger.stop() before its end, or call logger.flushOnExit() at its beginning",
  );
}
