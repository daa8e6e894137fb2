/** A program without any `await`: it enqueues, executes, and reads the results. */

import { writeSync } from "node:fs";
import { openBackendSync } from "../../src/sync/mod.ts";

const [tasks, events] = process.argv.slice(2);
const backend = openBackendSync({ tasks: tasks!, events: events! });

const ids = backend.enqueueManySync(
  [1, 2, 3].map((args) => ({ id: `task-${args}`, functionName: "square", args })),
);
for (;;) {
  const task = backend.tasks.dequeueSync("default", { timeoutMs: 500, workerId: "plain" });
  if (task === null) break;
  const { id, functionName, queue } = task;
  const value = Number(task.args) ** 2;
  backend.results.setSync({ id, state: "completed", value, functionName, queue });
  backend.tasks.completeSync(task);
}
const values = ids.map((id) => backend.waitForResultSync(id, { timeoutMs: 1000 })?.value);
backend.cancelSync(
  backend.enqueueSync({ id: "cancelled", functionName: "square", queue: "other" }),
);
const states = ["task-1", "cancelled"].map((id) => backend.tasks.getTaskSync(id)?.state);
writeSync(1, `${JSON.stringify({ values, states })}\n`);
// And no word about closing.
