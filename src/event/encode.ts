/** The encoder for a single event. */

import { writeJobEvent } from "../gen/encode.ts";
import type { JobEvent } from "../gen/types.ts";
import { ByteBuffer } from "./byte_buffer.ts";

// Scratch space for one call: a call copies its bytes out before it returns. It is let go when an
// unusually large event has made it grow.
const KEPT_BYTES = 64 * 1024;
let scratch = new ByteBuffer(4096);

/**
 * Encodes an event in the wire format: a MessagePack map with snake_case keys in the schema's
 * order, without the fields that are not set.
 *
 * @param event The event. Its fields are checked.
 * @returns The bytes, which the caller owns.
 * @throws {TypeError} A field is missing, of the wrong type or out of bounds; the message names it.
 *
 * @example
 * ```ts
 * import { decodeJobEvent, encodeJobEvent, JobEvent } from "@naq/events";
 * import assert from "node:assert/strict";
 *
 * const bytes = encodeJobEvent(JobEvent.completed("job-1", "worker-1", 12.345));
 * assert.equal(decodeJobEvent(bytes).message, "Job completed successfully in 12.35ms");
 * ```
 */
export function encodeJobEvent(event: JobEvent): Uint8Array {
  writeJobEvent(scratch, event);
  const bytes = scratch.bytes.slice(0, scratch.position);
  scratch.position = 0;
  if (scratch.bytes.length > KEPT_BYTES) scratch = new ByteBuffer(4096);
  return bytes;
}
