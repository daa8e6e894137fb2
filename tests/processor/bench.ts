/** What the cases of the processor work with. */

import { JobEvent } from "../../src/gen/factories.ts";
import type { JobEventProcessorOptions } from "../../src/processor/options.ts";
import { JobEventProcessor } from "../../src/processor/processor.ts";
import type { JobEventStorage } from "../../src/storage/storage.ts";

/** Opens an empty storage; the function that comes with it frees it. */
export type OpenStorage = () => Promise<{
  readonly storage: JobEventStorage;
  readonly close: () => Promise<void>;
  /** Stores bytes that are no event under a subject of a job, where that can be. */
  readonly storeUndecodable?: (jobId: string) => Promise<void>;
}>;

/** A storage with a processor, which is not started, and what the processor tells. */
export interface Bench {
  readonly storage: JobEventStorage;
  readonly processor: JobEventProcessor;
  readonly errors: { readonly error: unknown; readonly jobId: string | undefined }[];
  readonly deadLetters: string[];
  store(...jobs: string[]): Promise<void>;
  storeUndecodable(jobId: string): Promise<void>;
}

/** Runs a case on a bench of its own. */
export type Run = (
  options: JobEventProcessorOptions,
  body: (bench: Bench) => Promise<void>,
) => Promise<void>;

/** A handler that never returns. */
export const never = (): Promise<void> => new Promise<void>(() => {});

/** Waits. */
export const pause = (ms: number): Promise<void> =>
  new Promise((resolve) => setTimeout(resolve, ms));

/** The names of so many jobs. */
export const numbered = (count: number): string[] =>
  Array.from({ length: count }, (_, index) => `job-${index}`);

/** Runs cases on storages that `open` opens. */
export function runOn(open: OpenStorage): Run {
  return async (options, body) => {
    const { storage, close, storeUndecodable } = await open();
    const errors: { error: unknown; jobId: string | undefined }[] = [];
    const deadLetters: string[] = [];
    const processor = new JobEventProcessor(storage, {
      onError: (error, event) => errors.push({ error, jobId: event?.jobId }),
      onDeadLetter: (event) => deadLetters.push(event.jobId),
      ...options,
    });
    const store = async (...jobs: string[]) => {
      await storage.storeEvents(jobs.map((job) => JobEvent.cancelled(job)));
    };
    try {
      const stores = { store, storeUndecodable: storeUndecodable ?? never };
      await body({ storage, processor, errors, deadLetters, ...stores });
    } finally {
      await processor.stop({ graceMs: 0 });
      await close();
    }
  };
}
