/** What a queue on a server is made of. */

import type { ReadContext } from "../../nats/patience.ts";
import type { TaskRecord } from "../record.ts";
import type { Bands } from "./bands.ts";
import type { Claims } from "./claims.ts";
import type { KeyDecoder } from "./decoder.ts";
import type { QueueNames } from "./names.ts";
import type { Records } from "./records.ts";
import type { Schedules } from "./schedules.ts";
import type { Tokens } from "./tokens.ts";

/** The parts of one queue. */
export interface QueueParts {
  /** The bucket. */
  readonly bucket: ReadContext;
  /** The stream of the tokens. */
  readonly stream: ReadContext;
  readonly names: QueueNames;
  readonly decoder: KeyDecoder;
  readonly records: Records;
  readonly tokens: Tokens;
  readonly bands: Bands;
  readonly claims: Claims;
  readonly schedules: Schedules;
  /** A task ended that nobody executes. */
  readonly onEnded: (record: TaskRecord) => void;
  /** How long tasks that ended are kept, in milliseconds. */
  readonly keepMs: number;
}
