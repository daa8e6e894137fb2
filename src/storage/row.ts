/** From stored bytes to events. */

import { JobEventError, messageOf } from "../errors.ts";
import { decodeStoredJobEvent } from "../gen/decode.ts";
import type { StoredJobEvent } from "../gen/types.ts";
import type { StoredRow } from "./engine.ts";

/**
 * Decodes a stored event.
 *
 * @throws {JobEventError} `ERR_DECODE`: the bytes were damaged, or a newer version wrote them. The
 * message has the position.
 */
export function decodeRow(row: StoredRow): StoredJobEvent {
  try {
    const { payload, subject, sequence, eventId, traceparent } = row;
    return decodeStoredJobEvent(payload, subject, sequence, eventId, traceparent ?? undefined);
  } catch (cause) {
    throw new JobEventError(
      "ERR_DECODE",
      `Cannot read event ${row.sequence}: ${messageOf(cause)}`,
      { cause },
    );
  }
}
