/** Logs through a spool until it is killed, and says which events were accepted. */

import { writeSync } from "node:fs";
import { JobEventError } from "../../src/errors.ts";
import { JobEventLogger } from "../../src/logger/logger.ts";
import type { AppendOutcome, JobEventSink } from "../../src/storage/storage.ts";
import { SqliteJobEventStorage } from "../../src/storage/sqlite.ts";
import { seededRandom } from "../helpers.ts";

const [spool, target, name, mode, seed, isInStorage] = process.argv.slice(2);
const random = seededRandom(Number(seed));
const storage = await SqliteJobEventStorage.open(target!);
const error = new JobEventError("ERR_UNAVAILABLE", "Cannot store: the test says so");
const again = (): AppendOutcome => ({ status: "retry", error });

const sink: JobEventSink = {
  subjects: storage.subjects,
  async append(records, options) {
    if (mode === "outage") return records.map(again);
    const outcomes = await storage.append(records, options);
    // The events are stored, but the answers are lost on their way.
    return outcomes.map((outcome) => mode === "lossy" && random(3) === 0 ? again() : outcome);
  },
  close: () => Promise.resolve(),
  [Symbol.asyncDispose]: () => Promise.resolve(),
};

const logger = new JobEventLogger(sink, {
  spool: isInStorage === "yes" ? await SqliteJobEventStorage.open(spool!) : spool!,
  maxBufferSize: 50,
  batchSize: 20,
  retry: { initialDelayMs: 1, maxDelayMs: 5 },
  onError: () => {},
});
writeSync(1, "ready\n");
for (let number = 0;; number++) {
  const job = `${name}-${number}`;
  if (logger.logJobCancelled(job)) writeSync(1, `${job}\n`);
  if (random(7) === 0) await new Promise((resolve) => setTimeout(resolve, 0));
}
