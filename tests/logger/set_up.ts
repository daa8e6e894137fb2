/** What the logger's tests share. */

import assert from "node:assert/strict";
import type { JobEventError } from "../../src/errors.ts";
import { JobEvent } from "../../src/gen/factories.ts";
import { JobEventLogger } from "../../src/logger/logger.ts";
import type { DroppedJobEvent, JobEventLoggerOptions } from "../../src/logger/options.ts";
import type { JobEventSink } from "../../src/storage/storage.ts";
import { FakeClock } from "./fake_clock.ts";
import { ScriptedSink } from "./scripted_sink.ts";

/** A logger with everything that its owner is told. */
export interface SetUp<Sink extends JobEventSink = ScriptedSink> {
  readonly sink: Sink;
  readonly clock: FakeClock;
  readonly errors: JobEventError[];
  readonly drops: { readonly jobId: string; readonly reason: string }[];
  readonly dropped: DroppedJobEvent[];
  readonly logger: JobEventLogger;
  /** Logs a `cancelled` event of each job. */
  log(...jobs: string[]): boolean[];
}

/** Makes a logger in front of a sink, with a clock that stands still. */
export function setUp<Sink extends JobEventSink = ScriptedSink>(
  options: JobEventLoggerOptions = {},
  sink: Sink = new ScriptedSink() as unknown as Sink,
): SetUp<Sink> {
  const clock = new FakeClock();
  const errors: JobEventError[] = [];
  const drops: { jobId: string; reason: string }[] = [];
  const dropped: DroppedJobEvent[] = [];
  const logger = new JobEventLogger(sink, {
    clock,
    random: () => 0,
    onError: (error) => errors.push(error),
    onDrop: (events, reason) => {
      for (const event of events) drops.push({ jobId: event.jobId, reason });
      dropped.push(...events);
    },
    ...options,
  });
  const log = (...jobs: string[]) =>
    jobs.map((job) => logger.logEvent(JobEvent.create({ jobId: job, eventType: "cancelled" })));
  return { sink, clock, errors, drops, dropped, logger, log };
}

/** Checks that every event is accounted for. */
export function checkBalance(logger: JobEventLogger): void {
  const { logged, stored, rejected, dropped, buffered } = logger.stats();
  assert.equal(logged, stored + rejected + dropped + buffered);
}

/** The ids of so many jobs. */
export function numbered(count: number): string[] {
  return Array.from({ length: count }, (_, index) => `job-${index}`);
}
