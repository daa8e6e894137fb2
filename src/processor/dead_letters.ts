/** The dead letters of one group. */

import type {
  DeadLetterFilter,
  DeadLetterQuery,
  JobEventDeadLetter,
  JobEventSource,
} from "../storage/storage.ts";

/** What the group of a processor gave up on: `JobEventDeadLetters` of this group alone. */
export interface ProcessorDeadLetters {
  /** The group's dead letters, the first one first. */
  list(query?: Omit<DeadLetterQuery, "consumerName">): Promise<JobEventDeadLetter[]>;
  /** Gives events to the group again, as a first delivery. Gives how many there were. */
  replay(filter?: Omit<DeadLetterFilter, "consumerName">): Promise<number>;
  /** Removes letters for good. Gives how many there were. */
  purge(filter?: Omit<DeadLetterFilter, "consumerName">): Promise<number>;
}

/** The dead letters of a source that are of one group. */
export function deadLettersOf(source: JobEventSource, consumerName: string): ProcessorDeadLetters {
  return {
    list: (query) => source.deadLetters.list({ ...query, consumerName }),
    replay: (filter) => source.deadLetters.replay({ ...filter, consumerName }),
    purge: (filter) => source.deadLetters.purge({ ...filter, consumerName }),
  };
}
