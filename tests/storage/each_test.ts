import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { eachOf } from "../../src/storage/each.ts";

/** Pages of numbers; says when it was ended, and may fail at the end. */
function pages(
  numbers: readonly (readonly number[])[],
  error?: Error,
): { readonly read: AsyncGenerator<readonly number[], void>; readonly ends: string[] } {
  const ends: string[] = [];
  async function* read(): AsyncGenerator<readonly number[], void> {
    try {
      for (const page of numbers) {
        await Promise.resolve();
        yield page;
      }
      if (error !== undefined) throw error;
    } finally {
      ends.push("ended");
    }
  }
  return { read: read(), ends };
}

async function collect(iterator: AsyncIterator<number, undefined>): Promise<number[]> {
  const found: number[] = [];
  for await (const value of { [Symbol.asyncIterator]: () => iterator }) found.push(value);
  return found;
}

describe("eachOf()", () => {
  it("gives the values of all pages, empty ones passed over", async () => {
    const { read, ends } = pages([[], [1, 2], [], [3], []]);
    assert.deepEqual(await collect(eachOf(read, () => {})), [1, 2, 3]);
    assert.deepEqual(ends, ["ended"]);
  });

  it("keeps the order of calls that do not wait for each other", async () => {
    const iterator = eachOf(pages([[1], [2, 3], [4]]).read, () => {});
    const results = await Promise.all(Array.from({ length: 6 }, () => iterator.next()));
    assert.deepEqual(results.map(({ value }) => value), [1, 2, 3, 4, undefined, undefined]);
  });

  it("ends the pages when the loop ends early", async () => {
    const { read, ends } = pages([[1, 2], [3]]);
    for await (const value of { [Symbol.asyncIterator]: () => eachOf(read, () => {}) }) {
      if (value === 2) break;
    }
    assert.deepEqual(ends, ["ended"]);
  });

  it("ends with what the check throws, and with what the pages throw", async () => {
    let calls = 0;
    const closed = new Error("closed");
    const check = (): void => {
      if (++calls === 3) throw closed;
    };
    const { read, ends } = pages([[1, 2, 3, 4]]);
    const iterator = eachOf(read, check);
    await assert.rejects(collect(iterator), closed);
    assert.deepEqual(ends, ["ended"]);
    assert.deepEqual(await iterator.next(), { done: true, value: undefined });
    const broken = new Error("broken");
    await assert.rejects(collect(eachOf(pages([[1]], broken).read, () => {})), broken);
  });
});
