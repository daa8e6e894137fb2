/** A backend in the worker, as `TaskBackendSync` calls it. */

import type { TaskBackend } from "../backend/backend.ts";
import type { BackendHealth } from "../backend/health.ts";
import type { TaskQueue } from "../queue/queue.ts";
import type { TaskInput } from "../queue/task.ts";
import type { TaskResult, TaskResultStorage } from "../results/results.ts";

/** The methods of a backend, and its parts as results of methods. */
export class BackendHost {
  readonly #backend: TaskBackend;

  constructor(backend: TaskBackend) {
    this.#backend = backend;
  }

  tasks(): TaskQueue {
    return this.#backend.tasks;
  }

  results(): TaskResultStorage {
    return this.#backend.results;
  }

  enqueue(task: TaskInput): Promise<string> {
    return this.#backend.enqueue(task);
  }

  enqueueMany(tasks: readonly TaskInput[]): Promise<string[]> {
    return this.#backend.enqueueMany(tasks);
  }

  run(task: TaskInput, options: { readonly timeoutMs?: number }): Promise<TaskResult | null> {
    return this.#backend.run(task, options);
  }

  cancel(id: string, options: { readonly reason?: string }): Promise<boolean> {
    return this.#backend.cancel(id, options);
  }

  requeue(id: string): Promise<boolean> {
    return this.#backend.requeue(id);
  }

  deleteTask(id: string): Promise<boolean> {
    return this.#backend.deleteTask(id);
  }

  healthCheck(options: { readonly timeoutMs: number }): Promise<BackendHealth> {
    return this.#backend.healthCheck(options);
  }

  close(): Promise<void> {
    return this.#backend.close();
  }
}
