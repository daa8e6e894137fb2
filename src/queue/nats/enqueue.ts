/** Enqueueing: a token and a record, sent at the same time. */

import { isTransient } from "../../nats/patience.ts";
import type { TaskRecord } from "../record.ts";
import type { Bands } from "./bands.ts";
import type { Token } from "./names.ts";
import type { Records } from "./records.ts";
import type { Tokens } from "./tokens.ts";

/**
 * Enqueues a task unless there is one of its id.
 *
 * The token goes first, so there is no moment with a pending record that no token points at: a
 * token without a record is thrown away in the end, a record without a token would be forgotten.
 *
 * @returns The id.
 */
export async function enqueueRecord(
  records: Records,
  tokens: Tokens,
  bands: Bands,
  record: TaskRecord,
): Promise<string> {
  const token = tokens.of(record);
  const making = bands.ensure(token);
  if (making !== undefined) await making;
  const [sent, created] = await Promise.allSettled([
    tokens.put(token, record.runAt),
    records.create(record),
  ]);
  if (sent.status === "rejected") throw sent.reason;
  const sequence = sent.value;
  if (created.status === "rejected") {
    if (sequence !== undefined && !isTransient(created.reason)) await tokens.removeAt(sequence);
    throw created.reason;
  }
  // What was stored here may be a second token of a task that is there already.
  if (!created.value && sequence !== undefined && !await isNeeded(records, token)) {
    await tokens.removeAt(sequence);
  }
  return record.id;
}

async function isNeeded(records: Records, token: Token): Promise<boolean> {
  const existing = await records.get(token.id);
  if (existing === undefined) return false;
  const { state, queue, priority, generation, runAt } = existing.record;
  const isSame = queue === token.queue && priority === token.priority &&
    generation === token.generation;
  const isInPlace = token.place === "ready" ? runAt <= Date.now() : runAt > Date.now();
  return state === "pending" && isSame && isInPlace;
}
