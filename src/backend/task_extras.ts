/** What every event of a task has. */

import type { JobEventExtras } from "../gen/types.ts";
import type { TaskInput } from "../queue/task.ts";

/** What an event says of the task that it is about. */
export function taskExtras(
  { queue, functionName, tags, metadata }: Pick<
    TaskInput,
    "queue" | "functionName" | "tags" | "metadata"
  >,
): JobEventExtras & { readonly queueName: string } {
  return {
    queueName: queue ?? "default",
    details: { function_name: functionName },
    ...(tags === undefined ? {} : { tags }),
    ...(metadata === undefined ? {} : { metadata }),
  };
}
