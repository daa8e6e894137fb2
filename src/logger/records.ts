/** From buffered events to what others get of them. */

import { EventIdSource } from "../event/event_id.ts";
import type { JobEventSubjects } from "../event/subjects.ts";
import type { JobEventType } from "../gen/types.ts";
import type { JobEventRecord } from "../storage/storage.ts";
import type { BufferedEvent } from "./event_buffer.ts";
import type { DroppedJobEvent } from "./options.ts";

/** Gives events their ids. */
export class Records {
  readonly #ids = new EventIdSource();
  readonly #subjects: JobEventSubjects;

  constructor(subjects: JobEventSubjects) {
    this.#subjects = subjects;
  }

  /** The id of a new event. */
  readonly idOf = (ordinal: number): string => this.#ids.at(ordinal);

  /** An event as it is stored. */
  readonly toRecord = (event: BufferedEvent): JobEventRecord => {
    const { ordinal, eventId, subject, payload, traceparent } = event;
    const record = { eventId: eventId ?? this.idOf(ordinal), subject, payload };
    return traceparent === undefined ? record : { ...record, traceparent };
  };

  /** An event as its loss is reported. */
  readonly toDropped = (event: BufferedEvent): DroppedJobEvent => {
    const { subject } = event;
    const parsed = this.#subjects.parse(subject);
    // A spool can hold events of a logger whose subjects began otherwise: their job is not known.
    const { jobId = "", eventType = subject.split(".").at(-1) as JobEventType } = parsed ?? {};
    return { ...this.toRecord(event), jobId, eventType };
  };
}
