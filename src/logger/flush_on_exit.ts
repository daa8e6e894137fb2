/** Delivers what loggers have when the program ends. */

import { type HostProcess, hostProcess, onExit } from "./host.ts";
import type { FlushReport, LoggerStats, StopReport } from "./options.ts";

/** What a logger can do about its end. */
export interface EndingLogger {
  flush(): Promise<FlushReport>;
  stop(): Promise<StopReport>;
  stats(): LoggerStats;
}

/** What a program that a signal ends exits with. */
const EXIT_CODES = { SIGINT: 130, SIGTERM: 143 } as const;
const SIGNALS = ["SIGINT", "SIGTERM"] as const;
const KILL_MS = 100;

/** Marks the listeners of every copy of this package: none of them is one of the owner's. */
const MARK = Symbol.for("@naq/events flushOnExit");

// Shared by all loggers: a signal ends the program once, after the last of them has delivered.
const loggers = new Set<EndingLogger>();
const hopeless = new WeakSet<EndingLogger>();
let removeListeners: (() => void) | undefined;

/** See `JobEventLogger.flushOnExit`. */
export function flushOnExit(logger: EndingLogger): () => void {
  loggers.add(logger);
  removeListeners ??= addListeners();
  return () => {
    loggers.delete(logger);
    if (loggers.size > 0) return;
    removeListeners?.();
    removeListeners = undefined;
  };
}

function addListeners(): () => void {
  const undo = [onExit(flushNow)];
  const process = hostProcess();
  if (process !== undefined) {
    const listen = (event: string, listener: () => void): void => {
      process.on(event, listener);
      undo.push(() => process.removeListener(event, listener));
    };
    listen("beforeExit", flushBeforeExit);
    for (const signal of SIGNALS) listen(signal, signalListener(process, signal));
  }
  return () => undo.forEach((remove) => remove());
}

/** What a flush does before its first wait is all that is still done: a file gets one batch. */
function flushNow(): void {
  for (const logger of loggers) if (logger.stats().buffered > 0) void logger.flush();
}

/** Nothing else keeps the program running. It comes here again when the flushes are over. */
function flushBeforeExit(): void {
  for (const logger of loggers) {
    if (logger.stats().buffered === 0 || hopeless.has(logger)) continue;
    void logger.flush().then(({ pending }) => {
      if (pending > 0) hopeless.add(logger);
    });
  }
}

function signalListener(process: HostProcess, signal: keyof typeof EXIT_CODES): () => void {
  let isRunning = false;
  const listener = async (): Promise<void> => {
    // An impatient second signal changes nothing: the end is bounded by `stopTimeoutMs`.
    if (isRunning) return;
    isRunning = true;
    const others = process.listeners(signal).filter((other) => !isMarked(other));
    if (others.length > 0) {
      // The owner decides about the end, and may log more before it.
      await Promise.all([...loggers].map((logger) => logger.flush()));
      isRunning = false;
      return;
    }
    await Promise.all([...loggers].map((logger) => logger.stop()));
    endBy(process, signal, listener);
  };
  return Object.assign(listener, { [MARK]: true });
}

function isMarked(listener: unknown): boolean {
  return (listener as { [MARK]?: boolean })[MARK] === true;
}

/** Ends the program as the signal would have ended it without a listener. */
function endBy(
  process: HostProcess,
  signal: keyof typeof EXIT_CODES,
  listener: () => void,
): void {
  process.removeListener(signal, listener);
  // Another copy of this package delivers still, and ends the program then.
  if (process.listeners(signal).length > 0) return;
  // The first process of a container is not ended by a signal that nobody listens to.
  setTimeout(() => process.exit(EXIT_CODES[signal]), KILL_MS);
  try {
    process.kill(process.pid, signal);
  } catch {
    // Not permitted: the timer ends the program.
  }
}
