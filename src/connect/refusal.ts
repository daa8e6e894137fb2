/** Refusals of what cannot be meant. */

import { JobEventError } from "../errors.ts";

/** A refusal of a setting. The message must not have secrets, nor must the cause. */
export function refuse(message: string): never {
  throw new JobEventError("ERR_CONFIGURATION", `Cannot connect to NATS: ${message}`);
}
