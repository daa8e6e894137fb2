/** Live streams of events. */

import { LiveReader, type LiveStart } from "../../nats/live.ts";
import type { ReadContext } from "../../nats/patience.ts";
import { consumerPatterns, widePattern } from "../../nats/patterns.ts";
import { compileFilter } from "../filter.ts";
import { type CompiledStart, compileStart } from "../follow.ts";
import { type Lifetime, PulledSequence } from "../pull.ts";
import type { JobEventStream, StreamOptions } from "../storage.ts";
import { type EventDecoder, isEvent } from "../decoder.ts";

/** Makes the life of a stream or of a member; it also ends with the storage. */
export type MakeLifetime = (
  signal: AbortSignal | undefined,
  onEnd: () => Promise<void>,
) => Lifetime;

/**
 * Opens a live stream.
 *
 * @param makeLifetime Gives it a life; what it is told to do at the end frees the consumer.
 */
export function followEvents(
  context: ReadContext,
  decoder: EventDecoder,
  options: StreamOptions,
  makeLifetime: MakeLifetime,
): JobEventStream {
  const { subjects, capabilities } = context.stream;
  const { from = "new", jobId, signal } = options;
  const filter = compileFilter(options);
  const start = liveStart(compileStart(from));
  const wide = widePattern(subjects, jobId);
  const patterns = consumerPatterns(subjects.filters(options), wide, capabilities);
  const lifetime = makeLifetime(signal, () => reader.close());
  const reader = new LiveReader(context, { patterns, start, signal: lifetime.signal });
  const isOpen = lifetime.ended || filter.impossible ? Promise.resolve() : reader.open();
  return new PulledSequence(lifetime, untilEnd(isOpen, lifetime), async () => {
    if (filter.impossible) await untilEnd(new Promise(() => {}), lifetime);
    for (;;) {
      const message = await reader.next();
      if (message === undefined || lifetime.ended) return undefined;
      const event = decoder.decode(message, options.onDecodeError);
      if (isEvent(event) && filter.matches(event)) return event;
    }
  });
}

/** Where the server is to begin. */
export function liveStart(start: CompiledStart): LiveStart {
  if (start === "new") return "new";
  if (start === "all") return { sequence: 1 };
  return "after" in start ? { sequence: start.after + 1 } : start;
}

/** Waits for a promise, but not beyond the end of a life. */
export async function untilEnd(promise: Promise<void>, { signal }: Lifetime): Promise<void> {
  const { promise: end, resolve } = Promise.withResolvers<void>();
  const stop = (): void => resolve();
  if (signal.aborted) stop();
  else signal.addEventListener("abort", stop);
  try {
    // The end first: what fails because of it is of no interest.
    await Promise.race([end, promise]);
  } finally {
    signal.removeEventListener("abort", stop);
  }
}
