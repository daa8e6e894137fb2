/** Checks records before they are sent. */

import { type CheckedRecord, checkRecord } from "../record.ts";
import type { AppendOptions, AppendOutcome, JobEventRecord, JobEventSink } from "../storage.ts";

/**
 * Stores the records that are events of an accepted size; the others are rejected.
 *
 * @param sink Where they go.
 * @param maxEventBytes The largest payload, in bytes.
 */
export async function appendChecked(
  sink: JobEventSink,
  records: readonly JobEventRecord[],
  maxEventBytes: number,
  options: AppendOptions,
): Promise<readonly AppendOutcome[]> {
  const outcomes: AppendOutcome[] = [];
  const accepted: CheckedRecord[] = [];
  const indexes: number[] = [];
  records.forEach((record, index) => {
    const checked = checkRecord(record, maxEventBytes);
    if ("event" in checked) {
      accepted.push(checked);
      indexes.push(index);
    } else {
      outcomes[index] = { status: "rejected", error: checked };
    }
  });
  const stored = accepted.length === 0 ? [] : await sink.append(accepted, options);
  stored.forEach((outcome, position) => outcomes[indexes[position]!] = outcome);
  return outcomes;
}
