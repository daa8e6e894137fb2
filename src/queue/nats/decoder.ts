/** From the keys of the bucket to records and schedules, with an eye on those that are none. */

import { isJobEventError, JobEventError, messageOf } from "../../errors.ts";
import { decodeSubjectToken } from "../../event/token.ts";
import type { DecodeFailures } from "../../storage/decode_failures.ts";
import { checkQueue, newRecord, type TaskRecord } from "../record.ts";
import { newSchedule } from "../recurrence.ts";
import { decodeRecord, decodeSchedule } from "./codec.ts";
import type { QueueNames } from "./names.ts";
import type { ScheduleState } from "./schedules.ts";

/** What is stored of a key. */
export interface StoredKey {
  readonly sequence: number;
  readonly subject: string;
  readonly payload: Uint8Array;
}

/** Decodes keys, and reports those that cannot be: another program wrote them, or damage. */
export class KeyDecoder {
  readonly #names: QueueNames;
  readonly #failures: DecodeFailures;

  /** @param failures Where what cannot be decoded is reported. */
  constructor(names: QueueNames, failures: DecodeFailures) {
    this.#names = names;
    this.#failures = failures;
  }

  /** The record of a task. @throws {JobEventError} `ERR_DECODE`, with the key and the remedy. */
  record(key: StoredKey): TaskRecord {
    return this.#decode(key, "deleteTask", () => {
      const record = decodeRecord(key.payload);
      checkQueue(record.queue);
      assertAt(key, this.#names.record(record.id));
      return record;
    });
  }

  /** A schedule. @throws {JobEventError} `ERR_DECODE`, with the key and the remedy. */
  schedule(key: StoredKey): ScheduleState {
    return this.#decode(key, "unschedule", () => {
      const schedule = decodeSchedule(key.payload);
      assertAt(key, this.#names.schedule(schedule.name));
      const { name, recurrence, task, nextRunAt } = schedule;
      // A time zone that is not known here may be known to other programs.
      newSchedule(name, { ...recurrence, timeZone: "UTC" }, task);
      newRecord({ ...task, runAt: new Date(nextRunAt) }, Date.now());
      return schedule;
    });
  }

  #decode<Value>(key: StoredKey, remedy: string, decode: () => Value): Value {
    try {
      return decode();
    } catch (cause) {
      const text =
        `Cannot read key ${key.subject}: ${messageOf(cause)}. Put back what was there, ` +
        `or let ${remedy}(${JSON.stringify(idOf(key))}) delete it`;
      const error = new JobEventError("ERR_DECODE", text, { cause });
      const { sequence, subject, payload } = key;
      this.#failures.report({ sequence, subject, payload, error });
      throw error;
    }
  }
}

/** What a call gives; `undefined` where it comes across a key that cannot be decoded. */
export async function passOver<Value>(
  call: () => Value | Promise<Value>,
): Promise<Value | undefined> {
  try {
    return await call();
  } catch (error) {
    if (isUndecodable(error)) return undefined;
    throw error;
  }
}

/** Whether a call came across a key that cannot be decoded. */
export function isUndecodable(error: unknown): boolean {
  return isJobEventError(error) && error.code === "ERR_DECODE";
}

/** What was read under another key would be changed there, too. */
function assertAt({ subject }: StoredKey, expected: string): void {
  if (subject !== expected) throw new RangeError(`it says that it is ${expected}`);
}

function idOf({ subject }: StoredKey): string {
  const token = subject.slice(subject.lastIndexOf(".") + 1);
  try {
    return decodeSubjectToken(token);
  } catch {
    return token;
  }
}
