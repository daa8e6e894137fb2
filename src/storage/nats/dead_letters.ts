/** Dead letters as callers see them. */

import { decodeSubjectToken, encodeSubjectToken } from "../../event/token.ts";
import { decodeStoredJobEvent } from "../../gen/decode.ts";
import type { DeadLetterStore, LetterSelection, StoredLetter } from "../../nats/dead_letters.ts";
import type { StreamMessage } from "../../nats/message.ts";
import { checkWhole } from "../filter.ts";
import type {
  DeadLetterFilter,
  DeadLetterQuery,
  JobEventDeadLetter,
  JobEventDeadLetters,
} from "../storage.ts";

/** The dead letters of a storage: the id of each is its position in their stream. */
export class NatsDeadLetters implements JobEventDeadLetters {
  readonly #store: DeadLetterStore;
  readonly #assertOpen: (action: string) => void;
  readonly #signal: AbortSignal;

  /**
   * @param assertOpen Throws when the storage is closed.
   * @param signal Aborts when it is.
   */
  constructor(store: DeadLetterStore, assertOpen: (action: string) => void, signal: AbortSignal) {
    this.#store = store;
    this.#assertOpen = assertOpen;
    this.#signal = signal;
  }

  async list(query: DeadLetterQuery = {}): Promise<JobEventDeadLetter[]> {
    this.#assertOpen("read dead letters");
    const { limit = Infinity } = query;
    if (limit !== Infinity) checkWhole("limit", limit);
    const selection = compileSelection(query);
    const letters: JobEventDeadLetter[] = [];
    if (limit === 0) return letters;
    for await (const stored of this.#store.read(selection, this.#signal)) {
      if (letters.push(publicLetter(stored)) === limit) break;
    }
    this.#assertOpen("read dead letters");
    return letters;
  }

  async replay(filter: DeadLetterFilter = {}): Promise<number> {
    this.#assertOpen("replay dead letters");
    return await this.#store.replay(compileSelection(filter), this.#signal);
  }

  async purge(filter: DeadLetterFilter = {}): Promise<number> {
    this.#assertOpen("purge dead letters");
    return await this.#store.purge(compileSelection(filter), this.#signal);
  }
}

/** A dead letter as users see it. */
export function publicLetter(stored: StoredLetter): JobEventDeadLetter {
  const { message, group, reason, deliveryCount, keptAt, position } = stored;
  const { sequence: natsSequence, payload } = message;
  return {
    id: String(position),
    consumerName: decodeSubjectToken(group),
    ...decoded(message),
    natsSequence,
    payload,
    reason,
    deliveryCount,
    deadAt: new Date(keptAt),
  };
}

function decoded(message: StreamMessage): Pick<JobEventDeadLetter, "event"> {
  const { sequence, subject, payload, traceparent, eventId = `sequence-${sequence}` } = message;
  try {
    return { event: decodeStoredJobEvent(payload, subject, sequence, eventId, traceparent) };
  } catch {
    // That it is no event may be the very reason why it is here.
    return {};
  }
}

function compileSelection({ consumerName, jobId, ids }: DeadLetterFilter): LetterSelection {
  return {
    group: consumerName === undefined ? undefined : encodeSubjectToken(consumerName),
    job: jobId === undefined ? undefined : encodeSubjectToken(jobId),
    positions: ids && new Set(ids.filter((id) => /^[1-9]\d{0,14}$/.test(id)).map(Number)),
  };
}
