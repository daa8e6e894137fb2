import assert from "node:assert/strict";
import { it } from "node:test";
import { JobEventProcessor } from "../../src/processor/processor.ts";
import { MemoryJobEventStorage } from "../../src/storage/memory.ts";
import { runOn } from "./bench.ts";
import { processorSuite } from "./suite.ts";
import { uncountedSuite } from "./suite_stop.ts";

const open = () => {
  const storage = new MemoryJobEventStorage();
  return Promise.resolve({ storage, close: () => storage.close() });
};

processorSuite("memory", open);
uncountedSuite("memory", runOn(open));

it("JobEventProcessor: a wait on a closed source leaves no timer", async () => {
  const storage = new MemoryJobEventStorage();
  await storage.close();
  const processor = new JobEventProcessor(storage);
  const { setTimeout } = globalThis;
  let timers = 0;
  globalThis.setTimeout = ((...args: Parameters<typeof setTimeout>) => {
    timers++;
    return setTimeout(...args);
  }) as typeof setTimeout;
  try {
    const waiting = processor.waitForJobEvent("a", "failed", { timeoutMs: 60_000 });
    await assert.rejects(waiting, { code: "ERR_CLOSED" });
  } finally {
    globalThis.setTimeout = setTimeout;
  }
  assert.equal(timers, 0);
});
