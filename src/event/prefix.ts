/** What subjects begin with. */

const PREFIX = /^[^\s\p{Cc}.*>]+(?:\.[^\s\p{Cc}.*>]+)*$/u;

/** Whether subjects can begin with it: tokens with dots between them. */
export function isPrefix(prefix: unknown): prefix is string {
  return typeof prefix === "string" && PREFIX.test(prefix);
}

/**
 * Checks a prefix.
 *
 * @param name What it is called.
 * @throws {TypeError} It has an empty token, a wildcard, white space or a control character.
 */
export function checkPrefix(name: string, prefix: string): string {
  if (isPrefix(prefix)) return prefix;
  throw new TypeError(
    `Invalid ${name} ${JSON.stringify(prefix)}: expected tokens separated by dots, without ` +
      "wildcards or white space",
  );
}
