/** A progress bar on standard error, for people who wait at a terminal. */

import process from "node:process";
import type { CommandContext } from "./context.ts";

/** Shows how much of something is done. */
export interface Progress {
  /** So much is done in all. */
  set(done: number): void;
  /** Removes the bar. */
  end(): void;
}

const NONE: Progress = { set: () => {}, end: () => {} };

/** What the library has no types for. */
interface Bar {
  start(total: number, begin: number): void;
  update(value: number): void;
  stop(): void;
}
interface Library {
  readonly SingleBar: new (options: object) => Bar;
}

/** Below that it is over before anyone has seen a bar. */
const LEAST = 5000;

/**
 * Begins a bar, where somebody can see it and it does not disturb the results.
 *
 * @param total How much there is.
 */
export async function openProgress(context: CommandContext, total: number): Promise<Progress> {
  if (process.stderr.isTTY !== true || total < LEAST) return NONE;
  const { default: library } = await import("cli-progress") as { readonly default: Library };
  const bar = new library.SingleBar({
    format: "{bar} {percentage}%  {value} of {total}  {eta_formatted} left",
    barCompleteChar: "█",
    barIncompleteChar: "░",
    hideCursor: true,
    clearOnComplete: true,
    etaBuffer: 100,
    stream: process.stderr,
    gracefulExit: false,
  });
  bar.start(total, 0);
  const stop = (): void => bar.stop();
  // The cursor comes back also when the command is ended.
  context.signal.addEventListener("abort", stop, { once: true });
  return {
    set: (done) => bar.update(Math.min(done, total)),
    end: () => {
      context.signal.removeEventListener("abort", stop);
      bar.stop();
    },
  };
}
