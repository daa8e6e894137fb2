/** The task queue of this package and its peer, behind one face. */

import { Queue, Worker } from "bullmq";
import { Redis } from "ioredis";
import { connect } from "../../src/connect/node.ts";
import { NatsTaskQueue } from "../../src/queue/nats.ts";

/** What both can do. */
export interface TaskSystem extends AsyncDisposable {
  readonly name: string;
  /** Enqueues one task and waits until it is stored. */
  enqueue(queue: string, id: string): Promise<unknown>;
  /** Enqueues many tasks in the quickest way. */
  enqueueMany(queue: string, count: number): Promise<void>;
  /** Executes tasks, so many at a time, with a handler that does nothing. */
  work(queue: string, concurrency: number, onDone: (id: string) => void): Promise<Work>;
  /** How many tasks wait. */
  count(queue: string): Promise<number>;
}

/** Workers that run. */
export interface Work {
  stop(): Promise<void>;
}

/** What every task carries. */
const ARGS = { to: "somebody@example.org", subject: "Hello", attempt: 1 };
const BULK = 10_000;

/** This package, with one connection for those who enqueue and one for those who work. */
export async function openOurs(servers: string): Promise<TaskSystem> {
  const connections = await Promise.all([connect({ servers }), connect({ servers })]);
  const [tasks, workers] = await Promise.all(
    connections.map((connection) => NatsTaskQueue.open(connection)),
  );
  const input = (queue: string) => ({ functionName: "send", args: ARGS, queue });
  return {
    name: "NatsTaskQueue",
    enqueue: (queue, id) => tasks!.enqueue({ ...input(queue), id }),
    async enqueueMany(queue, count) {
      for (let left = count; left > 0; left -= BULK) {
        const batch = Array.from({ length: Math.min(left, BULK) }, () => input(queue));
        await tasks!.enqueueMany(batch);
      }
    },
    work(queue, concurrency, onDone) {
      const end = new AbortController();
      const loop = async (): Promise<void> => {
        while (!end.signal.aborted) {
          const task = await workers!.dequeue(queue, { signal: end.signal }).catch(() => null);
          if (task === null) continue;
          await workers!.complete(task, true);
          onDone(task.id);
        }
      };
      const loops = Array.from({ length: concurrency }, loop);
      const stop = async (): Promise<void> => {
        end.abort();
        await Promise.all(loops);
      };
      return Promise.resolve({ stop });
    },
    count: async (queue) => (await tasks!.queueInfo(queue)).pending,
    async [Symbol.asyncDispose]() {
      await Promise.all([tasks!.close(), workers!.close()]);
      await Promise.all(connections.map((connection) => connection.close()));
    },
  };
}

/** BullMQ, whose queues and workers have connections of their own, too. */
export function openBullMq(port: number): TaskSystem {
  const clients: Redis[] = [];
  const connect = (): Redis => {
    const client = new Redis({ host: "127.0.0.1", port, maxRetriesPerRequest: null });
    clients.push(client);
    return client;
  };
  const queues = new Map<string, Queue>();
  const queueOf = (name: string): Queue => {
    let queue = queues.get(name);
    if (queue === undefined) queues.set(name, queue = new Queue(name, { connection: connect() }));
    return queue;
  };
  return {
    name: "BullMQ on Redis",
    enqueue: (queue, jobId) => queueOf(queue).add("send", ARGS, { jobId }),
    async enqueueMany(queue, count) {
      for (let left = count; left > 0; left -= BULK) {
        const length = Math.min(left, BULK);
        await queueOf(queue).addBulk(Array.from({ length }, () => ({ name: "send", data: ARGS })));
      }
    },
    async work(queue, concurrency, onDone) {
      const options = { connection: connect(), concurrency };
      const worker = new Worker(queue, () => Promise.resolve(true), options);
      worker.on("completed", (job) => onDone(job.id ?? ""));
      await worker.waitUntilReady();
      return { stop: () => worker.close() };
    },
    count: (queue) => queueOf(queue).getWaitingCount(),
    async [Symbol.asyncDispose]() {
      await Promise.all([...queues.values()].map((queue) => queue.close()));
      for (const client of clients) client.disconnect();
    },
  };
}
