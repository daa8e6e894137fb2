import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { startTimer, unrefTimer } from "../src/timer.ts";

/** The timers that are set and have neither fired nor been cleared. */
class FakeTimers implements Disposable {
  readonly delays = new Map<number, readonly [delayMs: number, callback: () => void]>();
  readonly #real = { setTimeout: globalThis.setTimeout, clearTimeout: globalThis.clearTimeout };
  #last = 0;

  constructor() {
    const fake = {
      setTimeout: (callback: () => void, delayMs: number) => {
        this.delays.set(++this.#last, [delayMs, callback]);
        return this.#last;
      },
      clearTimeout: (id: number) => void this.delays.delete(id),
    };
    Object.assign(globalThis, fake);
  }

  /** Has the one timer fire. Gives its delay. */
  fire(): number {
    const [[id, [delayMs, callback]], ...more] = [...this.delays] as [
      [number, [number, () => void]],
    ];
    assert.deepEqual(more, []);
    this.delays.delete(id);
    callback();
    return delayMs;
  }

  [Symbol.dispose](): void {
    Object.assign(globalThis, this.#real);
  }
}

describe("startTimer()", () => {
  const limit = 2 ** 31 - 1;

  it("waits for as long as it is told, however long that is", () => {
    using timers = new FakeTimers();
    let calls = 0;
    for (const [delayMs, parts] of [[5, [5]], [-1, [0]], [limit, [limit]]] as const) {
      startTimer(() => calls++, delayMs);
      assert.deepEqual(parts.map(() => timers.fire()), parts);
    }
    assert.equal(calls, 3);
    startTimer(() => calls++, 2 * limit + 7);
    assert.deepEqual([timers.fire(), timers.fire()], [limit, limit]);
    assert.equal(calls, 3);
    assert.equal(timers.fire(), 7);
    assert.equal(calls, 4);
    const cancel = startTimer(() => calls++, Infinity);
    for (let turn = 0; turn < 10; turn++) assert.equal(timers.fire(), limit);
    cancel();
    assert.deepEqual([calls, timers.delays.size], [4, 0]);
  });
});

describe("unrefTimer()", () => {
  it("lets go of timers that are objects, and of those that are numbers", () => {
    const seen: unknown[] = [];
    const own = Object.getOwnPropertyDescriptor(globalThis, "Deno");
    const value = { unrefTimer: (timer: number) => seen.push(timer) };
    Object.defineProperty(globalThis, "Deno", { value, configurable: true });
    try {
      unrefTimer(7);
      unrefTimer({ unref: () => seen.push("object") });
    } finally {
      if (own === undefined) Reflect.deleteProperty(globalThis, "Deno");
      else Object.defineProperty(globalThis, "Deno", own);
    }
    assert.deepEqual(seen, [7, "object"]);
  });
});
