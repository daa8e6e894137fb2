/** Subjects for answers. */

import type { NatsConnectionLike } from "./connection.ts";

const ID_BYTES = 12;
const DEFAULT_PREFIX = "_INBOX";

/**
 * A subject for answers that nobody else has: `{prefix}.{random}`.
 *
 * @param connection Where the answers come from.
 * @param prefix What the subject begins with; the user must be allowed to subscribe below it.
 * @default the connection's `inboxPrefix`, else `_INBOX`
 * @throws {TypeError} The prefix has an empty token, a wildcard or white space.
 */
export function makeInbox(connection: NatsConnectionLike, prefix?: string): string {
  const chosen = prefix ?? inboxPrefixOf(connection) ?? DEFAULT_PREFIX;
  if (!/^[^\s.*>]+(?:\.[^\s.*>]+)*$/.test(chosen)) {
    throw new TypeError(
      `Invalid inboxPrefix ${JSON.stringify(chosen)}: expected tokens separated by dots, ` +
        "without wildcards or white space",
    );
  }
  return `${chosen}.${randomToken()}`;
}

/** nats-core keeps the options of a connection; not every connection has them. */
function inboxPrefixOf(connection: NatsConnectionLike): string | undefined {
  const { options } = connection as { readonly options?: { readonly inboxPrefix?: unknown } };
  const prefix = options?.inboxPrefix;
  return typeof prefix === "string" && prefix !== "" ? prefix : undefined;
}

function randomToken(): string {
  const bytes = crypto.getRandomValues(new Uint8Array(ID_BYTES));
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
}
