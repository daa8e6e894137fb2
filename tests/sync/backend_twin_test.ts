// deno-lint-ignore-file require-await -- What blocks is made to look as if it did not.
/** The blocking queue and store pass the suites of every queue and store, as far as these do not
 * wait for one call while they make another. */

import type { TaskQueue } from "../../src/queue/mod.ts";
import type { TaskResultStorage } from "../../src/results/mod.ts";
import {
  openBackendSync,
  type TaskBackendSync,
  type TaskQueueSync,
  type TaskResultStorageSync,
} from "../../src/sync/mod.ts";
import { enqueueSuite } from "../queue/suite_enqueue.ts";
import { manageSuite } from "../queue/suite_manage.ts";
import { retrySuite } from "../queue/suite_retry.ts";
import { resultsSuite } from "../results/suite.ts";

/** The store, as if it did not block. */
function resultsTwin(backend: TaskBackendSync): TaskResultStorage {
  const results: TaskResultStorageSync = backend.results;
  const health = () => results.healthCheckSync();
  return {
    set: async (...args) => results.setSync(...args),
    get: async (...args) => results.getSync(...args),
    getMany: async (...args) => results.getManySync(...args),
    wait: async (id, { timeoutMs } = {}) =>
      results.waitSync(id, timeoutMs === undefined ? {} : { timeoutMs }),
    delete: async (...args) => results.deleteSync(...args),
    list: async (...args) => results.listSync(...args),
    count: async (...args) => results.countSync(...args),
    cleanupExpired: async () => results.cleanupExpiredSync(),
    healthCheck: async () => health(),
    close: async () => backend.closeSync(),
    [Symbol.asyncDispose]: async () => backend.closeSync(),
  };
}

/** The queue, as if it did not block. */
function queueTwin(backend: TaskBackendSync): TaskQueue {
  const tasks: TaskQueueSync = backend.tasks;
  const twin = {
    enqueue: async (task) => tasks.enqueueSync(task),
    enqueueMany: async (many) => tasks.enqueueManySync(many),
    dequeue: async (queues, { signal, ...options } = {}) => {
      signal?.throwIfAborted();
      return tasks.dequeueSync(queues, options);
    },
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
    schedule: async (name, recurrence, task) => tasks.scheduleSync(name, recurrence, task),
    unschedule: async (name) => tasks.unscheduleSync(name),
    listSchedules: async () => tasks.listSchedulesSync(),
    healthCheck: async () => tasks.healthCheckSync(),
    close: async () => backend.closeSync(),
    [Symbol.asyncDispose]: async () => backend.closeSync(),
  } satisfies Partial<TaskQueue>;
  return twin as Partial<TaskQueue> as TaskQueue;
}

const name = "TaskQueueSync";
const queue = {
  open: async (options = {}) =>
    queueTwin(openBackendSync({ tasks: "memory:" }, { tasks: options })),
};
enqueueSuite(name, queue);
retrySuite(name, queue);
manageSuite(name, queue);

resultsSuite("TaskResultStorageSync", {
  open: async (options = {}) =>
    resultsTwin(openBackendSync({ tasks: "memory:" }, { results: options })),
  blocks: "a call that blocks cannot be made while another one waits",
});
