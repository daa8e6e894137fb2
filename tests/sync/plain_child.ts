/** Programs without any `await`, as the blocking twins are there for. */

import { writeSync } from "node:fs";
import {
  JobEventLoggerSync,
  type JobEventStorageSync,
  openStorageSync,
} from "../../src/sync/mod.ts";

const [role, url, count] = process.argv.slice(2);

function report(value: unknown): void {
  writeSync(1, `${JSON.stringify(value)}\n`);
}

function log(logger: JobEventLoggerSync): void {
  for (let index = 0; index < Number(count); index++) logger.logJobCancelled(`job-${index}`);
}

const roles: Record<string, (storage: JobEventStorageSync) => void> = {
  /** Logs, flushes, reads back, and ends. */
  all(storage) {
    const logger = new JobEventLoggerSync(storage);
    log(logger);
    report(logger.flushSync());
    report(storage.listEventsSync().map(({ jobId }) => jobId));
  },
  /** Says no word about stopping. */
  leave(storage) {
    log(new JobEventLoggerSync(storage));
  },
  exit(storage) {
    log(new JobEventLoggerSync(storage));
    process.exit(3);
  },
  "exit of the runtime"(storage) {
    log(new JobEventLoggerSync(storage));
    const { Deno } = globalThis as { Deno?: { exit(code: number): never } };
    (Deno ?? process).exit(3);
  },
  throw(storage) {
    log(new JobEventLoggerSync(storage));
    throw new Error("Nobody catches this");
  },
  /** Blocks its thread without a call of the logger until the events are there. */
  busy(storage) {
    const logger = new JobEventLoggerSync(storage, { flushIntervalMs: 50 });
    log(logger);
    const cell = new Int32Array(new SharedArrayBuffer(4));
    for (let tries = 0; tries < 500; tries++) {
      Atomics.wait(cell, 0, 0, 20);
      // Another storage, so that nothing wakes the logger's worker.
      using other = openStorageSync(url!);
      if (other.countEventsSync() === Number(count)) return report(tries);
    }
  },
};

roles[role!]!(openStorageSync(url!));
