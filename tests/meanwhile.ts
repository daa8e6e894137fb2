/** What somebody else does while a caller waits, so that callers that block pass suites, too. */

/** One call: how long after the one before, in milliseconds, and what. */
export type OtherCall<Part> = {
  [Name in keyof Part & string]: Part[Name] extends (...args: infer Args) => unknown
    ? readonly [afterMs: number, name: Name, ...args: Args]
    : never;
}[keyof Part & string];

/**
 * Waits for something while somebody else makes calls.
 *
 * @returns What was waited for, when the calls have ended, too.
 */
export type Meanwhile<Part> = <Value>(
  part: Part,
  calls: readonly OtherCall<Part>[],
  wait: () => Promise<Value>,
) => Promise<Value>;

/** Makes calls, one after the other. */
export async function makeCalls<Part>(
  part: Part,
  calls: readonly OtherCall<Part>[],
): Promise<void> {
  const methods = part as Record<string, (...args: readonly unknown[]) => unknown>;
  for (const [afterMs, name, ...args] of calls) {
    if (afterMs > 0) await new Promise((resolve) => setTimeout(resolve, afterMs));
    await methods[name]!(...args);
  }
}

/** Where no call blocks, everybody does what he likes. */
export async function concurrently<Part, Value>(
  part: Part,
  calls: readonly OtherCall<Part>[],
  wait: () => Promise<Value>,
): Promise<Value> {
  const [value] = await Promise.all([wait(), makeCalls(part, calls)]);
  return value;
}
