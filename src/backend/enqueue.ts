/** Enqueues tasks and logs it. */

import { isJobEventError, messageOf } from "../errors.ts";
import { randomPrefix } from "../event/event_id.ts";
import type { JobEventLogger } from "../logger/logger.ts";
import type { TaskQueue } from "../queue/queue.ts";
import { newRecord } from "../queue/record.ts";
import type { TaskInput } from "../queue/task.ts";
import { taskExtras } from "./task_extras.ts";

/** A task whose id is known. */
export type NamedTask = TaskInput & { readonly id: string };

/** How many tasks are looked for at the same time. */
const LOOK_WINDOW = 256;

/** Logs that a task is enqueued, and before that when it is to start, if that is later. */
export function logEnqueued(logger: JobEventLogger, task: NamedTask): void {
  const { id, queue = "default", priority = 0, delayMs = 0 } = task;
  const now = Date.now();
  const extras = taskExtras(task);
  const start = task.runAt?.getTime() ?? now + delayMs;
  if (start > now) logger.logJobScheduled(id, start / 1000, extras);
  const { queueName: _, ...others } = extras;
  logger.logJobEnqueued(id, queue, { ...others, priority });
}

/** One call that enqueues. */
export class LoggedEnqueue {
  readonly #queue: TaskQueue;
  readonly #logger: JobEventLogger;

  constructor(queue: TaskQueue, logger: JobEventLogger) {
    this.#queue = queue;
    this.#logger = logger;
  }

  /**
   * Logs and enqueues.
   *
   * @param call Enqueues the tasks, each of which has an id.
   */
  async enqueue(
    tasks: readonly TaskInput[],
    call: (tasks: readonly NamedTask[]) => Promise<string[]>,
  ): Promise<string[]> {
    // What is not valid is refused before anything is logged.
    for (const task of tasks) newRecord(task, Date.now());
    const named = tasks.map((task) => ({ ...task, id: task.id ?? randomPrefix() }));
    const known = await this.#present(tasks.flatMap(({ id }) => id ?? []));
    const fresh = named.filter(({ id }) => !known.has(id));
    for (const task of fresh) logEnqueued(this.#logger, task);
    try {
      return await call(named);
    } catch (error) {
      await this.#takeBack(fresh, error);
      throw error;
    }
  }

  /** Of what is not in the queue it must not look as if it was. */
  async #takeBack(tasks: readonly NamedTask[], error: unknown): Promise<void> {
    // Without an answer nobody knows: the task may be there, and may be enqueued again.
    const { code } = error as { readonly code?: unknown };
    const isKnown = !isJobEventError(error) ||
      (code !== "ERR_UNAVAILABLE" && code !== "ERR_TIMEOUT");
    if (!isKnown) return;
    const present = await this.#present(tasks.map(({ id }) => id)).catch(() => new Set<string>());
    for (const task of tasks) {
      if (present.has(task.id)) continue;
      const reason = `not enqueued: ${messageOf(error)}`;
      this.#logger.logJobCancelled(task.id, { ...taskExtras(task), reason });
    }
  }

  async #present(ids: readonly string[]): Promise<Set<string>> {
    const present = new Set<string>();
    for (let start = 0; start < ids.length; start += LOOK_WINDOW) {
      const window = ids.slice(start, start + LOOK_WINDOW);
      const tasks = await Promise.all(window.map((id) => this.#queue.getTask(id)));
      for (const task of tasks) if (task !== null) present.add(task.id);
    }
    return present;
  }
}
