/** The demo's live view: one line that moves on a terminal, a line now and then elsewhere. */

import process from "node:process";
import type { JobEventProcessor } from "../../mod.ts";
import { whole } from "./text.ts";

const TERMINAL_MS = 100;
const PLAIN_MS = 1000;
const CATCH_UP_MS = 5000;

/** The live view while it runs. */
export interface Progress {
  /** Waits until the live view has seen that many events, then ends it. */
  end(events: number): Promise<void>;
}

/** Shows how far the jobs are, from the events as they are stored. */
export function showProgress(processor: JobEventProcessor, run: string): Progress {
  const counts = { events: 0, enqueued: 0, done: 0, failed: 0 };
  processor.onAny((event) => {
    if (event.tags?.["run"] !== run) return;
    counts.events++;
    if (event.eventType === "enqueued") counts.enqueued++;
    if (event.eventType === "completed") counts.done++;
    if (event.eventType === "max_retries_exceeded") counts.failed++;
  });
  const isTerminal = process.stdout.isTTY === true;
  const line = () =>
    `${whole(counts.done + counts.failed)} of ${whole(counts.enqueued)} jobs done, ` +
    `${whole(counts.failed)} failed, ${whole(counts.events)} events stored`;
  const show = () => process.stdout.write(isTerminal ? `\r\x1b[2K${line()}` : `${line()}\n`);
  const timer = setInterval(show, isTerminal ? TERMINAL_MS : PLAIN_MS);
  return {
    async end(events) {
      // The live view is a moment behind what is stored.
      const deadline = performance.now() + CATCH_UP_MS;
      while (counts.events < events && performance.now() < deadline) {
        await new Promise((resolve) => setTimeout(resolve, 5));
      }
      clearInterval(timer);
      show();
      if (isTerminal) process.stdout.write("\n");
    },
  };
}
