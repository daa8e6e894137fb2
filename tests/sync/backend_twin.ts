// deno-lint-ignore-file require-await -- What blocks is made to look as if it did not.
/** The blocking queue and store pass the suites of every queue and store. */

import { after, before, describe } from "node:test";
import {
  type NatsServerVersion,
  natsSkipReason,
  startNatsServer,
} from "../../scripts/nats_server.ts";
import type { OpenBackendOptions } from "../../src/backend/open.ts";
import type { TaskQueue, TaskQueueOptions } from "../../src/queue/mod.ts";
import type { TaskResultStorage } from "../../src/results/mod.ts";
import { type Remote, WorkerClient } from "../../src/sync/client.ts";
import { makeTaskResultStorageSync } from "../../src/sync/results.ts";
import { makeTaskQueueSync } from "../../src/sync/task_queue.ts";
import type { Meanwhile } from "../meanwhile.ts";
import { TIMEOUT_MS } from "../nats/accounts.ts";
import { queueSuite } from "../queue/suite.ts";
import { resultsSuite } from "../results/suite.ts";
import type { SharedBackend, SharedRoot } from "./backend_worker.ts";

type Backend = Remote<SharedBackend>;

const module = new URL("./backend_worker.ts", import.meta.url);
const timeoutMs = 30_000;

/** The queue, as if it did not block. */
function queueTwin(backend: Backend): TaskQueue {
  const remote = backend.open("tasks", [], timeoutMs);
  const tasks = makeTaskQueueSync({ remote, backend, timeoutMs });
  return {
    enqueue: async (task) => tasks.enqueueSync(task),
    enqueueMany: async (many) => tasks.enqueueManySync(many),
    // Nobody ends a test whose thread is blocked for ever.
    dequeue: async (queues, options) => tasks.dequeueSync(queues, { timeoutMs, ...options }),
    heartbeat: async (claim) => tasks.heartbeatSync(claim),
    complete: async (claim, result) => tasks.completeSync(claim, result),
    fail: async (...args) => tasks.failSync(...args),
    release: async (claim) => tasks.releaseSync(claim),
    getTask: async (id) => tasks.getTaskSync(id),
    cancel: async (id) => tasks.cancelSync(id),
    requeue: async (id) => tasks.requeueSync(id),
    deleteTask: async (id) => tasks.deleteTaskSync(id),
    listTasks: async (query) => tasks.listTasksSync(query),
    countTasks: async (filter) => tasks.countTasksSync(filter),
    queueInfo: async (queue) => tasks.queueInfoSync(queue),
    listQueues: async () => tasks.listQueuesSync(),
    purgeQueue: async (queue) => tasks.purgeQueueSync(queue),
    cleanupExpiredTasks: async () => tasks.cleanupExpiredTasksSync(),
    onEnded: (listener) => tasks.onEnded(listener),
    schedule: async (name, recurrence, task) => tasks.scheduleSync(name, recurrence, task),
    unschedule: async (name) => tasks.unscheduleSync(name),
    listSchedules: async () => tasks.listSchedulesSync(),
    healthCheck: async () => tasks.healthCheckSync(),
    close: async () => backend.call("close", [], timeoutMs),
    [Symbol.asyncDispose]: async () => backend.call("close", [], timeoutMs),
  };
}

/** The store, as if it did not block. */
function resultsTwin(backend: Backend): TaskResultStorage {
  const results = makeTaskResultStorageSync({
    remote: backend.open("results", [], timeoutMs),
    timeoutMs,
  });
  return {
    set: async (...args) => results.setSync(...args),
    get: async (...args) => results.getSync(...args),
    getMany: async (...args) => results.getManySync(...args),
    wait: async (id, options) => results.waitSync(id, { timeoutMs, ...options }),
    delete: async (id) => results.deleteSync(id),
    list: async (...args) => results.listSync(...args),
    count: async (...args) => results.countSync(...args),
    cleanupExpired: async () => results.cleanupExpiredSync(),
    healthCheck: async () => results.healthCheckSync(),
    close: async () => backend.call("close", [], timeoutMs),
    [Symbol.asyncDispose]: async () => backend.call("close", [], timeoutMs),
  };
}

/** Twins in one worker, each on a backend of its own. */
class Twins implements Disposable {
  readonly #client = new WorkerClient(module, "backend");
  readonly #url: string;
  readonly #opened = new WeakMap<object, { readonly backend: Backend; readonly prefix: string }>();
  #count = 0;

  constructor(url: string) {
    this.#url = url;
  }

  /** Opens a twin on an empty backend, or on the one of a prefix. */
  open<Twin extends object>(
    makeTwin: (backend: Backend) => Twin,
    options: OpenBackendOptions,
    prefix: string = `p${this.#count++}`,
  ): Twin {
    const all = { ...options, tasks: { ...options.tasks, prefix } };
    const root = this.#client.root<SharedRoot>();
    const backend = root.open("openBackend", [this.#url, all], timeoutMs);
    const twin = makeTwin(backend);
    this.#opened.set(twin, { backend, prefix });
    return twin;
  }

  /** Opens a twin on the backend of another one. */
  join(twin: TaskQueue, tasks: TaskQueueOptions | undefined): TaskQueue {
    return this.open(queueTwin, { tasks: { ...tasks } }, this.#opened.get(twin)!.prefix);
  }

  /** The worker makes the calls while this thread is blocked. */
  meanwhile<Part extends object>(part: "tasks" | "results"): Meanwhile<Part> {
    return async (twin, calls, wait) => {
      const { backend } = this.#opened.get(twin)!;
      backend.post("begin", [part, calls as never]);
      const value = await wait();
      backend.call("end", [], timeoutMs);
      return value;
    };
  }

  [Symbol.dispose](): void {
    this.#client.close();
  }
}

function twinSuites(name: string, url: () => string, canJoin: boolean): void {
  describe(`blocking twins, ${name}`, { timeout: TIMEOUT_MS }, () => {
    let twins: Twins;
    before(() => void (twins = new Twins(url())));
    after(() => twins[Symbol.dispose]());
    queueSuite(`TaskQueueSync, ${name}`, {
      open: async (tasks) => twins.open(queueTwin, { tasks: { ...tasks } }),
      ...(canJoin ? { join: async (queue, options) => twins.join(queue, options) } : {}),
      meanwhile: (...args) => twins.meanwhile<TaskQueue>("tasks")(...args),
    });
    resultsSuite(`TaskResultStorageSync, ${name}`, {
      open: async (results) => twins.open(resultsTwin, { results: { ...results } }),
      meanwhile: (...args) => twins.meanwhile<TaskResultStorage>("results")(...args),
    });
  });
}

/** Declares the tests in memory. */
export function memoryTwinSuites(): void {
  twinSuites("in memory", () => "memory:", false);
}

/** Declares the tests on a server of one version. */
export async function natsTwinSuites(version: NatsServerVersion): Promise<void> {
  const skip = natsSkipReason();
  // Here, because a first start may take longer than Bun lets a test of the suite take.
  const server = skip === false ? await startNatsServer({ version }) : undefined;
  describe(`NATS ${version}`, { skip, timeout: TIMEOUT_MS }, () => {
    after(() => server?.stop());
    twinSuites(`on ${version}`, () => server!.url, true);
  });
}
