/** Subjects for answers. */

import { randomPrefix } from "../event/event_id.ts";
import { checkPrefix } from "../event/prefix.ts";
import type { NatsConnectionLike } from "./connection.ts";

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
  return `${checkPrefix("inboxPrefix", chosen)}.${randomPrefix()}`;
}

/** nats-core keeps the options of a connection; not every connection has them. */
function inboxPrefixOf(connection: NatsConnectionLike): string | undefined {
  const { options } = connection as { readonly options?: { readonly inboxPrefix?: unknown } };
  const prefix = options?.inboxPrefix;
  return typeof prefix === "string" && prefix !== "" ? prefix : undefined;
}
