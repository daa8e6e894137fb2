/** Dead letters as callers see them. */

import type { EventIdSource } from "../../event/event_id.ts";
import { decodeSubjectToken, encodeSubjectToken } from "../../event/token.ts";
import { decodeStoredJobEvent } from "../../gen/decode.ts";
import type { StoredJobEvent } from "../../gen/types.ts";
import type {
  DeadLetterSelection,
  DeadLetterStore,
  StoredDeadMessage,
} from "../../nats/dead_letters.ts";
import { checkWhole } from "../filter.ts";
import type { JobEventSink } from "../storage.ts";

/** Which dead letters are meant. */
export interface DeadLetterFilter {
  /** Only those of this group. */
  readonly consumerName?: string;
  /** Only those of this job. */
  readonly jobId?: string;
  /** At most so many, the oldest ones. @default all */
  readonly limit?: number;
}

/** An event that a group gave up on. */
export interface DeadLetter {
  /** Its position among the dead letters. */
  readonly position: number;
  /** The group. */
  readonly consumerName: string;
  /** Why. */
  readonly reason: string;
  /** How often it was delivered. */
  readonly deliveryCount: number;
  /** When the group gave up on it, in milliseconds since the Unix epoch. */
  readonly deadAt: number;
  /** The position of the event in its stream. */
  readonly sequence: number;
  /** The subject that the event was stored under. */
  readonly subject: string;
  /** What was stored. */
  readonly payload: Uint8Array;
  /** The event; absent where the payload is none. */
  readonly event?: StoredJobEvent;
}

/** Options of `NatsJobEventStorage.replayDeadLetters`. */
export interface ReplayOptions extends DeadLetterFilter {
  /**
   * Gets each letter, and nobody else does. A letter is gone when it resolves; an error of it ends
   * the replay, and that letter stays. @default the event is stored again, at the end of the stream
   */
  readonly handler?: (letter: DeadLetter) => void | Promise<void>;
}

/** Lists dead letters, the first one first. */
export async function listDeadLetters(
  store: DeadLetterStore,
  filter: DeadLetterFilter,
): Promise<DeadLetter[]> {
  const { limit = Infinity } = filter;
  if (limit !== Infinity) checkWhole("limit", limit);
  const letters: DeadLetter[] = [];
  if (limit === 0) return letters;
  for await (const stored of store.read(selectionOf(filter))) {
    if (letters.push(toDeadLetter(stored)) === limit) break;
  }
  return letters;
}

/**
 * Gives dead letters another chance, and removes each that was dealt with.
 *
 * @param ids Where the ids of events come from that are stored again.
 * @returns How many there were.
 */
export async function replayDeadLetters(
  store: DeadLetterStore,
  sink: JobEventSink,
  ids: EventIdSource,
  options: ReplayOptions,
): Promise<number> {
  const letters = await listDeadLetters(store, options);
  for (const letter of letters) {
    if (options.handler !== undefined) {
      await options.handler(letter);
    } else {
      const { subject, payload } = letter;
      const [outcome] = await sink.append([{ eventId: ids.next(), subject, payload }]);
      if (outcome !== undefined && "error" in outcome) throw outcome.error;
    }
    await store.remove(letter.position);
  }
  return letters.length;
}

/** What the server is asked for. */
export function selectionOf({ consumerName, jobId }: DeadLetterFilter): DeadLetterSelection {
  return {
    group: consumerName === undefined ? undefined : encodeSubjectToken(consumerName),
    job: jobId === undefined ? undefined : encodeSubjectToken(jobId),
  };
}

function toDeadLetter(stored: StoredDeadMessage): DeadLetter {
  const { message, group, reason, deliveryCount, deadAt, position } = stored;
  const { sequence, subject, data: payload } = message;
  const letter = {
    position,
    consumerName: decodeSubjectToken(group),
    reason,
    deliveryCount,
    deadAt,
    sequence,
    subject,
    payload,
  };
  const event = decode(stored);
  return event === undefined ? letter : { ...letter, event };
}

function decode({ message }: StoredDeadMessage): StoredJobEvent | undefined {
  const { sequence, subject, data, messageId = `sequence-${sequence}` } = message;
  try {
    return decodeStoredJobEvent(data, subject, sequence, messageId);
  } catch {
    // That it is no event may be the very reason why it is here.
    return undefined;
  }
}
