/** Who is told of what is stored and cannot be decoded. */

import type { UndecodableMessage } from "./storage.ts";

/** Told of a message that cannot be decoded. */
export type OnDecodeError = ((message: UndecodableMessage) => unknown) | undefined;

/** Reports and counts messages that cannot be decoded. */
export class DecodeFailures {
  readonly #onError: OnDecodeError;
  #count = 0;

  /** @param onError Told of each message that cannot be decoded. */
  constructor(onError: OnDecodeError) {
    this.#onError = onError;
  }

  /** How many messages could not be decoded. */
  get count(): number {
    return this.#count;
  }

  /**
   * Counts a message, and tells of it.
   *
   * @param onError Told too.
   */
  report(message: UndecodableMessage, onError?: OnDecodeError): void {
    this.#count++;
    tell(this.#onError, message);
    tell(onError, message);
  }
}

/** The message was skipped; a callback that throws or rejects must not end the read. */
function tell(onError: OnDecodeError, message: UndecodableMessage): void {
  try {
    Promise.resolve(onError?.(message)).catch(() => {});
  } catch {
    // See above.
  }
}
