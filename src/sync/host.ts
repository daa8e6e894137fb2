/** The worker's side of the line: objects whose methods the other thread calls by their names. */

import process from "node:process";
import { isMainThread, workerData } from "node:worker_threads";
import { packThrown } from "./packed_error.ts";
import {
  type AnswerMessage,
  type CallMessage,
  GONE,
  NEWS,
  RUNNING,
  STATE,
  type WorkerStart,
} from "./wire.ts";

type Methods = Record<string, (...args: readonly unknown[]) => unknown>;

/** An iterable that stays in the worker, and is read page by page. */
export class Pages<Item> {
  readonly #iterator: AsyncIterator<Item>;

  constructor(iterable: AsyncIterable<Item>) {
    this.#iterator = iterable[Symbol.asyncIterator]();
  }

  /** The next items, `size` at the most. */
  async next(size: number): Promise<{ readonly items: Item[]; readonly isLast: boolean }> {
    const items: Item[] = [];
    while (items.length < size) {
      const { done, value } = await this.#iterator.next();
      if (done) return { items, isLast: true };
      items.push(value);
    }
    return { items, isLast: false };
  }

  /** Ends the reading. */
  async release(): Promise<void> {
    await this.#iterator.return?.();
  }
}

/** Tells the other thread that there is news. */
export function notify(signal: Int32Array): void {
  Atomics.add(signal, NEWS, 1);
  Atomics.notify(signal, NEWS);
}

/**
 * Answers calls until the thread ends. In a thread that is no worker it does nothing.
 *
 * @param root The object that calls begin with.
 */
export function serve(root: object): void {
  if (isMainThread) return;
  const { port, signal } = workerData as WorkerStart;
  const cells = new Int32Array(signal);
  const objects = new Map<number, object>([[0, root]]);
  process.once("exit", () => {
    Atomics.store(cells, STATE, GONE);
    notify(cells);
  });
  port.on("message", async (call: CallMessage) => {
    const answer = await perform(objects, call);
    if (call.id === 0) return;
    try {
      port.postMessage(answer);
    } catch (error) {
      port.postMessage({ id: call.id, thrown: packThrown(error) });
    }
    notify(cells);
  });
  Atomics.store(cells, STATE, RUNNING);
  notify(cells);
}

async function perform(objects: Map<number, object>, call: CallMessage): Promise<AnswerMessage> {
  const { id, target, method, args, keepAs, isLast = false } = call;
  try {
    const object = objects.get(target) as Methods;
    // A task queue has a method "release", too: the name alone says nothing.
    if (isLast) objects.delete(target);
    const value = await object[method]!(...args);
    if (keepAs === undefined) return { id, value };
    objects.set(keepAs, isIterable(value) ? new Pages(value) : value as object);
    return { id };
  } catch (error) {
    return { id, thrown: packThrown(error) };
  }
}

function isIterable(value: unknown): value is AsyncIterable<unknown> {
  return typeof value === "object" && value !== null && Symbol.asyncIterator in value;
}
