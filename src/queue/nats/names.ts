/** How a queue names its stream, its bucket, its subjects and its consumers. */

import { decodeSubjectToken, encodeSubjectToken } from "../../event/token.ts";
import { JobEventSubjects } from "../../event/subjects.ts";
import type { TaskRecord } from "../record.ts";

/**
 * Where a token is: `ready` to be claimed, `later` until somebody moves it there, or `at` a time
 * when the server moves it there by itself.
 */
export type TokenPlace = "ready" | "later" | "at";

/** What a token says. All of it is in its subject. */
export interface Token {
  readonly place: TokenPlace;
  readonly queue: string;
  readonly priority: number;
  readonly id: string;
  readonly generation: number;
}

/** Which tokens one consumer has: those of a queue in one place, and of one priority if ready. */
export interface BandName {
  readonly queue: string;
  readonly band: number | "later" | "at";
}

/**
 * All names begin with the prefix as one token and go on with a word that no other kind of name
 * has, so the names of two prefixes are never the same and never below one another.
 */
export class QueueNames {
  /** The bucket, whose stream is `KV_{bucket}`. */
  readonly bucket: string;
  /** The stream of the tokens. */
  readonly tokensStream: string;
  /** What the subjects of the tokens begin with. */
  readonly tokens: JobEventSubjects;
  /** What the subjects of the bucket begin with. */
  readonly records: JobEventSubjects;
  /** Where it is said that a queue has got a new band. */
  readonly notices: string;

  /** @param prefix Any text that can be a token. */
  constructor(prefix: string) {
    const token = encodeSubjectToken(prefix);
    this.bucket = `${token}-tasks`;
    this.tokensStream = `${token}-tokens`;
    this.tokens = new JobEventSubjects(this.tokensStream);
    this.records = new JobEventSubjects(`$KV.${this.bucket}`);
    this.notices = `${token}-bands`;
  }

  /** Where the record of a task is. */
  record(id: string): string {
    return `${this.records.prefix}.task.${encodeSubjectToken(id)}`;
  }

  /** The pattern of all records. */
  allRecords(): string {
    return `${this.records.prefix}.task.*`;
  }

  /** Where a schedule is. */
  schedule(name: string): string {
    return `${this.records.prefix}.schedule.${encodeSubjectToken(name)}`;
  }

  /** The pattern of all schedules. */
  allSchedules(): string {
    return `${this.records.prefix}.schedule.*`;
  }

  /** The subject of a token. */
  token({ place, queue, priority, id, generation }: Token): string {
    const rest = `${priority}.${encodeSubjectToken(id)}.${generation}`;
    return `${this.tokensStream}.${place}.${encodeSubjectToken(queue)}.${rest}`;
  }

  /** The token of a subject. */
  parseToken(subject: string): Token | undefined {
    const parts = subject.slice(this.tokensStream.length + 1).split(".");
    const [place, queue, priority, id, generation] = parts;
    if (parts.length !== 5 || (place !== "ready" && place !== "later" && place !== "at")) {
      return undefined;
    }
    return {
      place,
      queue: decodeSubjectToken(queue!),
      priority: Number(priority),
      id: decodeSubjectToken(id!),
      generation: Number(generation),
    };
  }

  /** Where the message is that stays at the beginning of the stream. */
  pin(): string {
    return `${this.tokensStream}.pin`;
  }

  /** The pattern of the tokens of a queue in one place. */
  place(place: TokenPlace, queue: string): string {
    return `${this.tokensStream}.${place}.${encodeSubjectToken(queue)}.>`;
  }

  /** The pattern of the tokens of a band. */
  band({ queue, band }: BandName): string {
    if (typeof band === "string") return this.place(band, queue);
    return `${this.tokensStream}.ready.${encodeSubjectToken(queue)}.${band}.>`;
  }
}

/** The name of a band's consumer. */
export function consumerName({ queue, band }: BandName): string {
  return `${encodeSubjectToken(queue)}@${band}`;
}

/** The band of a consumer; `undefined` for a consumer that is none. */
export function parseConsumerName(name: string): BandName | undefined {
  const at = name.lastIndexOf("@");
  if (at < 1) return undefined;
  const band = name.slice(at + 1);
  const queue = decodeSubjectToken(name.slice(0, at));
  if (band === "later" || band === "at") return { queue, band };
  return /^-?\d+$/.test(band) ? { queue, band: Number(band) } : undefined;
}

/** The token of a record that is in its queue. */
export function tokenOf(record: TaskRecord, place: TokenPlace): Token {
  const { queue, priority, id, generation } = record;
  return { place, queue, priority, id, generation };
}
