/** The one suite that every task queue passes. */

import assert from "node:assert/strict";
import type { TaskQueue, TaskQueueOptions } from "../../src/queue/queue.ts";
import type { ClaimedTask, TaskInput } from "../../src/queue/task.ts";
import type { Meanwhile } from "../meanwhile.ts";
import { claimSuite } from "./suite_claim.ts";
import { enqueueSuite } from "./suite_enqueue.ts";
import { manageSuite } from "./suite_manage.ts";
import { modelSuite } from "./suite_model.ts";
import { orderSuite } from "./suite_order.ts";
import { retrySuite } from "./suite_retry.ts";
import { scheduleSuite } from "./suite_schedule.ts";
import { timeSuite } from "./suite_time.ts";

/** How the suite gets at a queue. */
export interface QueueUnderTest {
  /** Opens a new, empty queue. */
  open(options?: TaskQueueOptions): Promise<TaskQueue>;
  /** Opens the same queue once more, as another program would; absent where that cannot be. */
  readonly join?: (queue: TaskQueue, options?: TaskQueueOptions) => Promise<TaskQueue>;
  /** How somebody else calls while a call waits; there where that call blocks its thread. */
  readonly meanwhile?: Meanwhile<TaskQueue>;
}

/** Declares the tests of a queue. */
export function queueSuite(name: string, queue: QueueUnderTest): void {
  enqueueSuite(name, queue);
  orderSuite(name, queue);
  claimSuite(name, queue);
  retrySuite(name, queue);
  timeSuite(name, queue);
  manageSuite(name, queue);
  scheduleSuite(name, queue);
  modelSuite(name, queue);
}

/** Long enough for whatever comes. */
export const SOON_MS = 10_000;

/** Time for a test that waits for leases and the like. */
export const OPTIONS = { timeout: 60_000 } as const;

/** A task that says little. */
export function task(id: string, rest: Partial<TaskInput> = {}): TaskInput {
  return { id, functionName: "work", queue: "q", ...rest };
}

/** Claims a task that must be there soon. */
export async function claim(
  queue: TaskQueue,
  queues: string | readonly string[] = "q",
): Promise<ClaimedTask> {
  const claimed = await queue.dequeue(queues, { timeoutMs: SOON_MS });
  assert(claimed !== null, `no task came in ${queues}`);
  return claimed;
}

/** Claims and completes everything that is there, and gives the ids in their order. */
export async function drain(queue: TaskQueue, queues: string | readonly string[] = "q"): Promise<
  string[]
> {
  const ids: string[] = [];
  for (;;) {
    const claimed = await queue.dequeue(queues, { timeoutMs: 0 });
    if (claimed === null) return ids;
    ids.push(claimed.id);
    await queue.complete(claimed);
  }
}

/** Checks that a call is refused because its claim is over. */
export async function assertLost(call: Promise<unknown>): Promise<void> {
  await assert.rejects(call, { name: "JobEventError", code: "ERR_LEASE_LOST" });
}
