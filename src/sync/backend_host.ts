/** A backend in the worker, as `TaskBackendSync` calls it. */

import type { TaskBackend } from "../backend/backend.ts";
import type { BackendHealth } from "../backend/health.ts";
import type { TaskQueue } from "../queue/queue.ts";
import type { Task, TaskInput } from "../queue/task.ts";
import type { TaskResult, TaskResultStorage } from "../results/results.ts";

/** The most tasks that are kept for a thread that does not ask for them. */
const MAX_KEPT = 10_000;

/** The tasks that a queue has ended by itself and that nobody was told of. */
export class EndedTasks {
  readonly #stop: () => void;
  #tasks: Task[] = [];

  constructor(queue: TaskQueue) {
    this.#stop = queue.onEnded((task) => {
      this.#tasks.push(task);
      if (this.#tasks.length > MAX_KEPT) this.#tasks.shift();
    });
  }

  /** Gives them. */
  take(): Task[] {
    const taken = this.#tasks;
    this.#tasks = [];
    return taken;
  }

  /** Collects no more of them. */
  release(): void {
    this.#stop();
  }
}

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

  /** Begins to collect what the queue ends by itself. */
  endedTasks(): EndedTasks {
    return new EndedTasks(this.#backend.tasks);
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
