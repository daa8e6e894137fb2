/** What is wrong with tasks, results and events after a run. */

import type { Task } from "../../src/queue/mod.ts";
import type { TaskResult } from "../../src/results/mod.ts";
import type { StoredJobEvent } from "../../src/gen/types.ts";

/** What is left of a run. */
export interface Leftovers {
  /** The tasks that were enqueued. Each was to double its number, which is its `args`. */
  readonly ids: readonly string[];
  readonly tasks: readonly Task[];
  readonly results: readonly TaskResult[];
  readonly events: readonly StoredJobEvent[];
  /** How long a claim holds. */
  readonly leaseMs: number;
  /** The workers that were killed. */
  readonly killed: ReadonlySet<string>;
}

/** What was found. */
export interface Findings {
  readonly problems: readonly string[];
  /** Tasks that were claimed more than once. */
  readonly repeated: number;
  /** Tasks whose worker was killed between their end and the event of it. */
  readonly untold: number;
}

/** Who has a task, since when. */
interface Holder {
  readonly workerId: string;
  readonly sinceMs: number;
}

/** The life of one task as its events tell it: each event is allowed or a problem. */
class Story {
  readonly problems: string[] = [];
  readonly #leaseMs: number;
  #holder: Holder | undefined;
  #isEnqueued = false;
  claims = 0;
  completedBy: string | undefined;
  lastHolder: string | undefined;

  constructor(leaseMs: number) {
    this.#leaseMs = leaseMs;
  }

  add({ eventType, workerId = "", timestamp }: StoredJobEvent): void {
    const atMs = timestamp * 1000;
    switch (eventType) {
      case "enqueued":
        if (this.#isEnqueued) this.problems.push("was enqueued twice");
        if (this.claims > 0) this.problems.push("was enqueued after it was claimed");
        this.#isEnqueued = true;
        return;
      case "dequeued":
        return this.#claim({ workerId, sinceMs: atMs });
      case "worker_assigned":
      case "started":
      case "retry_started":
        return this.#expectHolder(workerId, eventType);
      case "completed":
        this.#expectHolder(workerId, eventType);
        if (this.completedBy !== undefined) this.problems.push("was completed twice");
        this.completedBy = workerId;
        return;
      case "worker_released":
        // Of a claim that was lost it may be told when somebody else has the task.
        if (this.#holder?.workerId === workerId) this.#holder = undefined;
        return;
      default:
        this.problems.push(`has an event ${eventType}`);
    }
  }

  #claim(next: Holder): void {
    this.claims++;
    this.lastHolder = next.workerId;
    if (this.completedBy !== undefined) {
      this.problems.push(`was claimed by ${next.workerId} after ${this.completedBy} completed it`);
    }
    const before = this.#holder;
    this.#holder = next;
    if (before === undefined || next.sinceMs >= before.sinceMs + this.#leaseMs) return;
    const lateMs = next.sinceMs - before.sinceMs;
    this.problems.push(
      `was claimed by ${next.workerId} ${lateMs.toFixed(0)} ms after ${before.workerId}, ` +
        `whose claim held ${this.#leaseMs} ms`,
    );
  }

  #expectHolder(workerId: string, what: string): void {
    if (this.#holder?.workerId === workerId) return;
    this.problems.push(`has ${what} by ${workerId}, while ${this.#holder?.workerId} has it`);
  }

  /** What is missing at the end. */
  end(): void {
    if (!this.#isEnqueued) this.problems.push("was never enqueued");
  }
}

/** Checks that every task was completed once, by a worker that had it, and that this is told. */
export function checkSoak(leftovers: Leftovers): Findings {
  const problems: string[] = [];
  const tasks = new Map(leftovers.tasks.map((task) => [task.id, task]));
  const results = new Map(leftovers.results.map((result) => [result.id, result]));
  const stories = tellStories(leftovers);
  let repeated = 0;
  let untold = 0;
  for (const id of leftovers.ids) {
    const [task, result, story] = [tasks.get(id), results.get(id), stories.get(id)];
    const complain = (what: string): void => void problems.push(`${id} ${what}`);
    if (task?.state !== "completed") complain(`is ${task?.state ?? "gone"}`);
    if (result?.state !== "completed") complain(`has the result ${result?.state ?? "none"}`);
    else if (result.value !== 2 * Number(task?.args)) complain(`has the value ${result.value}`);
    if (story === undefined) {
      complain("has no events");
      continue;
    }
    story.end();
    story.problems.forEach(complain);
    if (story.claims > 1) repeated++;
    if (story.completedBy === undefined) {
      // A worker that was killed right then could not say so.
      if (leftovers.killed.has(task?.workerId ?? "")) untold++;
      else complain("has no event completed");
    } else if (task?.workerId !== story.completedBy) {
      complain(`was completed by ${task?.workerId}, and the events say ${story.completedBy}`);
    }
  }
  const known = new Set(leftovers.ids);
  for (const { id } of leftovers.tasks) if (!known.has(id)) problems.push(`${id} is no task`);
  return { problems, repeated, untold };
}

function tellStories({ events, leaseMs }: Leftovers): Map<string, Story> {
  const stories = new Map<string, Story>();
  // Workers deliver their events in batches: what happened first is told by the timestamps.
  const sorted = [...events].sort((a, b) =>
    a.timestamp - b.timestamp || a.natsSequence - b.natsSequence
  );
  for (const event of sorted) {
    const story = stories.get(event.jobId) ?? new Story(leaseMs);
    stories.set(event.jobId, story);
    story.add(event);
  }
  return stories;
}
