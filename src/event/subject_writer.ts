/** Writes subjects as bytes. */

import { SUBJECT_WORDS_BYTES, writeSubject } from "../gen/subjects.ts";
import type { JobEvent } from "../gen/types.ts";
import { MAX_TOKEN_BYTES } from "./limits.ts";

/** Writes the subjects under one prefix. */
export class SubjectWriter {
  /** Room that a subject can need. */
  readonly bound: number;
  readonly #prefix: Uint8Array;

  /** @param prefix What every subject begins with, without the dot behind it. */
  constructor(prefix: string) {
    this.#prefix = new TextEncoder().encode(`${prefix}.`);
    this.bound = this.#prefix.length + 2 * MAX_TOKEN_BYTES + SUBJECT_WORDS_BYTES;
  }

  /**
   * Writes the subject under which an event is stored. There must be room.
   *
   * @returns The position after it.
   * @throws {TypeError} An id of the event cannot be a token; the message names the field.
   */
  write(bytes: Uint8Array, position: number, event: JobEvent): number {
    return writeSubject(bytes, position, this.#prefix, event);
  }
}
