/** What a dashboard can be told. */

import { atLeast } from "../logger/backoff.ts";

/**
 * Something that changes what is stored: `delete` a job's events, `replay` or `purge` dead letters,
 * `cancel` a job.
 */
export type DashboardAction = "delete" | "replay" | "purge" | "cancel";

/** What can cancel a job: a task queue is one. */
export interface DashboardTasks {
  /** Cancels a job. Resolves to whether there was something to cancel. */
  cancel(jobId: string): Promise<boolean>;
}

/** Options of {@linkcode createDashboardHandler}. */
export interface DashboardOptions {
  /**
   * The path below which browsers reach the dashboard. What takes it away on the way to the
   * handler, a proxy or `app.mount()`, does no harm. @default "/"
   */
  readonly basePath?: string;
  /** What the page is called. @default "Job events" */
  readonly title?: string;
  /** How far back events are counted when the first page is opened, in milliseconds.
   * @default 3600000 (an hour) */
  readonly historyMs?: number;
  /** At most so many events of that time are counted, the last ones. @default 200000 */
  readonly maxHistoryEvents?: number;
  /** How many pages may be open at a time. @default 100 */
  readonly maxClients?: number;
  /** How long the storage is followed after the last page was closed, in milliseconds.
   * @default 60000 */
  readonly idleMs?: number;
  /**
   * Offers to delete, replay, purge and cancel, as far as the source and `tasks` can do it. Needs
   * {@linkcode DashboardOptions.authorize}. @default false
   */
  readonly allowActions?: boolean;
  /**
   * Says who may do what. It is asked for every request but those of the page's own files, with
   * `"read"` or the action. A response is given as it is: a 401 that asks for a password, or a
   * redirect to a login. @default everybody may read
   */
  authorize?(
    request: Request,
    access: "read" | DashboardAction,
  ): boolean | Response | Promise<boolean | Response>;
  /** Cancels jobs. @default jobs cannot be cancelled */
  readonly tasks?: DashboardTasks;
}

/** Options with their defaults. */
export interface DashboardSettings {
  readonly basePath: string;
  readonly title: string;
  readonly historyMs: number;
  readonly maxHistoryEvents: number;
  readonly maxClients: number;
  readonly idleMs: number;
  readonly allowActions: boolean;
  readonly authorize: DashboardOptions["authorize"];
  readonly tasks: DashboardTasks | undefined;
}

/** Checks options and fills in the defaults. */
export function checkOptions(options: DashboardOptions): DashboardSettings {
  const { basePath = "/", title = "Job events", allowActions = false, authorize, tasks } = options;
  if (!/^\/([\w.~-]+\/)*[\w.~-]*$/.test(basePath)) {
    throw new TypeError(
      `basePath must begin with a slash and be plain, as "/jobs", got ${JSON.stringify(basePath)}`,
    );
  }
  if (allowActions && authorize === undefined) {
    throw new TypeError("allowActions needs authorize(request, access), which says who may");
  }
  return {
    basePath: basePath.endsWith("/") ? basePath : `${basePath}/`,
    title,
    historyMs: atLeast("historyMs", options.historyMs ?? 3_600_000, 0),
    maxHistoryEvents: atLeast("maxHistoryEvents", options.maxHistoryEvents ?? 200_000, 1),
    maxClients: atLeast("maxClients", options.maxClients ?? 100, 1),
    idleMs: atLeast("idleMs", options.idleMs ?? 60_000, 0),
    allowActions,
    authorize: authorize === undefined ? undefined : (...args) => options.authorize!(...args),
    tasks,
  };
}
