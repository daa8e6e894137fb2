/** One timer for delays of any length. */

/** Cancels a timer. */
export type CancelTimer = () => void;

/** The longest delay of the runtimes' timers, in milliseconds; longer ones fire at once. */
const MAX_DELAY_MS = 2 ** 31 - 1;

/** What Deno has for timers that are numbers. */
interface NumberTimers {
  readonly Deno?: { unrefTimer(timer: number): void };
}

/**
 * Calls back once after `delayMs`, however long that is; never for `Infinity`.
 *
 * @param onSet Gets each of the runtime's timers that this takes: {@linkcode unrefTimer}, say.
 */
export function startTimer(
  callback: () => void,
  delayMs: number,
  onSet?: (timer: unknown) => void,
): CancelTimer {
  let timer: ReturnType<typeof setTimeout>;
  const wait = (leftMs: number): void => {
    const isLast = leftMs <= MAX_DELAY_MS;
    timer = setTimeout(
      isLast ? callback : () => wait(leftMs - MAX_DELAY_MS),
      isLast ? Math.max(leftMs, 0) : MAX_DELAY_MS,
    );
    onSet?.(timer);
  };
  wait(delayMs);
  return () => clearTimeout(timer);
}

/** Where a runtime can do so, lets a script exit although the timer runs. */
export function unrefTimer(timer: unknown): void {
  if (typeof timer === "object" && timer !== null && "unref" in timer) {
    (timer as { unref(): void }).unref();
  } else {
    // `setTimeout` of Deno 2.5 gives a number, as in a browser, and this function lets it go; that
    // of Deno 2.9 gives an object, as in Node.
    (globalThis as NumberTimers).Deno?.unrefTimer(timer as number);
  }
}

/** Waits, but not beyond an abort. */
export function pause(ms: number, signal?: AbortSignal): Promise<void> {
  if (signal?.aborted) return Promise.resolve();
  return new Promise((resolve) => {
    const done = (): void => {
      cancel();
      signal?.removeEventListener("abort", done);
      resolve();
    };
    const cancel = startTimer(done, ms);
    signal?.addEventListener("abort", done);
  });
}
