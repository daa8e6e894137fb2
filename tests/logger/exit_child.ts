/** Programs that end with events in a logger. The first argument says which. */

import { writeSync } from "node:fs";
import { JobEventLogger } from "../../src/logger/logger.ts";
import { SqliteJobEventStorage } from "../../src/storage/sqlite.ts";
import { ScriptedSink } from "./scripted_sink.ts";

const [role, path] = process.argv.slice(2);
const say = (line: string): void => void writeSync(1, `${line}\n`);
const hanging = (): JobEventLogger =>
  new JobEventLogger(new ScriptedSink(() => new Promise(() => {})));

/** Keeps the program running until it is told to end. */
function work(): void {
  setInterval(() => {}, 1000);
  say("ready");
}

const roles: Record<string, () => void | Promise<void>> = {
  /** Waits for its batch to fill, which would take 5 s. */
  forgot() {
    const first = hanging();
    const second = hanging();
    first.logJobCancelled("a");
    first.logJobCancelled("b");
    second.logJobCancelled("c");
  },
  async forgotOne() {
    const delivered = new JobEventLogger(new ScriptedSink());
    delivered.logJobCancelled("a");
    await delivered.flush();
    hanging().logJobCancelled("b");
  },
  async stopped() {
    await using logger = new JobEventLogger(new ScriptedSink());
    logger.logJobCancelled("a");
  },
  /** What Deno has beside the end of a script; the others end by their process. */
  exit() {
    hanging().logJobCancelled("a");
    const { Deno } = globalThis as { Deno?: { exit(code: number): void } };
    if (Deno !== undefined) Deno.exit(5);
    else process.exit(5);
  },
  /** Waits for room while nothing else keeps the program running. */
  async ready() {
    const sink = shaky();
    await using logger = new JobEventLogger(sink, { overflow: "block", maxBufferSize: 1 });
    for (const job of ["a", "b", "c"]) {
      while (!logger.logJobCancelled(job) && logger.isFull) await logger.ready();
    }
    await logger.stop();
    say(sink.storedJobs().join(" "));
  },
  /** Listeners would make Node warn of a leak. */
  many() {
    for (let index = 0; index < 30; index++) hanging().logJobCancelled(`job-${index}`);
  },
};

/** Answers only after three failures, and keeps no program alive meanwhile. */
function shaky(): ScriptedSink {
  const sink: ScriptedSink = new ScriptedSink((records, call) => {
    if (call > 3) return sink.store(records);
    throw new Error("down");
  });
  return sink;
}

/** Programs with `flushOnExit`, on a file. */
const flushing: Record<string, (storage: SqliteJobEventStorage) => void> = {
  signal(storage) {
    const logger = new JobEventLogger(storage);
    const other = new JobEventLogger(storage);
    logger.flushOnExit();
    other.flushOnExit();
    for (let index = 0; index < 250; index++) logger.logJobCancelled(`job-${index}`);
    other.logJobCancelled("other");
    work();
  },
  ownListener(storage) {
    const logger = new JobEventLogger(storage);
    logger.flushOnExit();
    logger.logJobCancelled("before");
    process.on("SIGTERM", async () => {
      logger.logJobCancelled("after");
      await logger.stop();
      say("mine");
      process.exit(7);
    });
    work();
  },
  undone(storage) {
    const logger = new JobEventLogger(storage);
    logger.flushOnExit()();
    logger.logJobCancelled("a");
    work();
  },
  end(storage) {
    const logger = new JobEventLogger(storage);
    logger.flushOnExit();
    for (let index = 0; index < 250; index++) logger.logJobCancelled(`job-${index}`);
  },
  exitNow(storage) {
    const logger = new JobEventLogger(storage);
    logger.flushOnExit();
    logger.logJobCancelled("a");
    process.exit(5);
  },
  outage() {
    const sink = new ScriptedSink(() => {
      throw new Error("down");
    });
    const logger = new JobEventLogger(sink, { stopTimeoutMs: 200 });
    logger.flushOnExit();
    logger.logJobCancelled("a");
  },
};

if (path === undefined) await roles[role!]!();
else flushing[role!]!(await SqliteJobEventStorage.open(path));
