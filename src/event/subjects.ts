/** Subjects: where an event is stored, and the patterns that find it again. */

import { type ParsedSubject, parseSubject, SUBJECT_FIELDS } from "../gen/subjects.ts";
import { isJobEventType, type JobEvent, type JobEventType } from "../gen/types.ts";
import { checkPrefix } from "./prefix.ts";
import { SubjectWriter } from "./subject_writer.ts";
import { readText } from "./text.ts";
import { encodeSubjectToken } from "./token.ts";

/** The prefix of every subject unless another is given. */
export const DEFAULT_SUBJECT_PREFIX = "naq.jobs.events";

/** The parts of a filter that subjects can narrow. */
export interface SubjectFilter {
  /** Only events of this job. */
  readonly jobId?: string;
  /** Only events of this worker. */
  readonly workerId?: string;
  /** Only events of this queue. */
  readonly queueName?: string;
  /** Only events of this type, or of one of these; an empty list finds nothing. */
  readonly eventType?: JobEventType | readonly JobEventType[];
}

/**
 * Builds and reads the subjects under one prefix.
 *
 * The grammar, with `P` the prefix: `P.{job}.{type}`, `P.{job}.lifecycle.{type}`, and
 * `P.{job}.{context}.{id}.{type}` with the contexts `worker`, `queue`, `retry` and `schedule`. Ids
 * are encoded by {@linkcode encodeSubjectToken}.
 *
 * @example
 * ```ts
 * import { JobEvent, JobEventSubjects } from "@naq/events";
 * import assert from "node:assert/strict";
 *
 * const subjects = new JobEventSubjects();
 * const subject = subjects.forEvent(JobEvent.enqueued("job.1", "mail"));
 * assert.equal(subject, "naq.jobs.events.job=2E1.queue.mail.enqueued");
 * assert.equal(subjects.parse(subject)?.jobId, "job.1");
 * ```
 */
export class JobEventSubjects {
  /** What every subject begins with. */
  readonly prefix: string;
  readonly #writer: SubjectWriter;
  readonly #scratch: Uint8Array;

  /**
   * Names the subjects under a prefix.
   *
   * @param prefix One or more tokens. @default "naq.jobs.events"
   * @throws {TypeError} The prefix has an empty token, a wildcard, white space or a control
   * character.
   */
  constructor(prefix: string = DEFAULT_SUBJECT_PREFIX) {
    this.prefix = checkPrefix("subject prefix", prefix);
    this.#writer = new SubjectWriter(prefix);
    this.#scratch = new Uint8Array(this.#writer.bound);
  }

  /**
   * The subject under which an event is stored: a worker id wins, then a queue name, then the
   * form of the event's type.
   *
   * @throws {TypeError} An id of the event cannot be a token; the message names the field.
   */
  forEvent(event: JobEvent): string {
    return readText(this.#scratch, 0, this.#writer.write(this.#scratch, 0, event));
  }

  /** The pattern of all events of one job. */
  job(jobId: string): string {
    return `${this.prefix}.${encodeSubjectToken(jobId)}.>`;
  }

  /** The pattern of all events. */
  all(): string {
    return `${this.prefix}.>`;
  }

  /** The three disjoint patterns of all events of one type, of one job or of all. */
  type(type: JobEventType, jobId?: string): string[] {
    checkType(type);
    const base = `${this.prefix}.${jobToken(jobId)}`;
    return [`${base}.${type}`, `${base}.*.${type}`, `${base}.*.*.${type}`];
  }

  /** The pattern of all events of one worker, or of those of one type. */
  worker(workerId: string, type?: JobEventType): string {
    return this.#context("*", "worker", encodeSubjectToken(workerId), type);
  }

  /**
   * The pattern of the events that are stored under one queue: those of the queue that have no
   * worker. {@linkcode filters} also finds those that have one.
   */
  queue(queueName: string, type?: JobEventType): string {
    return this.#context("*", "queue", encodeSubjectToken(queueName), type);
  }

  /**
   * Disjoint patterns that together match every event of the filter. They may match others too: a
   * decoded event must still be checked against the filter.
   */
  filters(filter: SubjectFilter): string[] {
    const types = typeList(filter.eventType);
    const job = jobToken(filter.jobId);
    const own = SUBJECT_FIELDS.findIndex(({ property }) => filter[property] !== undefined);
    if (own >= 0) {
      const { name, property } = SUBJECT_FIELDS[own]!;
      const id = encodeSubjectToken(filter[property]!);
      // An event is stored under the first of these fields that it has: one that this filter
      // wants may lie under any id of the fields before.
      return types.flatMap((type) => [
        this.#context(job, name, id, type),
        ...SUBJECT_FIELDS.slice(0, own).map(({ name }) => this.#context(job, name, "*", type)),
      ]);
    }
    return types.flatMap((type) =>
      type === undefined ? [`${this.prefix}.${job === "*" ? "" : `${job}.`}>`] : this.type(
        type,
        filter.jobId,
      )
    );
  }

  /**
   * Takes a subject apart; ids come back as they were before they were encoded.
   *
   * @returns `undefined` for a subject that is not of this grammar under this prefix.
   */
  parse(subject: string): ParsedSubject | undefined {
    return parseSubject(this.prefix, subject);
  }

  #context(job: string, name: string, id: string, type: JobEventType | undefined): string {
    if (type !== undefined) checkType(type);
    return `${this.prefix}.${job}.${name}.${id}.${type ?? "*"}`;
  }
}

function jobToken(jobId: string | undefined): string {
  return jobId === undefined ? "*" : encodeSubjectToken(jobId);
}

/** The types of a filter, each once; `[undefined]` where any type will do. */
function typeList(types: SubjectFilter["eventType"]): readonly (JobEventType | undefined)[] {
  if (types === undefined) return [undefined];
  const list = typeof types === "string" ? [types] : [...new Set(types)];
  for (const type of list) checkType(type);
  return list;
}

function checkType(type: JobEventType): void {
  if (!isJobEventType(type)) {
    throw new TypeError(`${JSON.stringify(type)} is not a job event type`);
  }
}
