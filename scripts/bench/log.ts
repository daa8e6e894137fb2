/**
 * What does one call of the logger cost whoever calls it, and what does the event cost in all?
 *
 * Method: a sink that takes everything at once. Events are logged a thousand at a time; "the call"
 * counts the calls alone, "the call and the flush" the whole way into the sink. The peer is the
 * least that has to be done: make the event, encode it, keep it in an array.
 */

import { encodeJobEvent } from "../../src/event/encode.ts";
import { JobEventSubjects } from "../../src/event/subjects.ts";
import { JobEvent } from "../../src/gen/factories.ts";
import { JobEventLogger } from "../../src/logger/logger.ts";
import type { AppendOutcome, JobEventSink } from "../../src/storage/storage.ts";
import { bench, timed } from "./timing.ts";

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

function logMany(count: number): void {
  for (let index = 0; index < count; index++) {
    logger.logJobCompleted(jobIds[index % 64]!, "worker-3", 12.345 + index);
  }
}

async function logInParts(count: number, isFlushCounted: boolean): Promise<number> {
  let elapsedMs = 0;
  for (let left = count; left > 0; left -= AT_A_TIME) {
    const started = performance.now();
    logMany(Math.min(left, AT_A_TIME));
    const called = performance.now();
    await logger.flush();
    elapsedMs += (isFlushCounted ? performance.now() : called) - started;
  }
  return elapsedMs * 1e6;
}

await bench({
  title: "Log a completed event",
  contenders: [
    { name: "logJobCompleted: the call", round: (count) => logInParts(count, false) },
    { name: "logJobCompleted: the call and the flush", round: (count) => logInParts(count, true) },
    {
      name: "make, encode and keep it",
      round: timed((count) => {
        let payloads: Uint8Array[] = [];
        for (let index = 0; index < count; index++) {
          if (index % AT_A_TIME === 0) payloads = [];
          const event = JobEvent.completed(jobIds[index % 64]!, "worker-3", 12.345 + index);
          payloads.push(encodeJobEvent(event));
        }
        return payloads;
      }),
    },
  ],
});
const { dropped, rejected } = logger.stats();
if (dropped + rejected > 0) throw new Error(`${dropped} dropped, ${rejected} rejected`);
await logger.stop();
