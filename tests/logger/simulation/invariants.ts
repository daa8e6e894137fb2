/** What must hold after every step. */

import type { World } from "./world.ts";

/** Checks what holds at any moment, also while promises are on their way. */
export function checkAlways({ book, logger, settings }: World): void {
  const { logged, stored, rejected, dropped, buffered, bufferedBytes } = logger.stats();
  if (logged !== stored + rejected + dropped + buffered) book.fail("the numbers do not add up");
  if (buffered > settings.maxBufferSize) book.fail(`${buffered} events are buffered`);
  if (bufferedBytes > settings.maxBufferBytes) book.fail(`${bufferedBytes} bytes are buffered`);
}

/** Checks what holds when nothing but time or the sink can change anything. */
export function checkSettled(world: World): void {
  checkStats(world);
  checkWaits(world);
  if (world.book.hasEnded) checkEnded(world);
  else checkProgress(world);
}

/** The logger's own numbers are those of the book. */
function checkStats({ book, logger }: World): void {
  const pending = book.of("pending");
  const lost = book.of("overflow", "undelivered");
  const stored = book.of("stored").length;
  const rejected = book.of("rejected");
  const expected = {
    logged: pending.length + lost.length + stored + rejected.length,
    stored,
    duplicates: book.duplicates,
    retried: book.retried,
    rejected: rejected.length,
    dropped: lost.length,
    buffered: pending.length,
    bufferedBytes: pending.reduce((sum, event) => sum + event.payload.length, 0),
    inFlight: book.hasEnded ? 0 : book.running?.events.length ?? 0,
    refused: book.counts.refused,
    blocked: book.counts.blocked,
    late: book.of("late").length,
    batches: book.counts.batches,
  };
  const stats: Readonly<Record<string, number>> = { ...logger.stats() };
  for (const [name, value] of Object.entries(expected)) {
    if (stats[name] !== value) book.fail(`stats().${name} is ${stats[name]}, not ${value}`);
  }
  if (rejected.some((event) => !event.isReported)) book.fail("a rejected event is not reported");
  const errors = book.counts.refused + rejected.length + book.counts.failures;
  if (book.counts.errors !== errors) {
    book.fail(`onError was called ${book.counts.errors} times, not ${errors}`);
  }
}

/** Nobody waits beyond the time that was given. */
function checkWaits({ book, clock, timers, waits }: World): void {
  const open = waits.filter((wait) => !wait.isOver);
  for (const { what, deadlineMs } of open) {
    if (clock.now() >= deadlineMs) book.fail(`${what}() does not settle in its time`);
    else if (book.hasEnded) book.fail(`${what}() does not settle with stop()`);
  }
  // A second stop() has no timer of its own.
  const timed = open.filter(({ what, deadlineMs }) =>
    what === "flush" || what === "stop" && deadlineMs < Infinity
  );
  // All who wait for room have one together.
  const waitsForRoom = open.some(({ what }) => what === "ready" || what === "producer");
  const expected = timed.length + (waitsForRoom ? 1 : 0);
  if (timers.keptAlive !== expected) {
    book.fail(`${timers.keptAlive} timers keep the script alive for ${expected} waits`);
  }
}

/** Whatever can be sent is under way, or its time has not come. */
function checkProgress({ book, clock, logger, settings, waits }: World): void {
  const now = clock.now();
  const pending = book.left();
  const resumesAtMs = book.lastAnswerAtMs +
    (book.lastAnswerFailed ? settings.retry.maxDelayMs : 0);
  const mayRest = book.lastAnswerFailed && now < resumesAtMs;
  if (pending.length === 0 || book.running !== undefined || mayRest) return;
  const bytes = pending.reduce((sum, event) => sum + event.payload.length, 0);
  const isIdle = (what: string) => book.fail(`nothing is sent, although ${what}`);
  if (pending.some((event) => event.failedAtMs !== undefined)) isIdle("an event is to be retried");
  if (pending.length >= Math.min(settings.batchSize, settings.maxBufferSize)) {
    isIdle("there are enough events for a batch");
  }
  if (bytes >= settings.batchBytes) isIdle("there are enough bytes for a batch");
  if (waits.some(({ what, isOver }) => what === "flush" && !isOver)) isIdle("flush() waits");
  if (waits.some(({ what, isOver }) => what === "ready" && !isOver) && logger.isFull) {
    isIdle("ready() waits");
  }
  if (book.isStopping) isIdle("stop() waits");
  if (book.isLosing) isIdle("events are lost for want of room");
  if (now >= pending[0]!.loggedAtMs + settings.flushIntervalMs) {
    isIdle("an event waited for its interval");
  }
}

/** The logger holds nothing any more, and nothing of it will run again. */
function checkEnded({ book, timers }: World): void {
  if (book.of("pending").length > 0) book.fail("events are left after the end");
  if (timers.timers > 0) book.fail(`${timers.timers} timers are left after the end`);
}
