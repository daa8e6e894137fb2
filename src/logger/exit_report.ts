/** Says at the end of a program how many events it takes along. */

import { onExit } from "./host.ts";

// Shared by all loggers, although nothing else here is: the end of the program is one event, and a
// listener for each logger would make Node warn of a leak. Empty when no logger has events.
const counts = new Set<() => number>();
let cancel: (() => void) | undefined;

/**
 * A logger has events: they are counted if the program ends before {@linkcode forgetEvents}.
 *
 * @param count Gives their number.
 */
export function rememberEvents(count: () => number): void {
  counts.add(count);
  cancel ??= onExit(report);
}

/** A logger has no more events. */
export function forgetEvents(count: () => number): void {
  counts.delete(count);
  if (counts.size > 0) return;
  cancel?.();
  cancel = undefined;
}

function report(): void {
  let total = 0;
  for (const count of counts) total += count();
  if (total === 0) return;
  const events = total === 1 ? "1 event that is" : `${total} events that are`;
  console.warn(
    `[naq/events] The program ended with ${events} not known to be stored: await ` +
      "logger.stop() before its end, or call logger.flushOnExit() at its beginning",
  );
}
