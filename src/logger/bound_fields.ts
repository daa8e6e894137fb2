/** Fields that every event of a logger gets. */

import { mergeDetails } from "../event/check.ts";
import { createJobEvent } from "../gen/factories.ts";
import type { JobEvent, JobEventExtras } from "../gen/types.ts";

/** Fields that a child logger gives to its events. */
export type JobEventBoundFields = Omit<JobEventExtras, "timestamp">;

/** Fields that are bound to a child logger: checked once, and not the caller's any more. */
export class BoundFields {
  readonly #fields: JobEventBoundFields;
  // Apart from the rest, so that logging an event does not have to look for them.
  readonly #names: readonly (keyof JobEventBoundFields)[];
  readonly #tags: JobEventBoundFields["tags"];

  /** @throws {TypeError} A field is not known or not valid. */
  constructor(fields: JobEventBoundFields) {
    // An event with these fields says now what every event would say later.
    createJobEvent({ jobId: "job", eventType: "started", ...fields });
    const { tags, ...others } = structuredClone(fields);
    this.#fields = { ...others, ...(tags == null ? {} : { tags }) };
    this.#names = (Object.keys(others) as (keyof typeof others)[])
      .filter((name) => others[name] != null);
    this.#tags = tags ?? undefined;
  }

  /**
   * The event with the fields that it lacks.
   *
   * @throws {TypeError} The event's tags are none.
   */
  addTo(event: JobEvent): JobEvent {
    const whole: Record<string, unknown> = { ...event };
    for (const name of this.#names) whole[name] ??= this.#fields[name];
    if (this.#tags !== undefined) {
      whole["tags"] = event.tags == null ? this.#tags : mergeDetails(this.#tags, event.tags);
    }
    return whole as unknown as JobEvent;
  }

  /** These fields and, where they say nothing, those of this one. */
  with(fields: JobEventBoundFields): JobEventBoundFields {
    const tags = this.#tags === undefined && fields.tags == null
      ? {}
      : { tags: { ...this.#tags, ...fields.tags } };
    return { ...this.#fields, ...fields, ...tags };
  }
}
