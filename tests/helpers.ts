/** What tests of all parts share. */

import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";

/**
 * Waits until a condition holds.
 *
 * @returns The first value of the condition that is neither `false` nor `undefined`.
 */
export async function eventually<Value>(
  condition: () => Value | false | undefined | Promise<Value | false | undefined>,
  options: { readonly timeoutMs?: number; readonly what?: string } = {},
): Promise<Value> {
  const { timeoutMs = 15_000, what = "the condition" } = options;
  const deadline = Date.now() + timeoutMs;
  for (;;) {
    const value = await condition();
    if (value !== false && value !== undefined) return value;
    if (Date.now() > deadline) throw new Error(`Not so within ${timeoutMs} ms: ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
}

/** Fails when a promise takes longer than a test may wait. */
export async function within<Value>(promise: Promise<Value>, timeoutMs = 15_000): Promise<Value> {
  let timer: ReturnType<typeof setTimeout> | undefined;
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new Error(`No result within ${timeoutMs} ms`)), timeoutMs);
  });
  try {
    return await Promise.race([promise, late]);
  } finally {
    clearTimeout(timer);
  }
}

/** The first `count` values. Leaves the loop then, as `break` does. */
export async function take<Value>(
  values: AsyncIterable<Value>,
  count: number,
  timeoutMs = 15_000,
): Promise<Value[]> {
  const taken: Value[] = [];
  if (count === 0) return taken;
  const read = async (): Promise<Value[]> => {
    for await (const value of values) {
      taken.push(value);
      if (taken.length === count) break;
    }
    return taken;
  };
  try {
    return await within(read(), timeoutMs);
  } catch (cause) {
    throw new Error(`Took ${taken.length} of ${count} values`, { cause });
  }
}

/** Makes an empty directory; its disposal removes it. */
export async function temporaryDirectory(): Promise<AsyncDisposable & { readonly path: string }> {
  const path = await mkdtemp(join(tmpdir(), "naq-events-"));
  return {
    path,
    [Symbol.asyncDispose]: () => rm(path, { recursive: true, force: true, maxRetries: 5 }),
  };
}

/** Random numbers from a seed: below `limit`, whole. */
export function seededRandom(seed: number): (limit: number) => number {
  let state = seed >>> 0;
  return (limit) => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ state >>> 15, state | 1);
    mixed ^= mixed + Math.imul(mixed ^ mixed >>> 7, mixed | 61);
    return ((mixed ^ mixed >>> 14) >>> 0) % limit;
  };
}

/** The seed of a run: that of `TEST_SEED`, so that a failure can be run again, else a new one. */
export function testSeed(): number {
  const given = Number(globalThis.process?.env["TEST_SEED"]);
  return Number.isSafeInteger(given) && given > 0 ? given : Date.now() % 2 ** 31;
}
