/** Deno's own transport, `jsr:@nats-io/transport-deno`, with what it lacks. */

import type { ConnectionOptions } from "@nats-io/nats-core";
import type { NatsConnectionLike, NatsStatusLike } from "../nats/connection.ts";
import { explain } from "./explain.ts";
import { limitReconnects } from "./open.ts";
import type { Settings } from "./settings.ts";

/** Held in a variable: written into the import, it would become a dependency of the npm package. */
const TRANSPORT = "jsr:@nats-io/transport-deno@3.4.0";

/** A registry that does not answer must not delay the first connect for long. */
const LOAD_TIMEOUT_MS = 3000;

/** What is used of the transport. */
export interface DenoTransport {
  connect(options: ConnectionOptions): Promise<DenoConnection>;
}

/** A connection of the transport, with the socket that it hides. */
export interface DenoConnection extends NatsConnectionLike {
  readonly options?: ConnectionOptions;
  readonly protocol?: {
    readonly transport?: { readonly conn?: { setNoDelay?(noDelay: boolean): void } };
  };
}

/**
 * Loads the transport. An import map may name another place to load it from.
 *
 * @param load How it is loaded.
 * @returns The transport, or `undefined` where it cannot be had: in another runtime, offline, or
 * without the permission.
 */
export async function loadTransport(
  load: () => Promise<DenoTransport> = () => import(TRANSPORT),
  timeoutMs: number = LOAD_TIMEOUT_MS,
): Promise<DenoTransport | undefined> {
  let timer: ReturnType<typeof setTimeout> | undefined;
  const late = new Promise<undefined>((resolve) => {
    timer = setTimeout(resolve, timeoutMs, undefined);
  });
  try {
    return await Promise.race([load().catch(() => undefined), late]);
  } finally {
    clearTimeout(timer);
  }
}

/** Opens a connection with the transport. */
export async function openWithDeno(
  transport: DenoTransport,
  settings: Settings,
): Promise<NatsConnectionLike> {
  try {
    const connection = await transport.connect({ ...settings.library });
    limitReconnects(connection, settings);
    if (settings.noDelay) keepNoDelay(connection);
    return connection;
  } catch (error) {
    throw explain(error, settings);
  }
}

/**
 * Switches Nagle's algorithm off, now and after each reconnect. The transport leaves it on, and
 * then the last packet of a burst waits about 40 ms for the server to acknowledge those before.
 */
function keepNoDelay(connection: DenoConnection): void {
  const apply = (): void => {
    try {
      connection.protocol?.transport?.conn?.setNoDelay?.(true);
    } catch {
      // The socket is gone again already, and the next one gets its turn.
    }
  };
  apply();
  watch(connection.status(), apply).catch(() => {});
}

async function watch(changes: AsyncIterable<NatsStatusLike>, apply: () => void): Promise<void> {
  for await (const { type } of changes) if (type === "reconnect") apply();
}
