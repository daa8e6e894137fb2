/**
 * Connects to NATS over TCP, with the sockets of Node: in Node, Bun and Deno.
 *
 * @example
 * ```ts ignore
 * import { connect } from "@naq/events/connect/node";
 *
 * const connection = await connect({ servers: "nats://localhost:4222" });
 * await connection.close();
 * ```
 *
 * @module
 */

import * as library from "@nats-io/transport-node";
import type { NatsConnectionLike } from "../nats/connection.ts";
import { openWith } from "./open.ts";
import type { ConnectOptions } from "./options.ts";
import { demandKind, toSettings } from "./settings.ts";

export type * from "../nats/connection.ts";
export type { ConnectOptions, ConnectTlsOptions } from "./options.ts";

/**
 * Opens a connection over TCP. Whoever opens it closes it.
 *
 * @param options Where to and as whom: `nats://` and `tls://`.
 * @throws {JobEventError} `ERR_CONFIGURATION`: an option cannot be used, or the TLS does not work;
 * `ERR_PERMISSION`: the server refuses the credentials; `ERR_TIMEOUT`: it does not answer;
 * `ERR_UNAVAILABLE`: there is no server.
 */
export async function connect(options: ConnectOptions): Promise<NatsConnectionLike> {
  const settings = toSettings(options);
  demandKind(settings, "tcp");
  return await openWith(library, settings);
}
