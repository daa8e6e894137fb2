/**
 * What does one call of the logger cost whoever calls it, and what does the event cost in all?
 *
 * Method: a sink that takes everything at once. Events are logged a thousand at a time; "the call"
 * counts the calls alone, "the call and the flush" the whole way into the sink. The peers get the
 * same fields: pino writes its line to a destination that throws it away, OpenTelemetry's processor
 * of batches has an exporter that does. For them, too, the calls alone count.
 */

import { BatchLogRecordProcessor, LoggerProvider } from "@opentelemetry/sdk-logs";
import { pino } from "pino";
import { JobEventSubjects } from "../../src/event/subjects.ts";
import { JobEventLogger } from "../../src/logger/logger.ts";
import type { AppendOutcome, JobEventSink } from "../../src/storage/storage.ts";
import { bench, type Contender, timed } from "./timing.ts";

const AT_A_TIME = 1000;

let sequence = 0;
const sink: JobEventSink = {
  subjects: new JobEventSubjects(),
  append: (records) =>
    Promise.resolve(
      records.map((): AppendOutcome => ({ status: "stored", sequence: ++sequence })),
    ),
  close: () => Promise.resolve(),
  [Symbol.asyncDispose]: () => Promise.resolve(),
};
const logger = new JobEventLogger(sink);
const jobIds = Array.from({ length: 64 }, (_, index) => `0f8fad5b-d9cb-469f-a165-${index}`);

/** The calls of `AT_A_TIME` events, then what follows them, with or without its time. */
function inParts(
  call: (index: number) => void,
  flush: () => Promise<unknown>,
  isFlushCounted: boolean,
): Contender["round"] {
  return async (count) => {
    let elapsedMs = 0;
    for (let left = count; left > 0; left -= AT_A_TIME) {
      const started = performance.now();
      for (let index = Math.min(left, AT_A_TIME); index > 0; index--) call(index);
      const called = performance.now();
      await flush();
      elapsedMs += (isFlushCounted ? performance.now() : called) - started;
    }
    return elapsedMs * 1e6;
  };
}

const log = (index: number): boolean =>
  logger.logJobCompleted(jobIds[index % 64]!, "worker-3", 12.345 + index);

const text = (index: number): string => `Job completed successfully in ${12.345 + index}ms`;
const fields = (index: number): Record<string, string | number> => ({
  job_id: jobIds[index % 64]!,
  event_type: "completed",
  worker_id: "worker-3",
  duration_ms: 12.345 + index,
});

const line = pino({}, { write: () => {} });

const provider = new LoggerProvider({
  processors: [
    new BatchLogRecordProcessor({
      exporter: {
        export: (_records, done) => done({ code: 0 }),
        shutdown: () => Promise.resolve(),
        forceFlush: () => Promise.resolve(),
      },
    }),
  ],
});
const telemetry = provider.getLogger("bench");

await bench({
  title: "Log a completed event",
  // Long enough for what the collector takes of each to be counted with it.
  rounds: 25,
  roundMs: 100,
  contenders: [
    { name: "logJobCompleted: the call", round: inParts(log, () => logger.flush(), false) },
    {
      name: "logJobCompleted: the call and the flush",
      round: inParts(log, () => logger.flush(), true),
    },
    {
      name: "OpenTelemetry: emit to a batch processor",
      round: inParts(
        (index) => telemetry.emit({ body: text(index), attributes: fields(index) }),
        () => provider.forceFlush(),
        false,
      ),
    },
    {
      name: "pino: info",
      round: timed((count) => {
        for (let index = 0; index < count; index++) line.info(fields(index), text(index));
      }),
    },
  ],
});
const { dropped, rejected } = logger.stats();
if (dropped + rejected > 0) throw new Error(`${dropped} dropped, ${rejected} rejected`);
await logger.stop();
await provider.shutdown();
