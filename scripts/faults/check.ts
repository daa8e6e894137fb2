/** Reads the stream, and says what is wrong with it. */

import type { JobEventStorage } from "../../src/storage/storage.ts";

/** What a producer's events must look like. */
export interface Expected {
  readonly name: string;
  /** Event 0 up to this one, without it, was accepted. */
  readonly accepted: number;
}

/** Events that may be missing: they lay in a stream that was deleted. */
export type MayBeMissing = (producer: string, index: number) => boolean;

/**
 * Checks that every accepted event is there once, and that each job's events are in order.
 *
 * @returns What is wrong, at most some lines of it.
 */
export async function checkStream(
  storage: JobEventStorage,
  producers: readonly Expected[],
  mayBeMissing: MayBeMissing = () => false,
): Promise<string[]> {
  const problems: string[] = [];
  const counts = new Map(producers.map(({ name, accepted }) => [name, new Uint8Array(accepted)]));
  const last = new Map<string, number>();
  for await (const event of storage.readEvents()) {
    const name = event.workerId ?? "";
    const index = Number(event.message);
    const count = counts.get(name);
    if (count === undefined || !(index < count.length)) {
      problems.push(`${event.jobId} has event ${index}, which nobody accepted`);
      continue;
    }
    if (++count[index]! > 1) problems.push(`${name} has event ${index} twice`);
    const before = last.get(event.jobId) ?? -1;
    if (index < before) problems.push(`${event.jobId} has event ${index} after ${before}`);
    last.set(event.jobId, index);
  }
  for (const [name, count] of counts) {
    count.forEach((times, index) => {
      if (times === 0 && !mayBeMissing(name, index)) problems.push(`${name} lost event ${index}`);
    });
  }
  return problems;
}
