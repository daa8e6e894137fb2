/** The result of a task that ended without one of its own. */

import type { Task } from "../queue/task.ts";
import type { TaskResult, TaskResultState } from "../results/results.ts";

/** The fields of a task that its result has, too. */
export function resultOfTask(task: Task, state: TaskResultState): TaskResult {
  const { id, queue, functionName, workerId, attempts, startedAt, finishedAt } = task;
  const { tags, metadata, lastError } = task;
  return {
    id,
    state,
    queue,
    functionName,
    attempts,
    ...(workerId === undefined ? {} : { workerId }),
    ...(startedAt === undefined ? {} : { startedAt }),
    ...(finishedAt === undefined ? {} : { finishedAt }),
    ...(tags === undefined ? {} : { tags }),
    ...(metadata === undefined ? {} : { metadata }),
    ...(lastError === undefined
      ? {}
      : { error: { name: lastError.type, message: lastError.message } }),
  };
}
