/** Stores events through any sink and turns its outcomes into stored events or errors. */

import { JobEventError, type JobEventErrorCode, messageOf } from "../errors.ts";
import { encodeJobEvent } from "../event/encode.ts";
import type { EventIdSource } from "../event/event_id.ts";
import type { JobEventSubjects } from "../event/subjects.ts";
import { decodeStoredJobEvent } from "../gen/decode.ts";
import type { JobEvent, StoredJobEvent } from "../gen/types.ts";
import type { AppendOutcome, JobEventRecord, JobEventSink } from "./storage.ts";

/** Where events' subjects and ids come from. */
export interface RecordSource {
  readonly subjects: JobEventSubjects;
  readonly ids: EventIdSource;
}

/**
 * Stores one event.
 *
 * @param ids Where the event's id comes from.
 * @throws {TypeError} The event is not valid.
 * @throws {JobEventError} The event was not stored; the code says why.
 */
export async function storeEvent(
  sink: JobEventSink,
  event: JobEvent,
  ids: EventIdSource,
): Promise<StoredJobEvent> {
  const record = toRecord({ subjects: sink.subjects, ids }, event);
  const [outcome] = await sink.append([record]);
  return storedOrThrow(record, outcome);
}

/**
 * Stores events in their order. An event that cannot be stored stops none of the others.
 *
 * @param ids Where the events' ids come from.
 * @throws {JobEventError} Some were not stored. The message says which by their index, `code` is
 * that of the first, and `cause` is an `AggregateError` with one error for each.
 */
export async function storeEvents(
  sink: JobEventSink,
  events: readonly JobEvent[],
  ids: EventIdSource,
): Promise<StoredJobEvent[]> {
  const draft = new StoreDraft({ subjects: sink.subjects, ids }, events);
  // Also when nothing is left to store: a closed sink says so.
  return draft.finish(await sink.append(draft.records));
}

/** {@linkcode storeEvents} without its wait: before and after the records are appended. */
export class StoreDraft {
  /** What is to be appended. */
  readonly records: JobEventRecord[] = [];
  readonly #indexes: number[] = [];
  readonly #errors = new Map<number, unknown>();
  readonly #total: number;

  constructor(source: RecordSource, events: readonly JobEvent[]) {
    this.#total = events.length;
    events.forEach((event, index) => {
      try {
        this.records.push(toRecord(source, event));
        this.#indexes.push(index);
      } catch (error) {
        this.#errors.set(index, error);
      }
    });
  }

  /** The stored events; throws as {@linkcode storeEvents} does. */
  finish(outcomes: readonly AppendOutcome[]): StoredJobEvent[] {
    const stored: StoredJobEvent[] = [];
    this.records.forEach((record, position) => {
      const result = toStored(record, outcomes[position]);
      if ("error" in result) this.#errors.set(this.#indexes[position]!, result.error);
      else stored.push(result.event);
    });
    if (this.#errors.size > 0) throw aggregate(this.#errors, this.#total);
    return stored;
  }
}

/**
 * Makes the record of an event.
 *
 * @throws {TypeError} The event is not valid.
 */
export function toRecord({ subjects, ids }: RecordSource, event: JobEvent): JobEventRecord {
  const payload = encodeJobEvent(event);
  return { eventId: ids.next(), subject: subjects.forEvent(event), payload };
}

/** The event of a record that was stored; throws the error of one that was not. */
export function storedOrThrow(
  record: JobEventRecord,
  outcome: AppendOutcome | undefined,
): StoredJobEvent {
  const result = toStored(record, outcome);
  if ("error" in result) throw result.error;
  return result.event;
}

type StoreResult = { readonly event: StoredJobEvent } | { readonly error: JobEventError };

function toStored(record: JobEventRecord, outcome: AppendOutcome | undefined): StoreResult {
  if (outcome === undefined) {
    return { error: new JobEventError("ERR_UNAVAILABLE", "Cannot store event: no outcome came") };
  }
  if ("error" in outcome) return { error: outcome.error };
  const { payload, subject, eventId } = record;
  // Decoded from what was stored, so the caller gets what every reader will get.
  return { event: decodeStoredJobEvent(payload, subject, outcome.sequence, eventId) };
}

function aggregate(failures: ReadonlyMap<number, unknown>, total: number): JobEventError {
  const sorted = [...failures].sort(([left], [right]) => left - right);
  const shown = sorted.slice(0, 5).map(([index, error]) => `[${index}] ${messageOf(error)}`);
  if (sorted.length > shown.length) shown.push(`and ${sorted.length - shown.length} more`);
  const message = `Cannot store ${sorted.length} of ${total} events: ${shown.join("; ")}`;
  return new JobEventError(codeOf(sorted[0]?.[1]), message, {
    cause: new AggregateError(sorted.map(([, error]) => error), message),
  });
}

function codeOf(error: unknown): JobEventErrorCode {
  // What is no error of this package is a TypeError from the encoder or the subject.
  const { name, code } = error as { name?: unknown; code?: unknown };
  return name === "JobEventError" ? code as JobEventErrorCode : "ERR_INVALID_EVENT";
}
