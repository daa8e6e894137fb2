/** Changes a single task, whoever holds it. */

import type { TaskRecord } from "../record.ts";
import { cancelled, requeued } from "../transitions.ts";
import { isUndecodable } from "./decoder.ts";
import type { QueueParts } from "./parts.ts";

/** Cancels a task. Gives whether it was cancelled now. */
export async function cancelTask(parts: QueueParts, id: string): Promise<boolean> {
  const { records, tokens } = parts;
  const known = await records.get(id);
  if (known === undefined) return false;
  await follow(parts, known.record);
  let before = known.record;
  const version = await records.update(id, known, (record) => {
    before = record;
    return cancelled(record, Date.now());
  });
  if (version?.isChanged !== true) return false;
  await tokens.remove(before);
  return true;
}

/** Brings a task back that ended without success. Gives whether it did. */
export async function requeueTask(
  { records, claims }: QueueParts,
  id: string,
): Promise<boolean> {
  const known = await records.get(id);
  const back = known && requeued(known.record, Date.now());
  if (back === undefined) return false;
  // The token first: without it the task would be pending for ever, should this program end.
  await claims.line(back);
  const version = await records.update(
    id,
    known,
    (record) => record.generation < back.generation ? back : undefined,
  );
  return version?.isChanged === true;
}

/** Deletes a task in any state, also one that cannot be decoded. Gives whether it was there. */
export async function deleteTask(parts: QueueParts, id: string): Promise<boolean> {
  try {
    return await removeWhile(parts, id, () => true);
  } catch (error) {
    if (!isUndecodable(error)) throw error;
    // Nobody knows its token, which is thrown away when it comes up.
    await parts.records.drop(id);
    return true;
  }
}

/** Deletes a task that nobody needs any more, if it is pending. */
export async function withdrawTask({ records, tokens }: QueueParts, id: string): Promise<void> {
  const version = await records.get(id);
  if (version?.record.state !== "pending") return;
  if (await records.delete(version)) await tokens.remove(version.record);
}

/** Deletes a task and its token as long as it is as wanted. Gives whether it did. */
export async function removeWhile(
  parts: QueueParts,
  id: string,
  isWanted: (record: TaskRecord) => boolean,
): Promise<boolean> {
  const { records, tokens } = parts;
  for (;;) {
    const version = await records.get(id);
    if (version === undefined || !isWanted(version.record)) return false;
    const { record } = version;
    await follow(parts, record);
    // Somebody may have changed it meanwhile.
    if (!await records.delete(version)) continue;
    if (record.state === "pending" || record.state === "running") await tokens.remove(record);
    return true;
  }
}

/** Before an occurrence of a schedule is gone, the next one is there. */
async function follow({ schedules }: QueueParts, record: TaskRecord): Promise<void> {
  if (record.state === "pending" && record.scheduleName !== undefined) {
    await schedules.follow(record);
  }
}
