/** The options of a logger, checked and complete. */

import { atLeast } from "./backoff.ts";
import type { JobEventLoggerOptions, OverflowPolicy } from "./options.ts";

const OVERFLOW_POLICIES: readonly OverflowPolicy[] = ["drop_oldest", "drop_newest", "block"];

/** The options that have a default. */
export interface LoggerSettings {
  readonly enabled: boolean;
  readonly batchSize: number;
  readonly batchBytes: number;
  readonly flushIntervalMs: number;
  readonly maxBufferSize: number;
  readonly maxBufferBytes: number;
  readonly maxSpoolBytes: number;
  readonly overflow: OverflowPolicy;
  readonly stopTimeoutMs: number;
}

/**
 * Checks the options and fills in the defaults.
 *
 * @throws {RangeError} A number is out of its range.
 * @throws {TypeError} `overflow` is not a policy, or `spool` is an empty path.
 */
export function readSettings(options: JobEventLoggerOptions): LoggerSettings {
  const { overflow = "drop_oldest", enabled = true, spool } = options;
  if (!OVERFLOW_POLICIES.includes(overflow)) {
    throw new TypeError(
      `overflow is "${overflow}", expected one of ${OVERFLOW_POLICIES.join(", ")}`,
    );
  }
  if (spool === "") throw new TypeError("spool is an empty path");
  const maxBufferSize = atLeast("maxBufferSize", options.maxBufferSize ?? 10_000, 1);
  return {
    enabled,
    // A batch that is larger than the buffer would never be full.
    batchSize: Math.min(atLeast("batchSize", options.batchSize ?? 100, 1), maxBufferSize),
    batchBytes: atLeast("batchBytes", options.batchBytes ?? 1024 ** 2, 1),
    flushIntervalMs: atLeast("flushIntervalMs", options.flushIntervalMs ?? 5000, 0),
    maxBufferSize,
    maxBufferBytes: atLeast("maxBufferBytes", options.maxBufferBytes ?? 64 * 1024 ** 2, 1),
    maxSpoolBytes: atLeast("maxSpoolBytes", options.maxSpoolBytes ?? 1024 ** 3, 1024),
    overflow,
    stopTimeoutMs: atLeast("stopTimeoutMs", options.stopTimeoutMs ?? 10_000, 0),
  };
}
