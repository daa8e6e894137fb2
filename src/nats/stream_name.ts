/** Names of streams. */

/** The stream's name unless another is given. */
export const DEFAULT_STREAM_NAME = "NAQ_JOB_EVENTS";

const NAME = /^[^\s\p{Cc}.*>/\\]{1,255}$/u;

/**
 * Checks the name of a stream: it becomes a token of subjects, a header and a directory.
 *
 * @throws {TypeError} The server would not take it.
 */
export function checkStreamName(name: string): string {
  if (typeof name === "string" && NAME.test(name)) return name;
  throw new TypeError(
    `Invalid stream name ${JSON.stringify(name)}: expected 1 to 255 characters, without ` +
      "white space and none of . * > / \\",
  );
}
