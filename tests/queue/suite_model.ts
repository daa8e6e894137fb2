import assert from "node:assert/strict";
import { describe, it } from "node:test";
import type { TaskQueue } from "../../src/queue/queue.ts";
import type { ClaimedTask } from "../../src/queue/task.ts";
import { seededRandom, testSeed } from "../helpers.ts";
import { assertLost, OPTIONS, type QueueUnderTest, task } from "./suite.ts";

const QUEUES = ["a", "a.b", "c"];
const STEPS = 250;

interface ModelTask {
  readonly queue: string;
  readonly priority: number;
  readonly maxRetries: number;
  state: string;
  attempts: number;
  /** When it got into the line. */
  turn: number;
}

/** What a queue must do, in a few lines: lists and nothing else. */
class Model {
  readonly tasks = new Map<string, ModelTask>();
  #turns = 0;

  line(id: string, state = "pending"): void {
    const each = this.tasks.get(id)!;
    each.state = state;
    each.turn = ++this.#turns;
  }

  next(queues: readonly string[]): string | undefined {
    const waiting = [...this.tasks].filter(([, { state }]) => state === "pending");
    for (const queue of queues) {
      const [first] = waiting.filter(([, each]) => each.queue === queue)
        .sort(([, left], [, right]) => right.priority - left.priority || left.turn - right.turn);
      if (first !== undefined) return first[0];
    }
    return undefined;
  }

  count(queue: string, state: string): number {
    return [...this.tasks.values()]
      .filter((each) => each.queue === queue && each.state === state).length;
  }
}

/** One run: a queue and its model get the same operations. */
class Run {
  readonly #queue: TaskQueue;
  readonly #random: (limit: number) => number;
  readonly #model = new Model();
  readonly #held: ClaimedTask[] = [];
  readonly #over: ClaimedTask[] = [];

  constructor(queue: TaskQueue, seed: number) {
    this.#queue = queue;
    this.#random = seededRandom(seed);
  }

  async step(): Promise<void> {
    const kind = this.#random(12);
    if (kind < 4) await this.#enqueue();
    else if (kind < 7) await this.#dequeue();
    else if (kind < 9) await this.#end();
    else if (kind === 9) await this.#change();
    else if (kind === 10) await this.#late();
    else await this.compare();
  }

  async #enqueue(): Promise<void> {
    const id = `t-${this.#random(60)}`;
    const queue = QUEUES[this.#random(QUEUES.length)]!;
    const priority = this.#random(3) - 1;
    const maxRetries = this.#random(3);
    await this.#queue.enqueue(task(id, { queue, priority, maxRetries, retryDelayMs: 0 }));
    const { tasks } = this.#model;
    if (tasks.has(id)) return;
    tasks.set(id, { queue, priority, maxRetries, state: "", attempts: 0, turn: 0 });
    this.#model.line(id);
  }

  async #dequeue(): Promise<void> {
    const from = this.#random(QUEUES.length);
    const queues = [...QUEUES.slice(from), ...QUEUES.slice(0, this.#random(from + 1))];
    const expected = this.#model.next(queues);
    const timeoutMs = expected === undefined ? this.#random(2) * 5 : this.#random(2) * 10_000;
    const claimed = await this.#queue.dequeue(queues, { timeoutMs });
    assert.equal(claimed?.id, expected);
    if (claimed === null) return;
    const modelled = this.#model.tasks.get(claimed.id)!;
    modelled.state = "running";
    assert.equal(claimed.attempts, ++modelled.attempts);
    this.#held.push(claimed);
  }

  async #end(): Promise<void> {
    const [claim] = this.#held.splice(this.#random(this.#held.length), 1);
    if (claim === undefined) return;
    const modelled = this.#model.tasks.get(claim.id)!;
    const kind = this.#random(4);
    if (kind === 0) {
      await this.#queue.heartbeat(claim);
      this.#held.push(claim);
      return;
    }
    this.#over.push(claim);
    if (kind === 1) {
      await this.#queue.complete(claim, claim.id);
      modelled.state = "completed";
    } else if (kind === 2) {
      await this.#queue.release(claim);
      modelled.attempts--;
      this.#model.line(claim.id);
    } else {
      const outcome = await this.#queue.fail(claim, new Error("no"));
      const isExhausted = modelled.attempts > modelled.maxRetries;
      assert.equal(outcome, isExhausted ? "failed" : "retry");
      if (isExhausted) modelled.state = "failed";
      else this.#model.line(claim.id);
    }
  }

  async #change(): Promise<void> {
    const id = `t-${this.#random(60)}`;
    const modelled = this.#model.tasks.get(id);
    const wasActive = modelled?.state === "pending" || modelled?.state === "running";
    const kind = this.#random(3);
    if (kind === 0) {
      assert.equal(await this.#queue.cancel(id), wasActive);
      if (wasActive) modelled!.state = "cancelled";
    } else if (kind === 1) {
      assert.equal(await this.#queue.deleteTask(id), modelled !== undefined);
      this.#model.tasks.delete(id);
    } else {
      const canReturn = modelled?.state === "failed" || modelled?.state === "cancelled";
      assert.equal(await this.#queue.requeue(id), canReturn);
      if (canReturn) {
        modelled!.attempts = 0;
        this.#model.line(id);
      }
      return;
    }
    for (const claim of this.#held.filter((each) => each.id === id)) {
      this.#held.splice(this.#held.indexOf(claim), 1);
      this.#over.push(claim);
    }
  }

  async #late(): Promise<void> {
    const claim = this.#over[this.#random(this.#over.length)];
    if (claim === undefined) return;
    const kind = this.#random(4);
    if (kind === 0) await assertLost(this.#queue.heartbeat(claim));
    else if (kind === 1) await assertLost(this.#queue.complete(claim));
    else if (kind === 2) await assertLost(this.#queue.fail(claim, "late"));
    else await assertLost(this.#queue.release(claim));
  }

  async compare(): Promise<void> {
    for (const queue of QUEUES) {
      assert.deepEqual(await this.#queue.queueInfo(queue), {
        pending: this.#model.count(queue, "pending"),
        running: this.#model.count(queue, "running"),
        delayed: 0,
      });
    }
    const states = (await this.#queue.listTasks()).map(({ id, state, attempts }) =>
      `${id} ${state} ${attempts}`
    );
    const wanted = [...this.#model.tasks].map(([id, { state, attempts }]) =>
      `${id} ${state} ${attempts}`
    );
    assert.deepEqual(states.sort(), wanted.sort());
    for (const state of ["pending", "running", "completed", "failed"] as const) {
      const ids = wanted.filter((each) => each.split(" ")[1] === state);
      assert.equal(await this.#queue.countTasks({ state }), ids.length, state);
    }
  }
}

/** Random operations. */
export function modelSuite(name: string, { open }: QueueUnderTest): void {
  describe(`${name}: random operations`, OPTIONS, () => {
    it("do what a model of lists does", OPTIONS, async () => {
      const seed = testSeed();
      await using queue = await open();
      const run = new Run(queue, seed);
      for (let step = 0; step < STEPS; step++) {
        try {
          await run.step();
        } catch (cause) {
          throw new Error(`TEST_SEED=${seed}, step ${step}: ${(cause as Error).message}`, {
            cause,
          });
        }
      }
      await run.compare();
    });
  });
}
