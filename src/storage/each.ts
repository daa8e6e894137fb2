/** Pages of values, one value after the other. */

/**
 * Gives the values of pages one by one. Written out, because an async generator takes three turns
 * for each value, which is more than it takes to decode an event.
 *
 * @param pages What is read. It is ended when the loop ends early.
 * @param check Called before each value: what it throws ends the loop.
 */
export function eachOf<Value>(
  pages: AsyncGenerator<readonly Value[], void>,
  check: () => void,
): AsyncIterator<Value, undefined> {
  let page: readonly Value[] = [];
  let index = 0;
  /** The calls that wait for a page, one after the other. */
  let filling: Promise<unknown> | undefined;

  async function fill(): Promise<IteratorResult<Value, undefined>> {
    while (index >= page.length) {
      const next = await pages.next();
      if (next.done) return { done: true, value: undefined };
      page = next.value;
      index = 0;
    }
    return await take();
  }

  async function take(): Promise<IteratorResult<Value, undefined>> {
    try {
      check();
    } catch (error) {
      page = [];
      await pages.return();
      throw error;
    }
    return { done: false, value: page[index++]! };
  }

  return {
    next(): Promise<IteratorResult<Value, undefined>> {
      if (filling === undefined && index < page.length) return take();
      const turn = (filling ?? Promise.resolve()).then(fill);
      const settled = turn.then(() => {}, () => {}).then(() => {
        if (filling === settled) filling = undefined;
      });
      filling = settled;
      return turn;
    },
    async return(): Promise<IteratorResult<Value, undefined>> {
      page = [];
      await pages.return();
      return { done: true, value: undefined };
    },
  };
}
