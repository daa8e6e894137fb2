/**
 * How much memory does an event take while it waits, and does a logger that runs for long grow?
 *
 * Method: half a million events wait for a sink that never answers. What the process holds after a
 * collection, objects and buffers, is compared with before, and with the bytes of the encoded
 * events. Then ten million events go through another logger into a sink that takes them at once, a
 * thousand at a time; after each two millions the size of the process is read, and what of it is
 * held, after a collection: the rest is the collector's to reuse.
 * The table has the time of such an event on its whole way, with what the collector took.
 */

import { JobEventSubjects } from "../../src/event/subjects.ts";
import { JobEventLogger } from "../../src/logger/logger.ts";
import type { AppendOutcome, JobEventSink } from "../../src/storage/storage.ts";
import { heldBytes, mebibytes, residentBytes } from "./heap.ts";
import { bench } from "./timing.ts";

const BUFFERED = 500_000;
const LOGGED = 10_000_000;
const PARTS = 5;
const AT_A_TIME = 1000;

const jobIds = Array.from({ length: 64 }, (_, index) => `0f8fad5b-d9cb-469f-a165-${index}`);

function log(logger: JobEventLogger, index: number): void {
  const isTaken = logger.logJobCompleted(jobIds[index % 64]!, "worker-3", 12.345 + index);
  if (!isTaken) throw new Error("An event was not taken");
}

function sink(append: JobEventSink["append"]): JobEventSink {
  return {
    subjects: new JobEventSubjects(),
    append,
    close: () => Promise.resolve(),
    [Symbol.asyncDispose]: () => Promise.resolve(),
  };
}

async function waiting(): Promise<string> {
  const logger = new JobEventLogger(sink(() => new Promise(() => {})), {
    maxBufferSize: BUFFERED,
    maxBufferBytes: 2 ** 30,
    onDrop: () => {},
  });
  const before = heldBytes();
  for (let index = 0; index < BUFFERED; index++) log(logger, index);
  const memory = (heldBytes() - before) / BUFFERED;
  const payload = logger.stats().bufferedBytes / BUFFERED;
  await logger.stop({ timeoutMs: 0 });
  return `${BUFFERED.toLocaleString("en")} events that wait take ${
    memory.toFixed(0)
  } bytes each, ` +
    `× ${(memory / payload).toFixed(2)} of their ${payload.toFixed(0)} bytes`;
}

let sequence = 0;
const stored = (): AppendOutcome => ({ status: "stored", sequence: ++sequence });
const logger = new JobEventLogger(sink((records) => Promise.resolve(records.map(stored))));

async function logAll(count: number): Promise<number> {
  const started = performance.now();
  for (let left = count; left > 0; left -= AT_A_TIME) {
    for (let index = Math.min(left, AT_A_TIME); index > 0; index--) log(logger, index);
    await logger.flush();
  }
  return (performance.now() - started) * 1e6;
}

await bench({
  title: "Log ten million events",
  contenders: [{ name: "logJobCompleted, stored", round: logAll }],
  rounds: 5,
  notes: async () => {
    const size = (): string => `${mebibytes(residentBytes(), 0)} (${mebibytes(heldBytes())})`;
    const sizes = [size()];
    for (let part = 0; part < PARTS; part++) {
      await logAll(LOGGED / PARTS);
      sizes.push(size());
    }
    const millions = LOGGED / PARTS / 1e6;
    return [
      `the process (held of it), after each ${millions} million: ${sizes.join(", ")}`,
      await waiting(),
    ];
  },
});
await logger.stop();
