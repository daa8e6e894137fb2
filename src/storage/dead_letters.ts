/** The dead letters of an embedded storage. */

import { decodeSubjectToken, encodeSubjectToken } from "../event/token.ts";
import { decodeStoredJobEvent } from "../gen/decode.ts";
import type { DeadLetter, DeadLetterSelection, EventEngine } from "./engine.ts";
import { checkWhole } from "./filter.ts";
import type {
  DeadLetterFilter,
  DeadLetterQuery,
  JobEventDeadLetter,
  JobEventDeadLetters,
} from "./storage.ts";

/** Lists, replays and purges what the groups of an engine gave up on. */
export class EmbeddedDeadLetters implements JobEventDeadLetters {
  readonly #engine: EventEngine;
  readonly #assertOpen: (action: string) => void;

  /** @param assertOpen Throws when the storage is closed. */
  constructor(engine: EventEngine, assertOpen: (action: string) => void) {
    this.#engine = engine;
    this.#assertOpen = assertOpen;
  }

  // deno-lint-ignore require-await -- async, so that errors are rejections
  async list(query: DeadLetterQuery = {}): Promise<JobEventDeadLetter[]> {
    this.#assertOpen("read dead letters");
    const { limit } = query;
    if (limit !== undefined) checkWhole("limit", limit);
    const selection = compileSelection(query);
    return this.#engine.groups.deadLetters(selection, limit ?? Infinity).map(publicLetter);
  }

  async replay(filter: DeadLetterFilter = {}): Promise<number> {
    this.#assertOpen("replay dead letters");
    const selection = compileSelection(filter);
    const count = await this.#engine.write(() => this.#engine.groups.replay(selection));
    this.#engine.changes.notify();
    return count;
  }

  async purge(filter: DeadLetterFilter = {}): Promise<number> {
    this.#assertOpen("purge dead letters");
    const selection = compileSelection(filter);
    return await this.#engine.write(() => this.#engine.groups.purge(selection));
  }
}

/** A dead letter as users see it. */
export function publicLetter(letter: DeadLetter): JobEventDeadLetter {
  const { sequence, payload, reason, deliveryCount } = letter;
  return {
    id: String(letter.id),
    consumerName: decodeSubjectToken(letter.group),
    ...decoded(letter),
    natsSequence: sequence,
    payload,
    reason,
    deliveryCount,
    deadAt: new Date(letter.deadAt),
  };
}

function decoded(letter: DeadLetter): Pick<JobEventDeadLetter, "event"> {
  const { payload, subject, sequence, eventId, traceparent } = letter;
  const trace = traceparent ?? undefined;
  try {
    return { event: decodeStoredJobEvent(payload, subject, sequence, eventId, trace) };
  } catch {
    // That it cannot be read is why it is here; the bytes are what is left of it.
    return {};
  }
}

function compileSelection({ consumerName, jobId, ids }: DeadLetterFilter): DeadLetterSelection {
  if (jobId !== undefined) encodeSubjectToken(jobId);
  return {
    group: consumerName === undefined ? undefined : encodeSubjectToken(consumerName),
    jobId,
    ids: ids?.filter((id) => /^[1-9]\d{0,14}$/.test(id)).map(Number),
  };
}
