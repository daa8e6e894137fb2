/**
 * Connects to NATS over TCP in Deno: with Deno's own transport, `jsr:@nats-io/transport-deno`,
 * where it can be loaded, else with the sockets of Node, which Deno has too.
 *
 * @example
 * ```ts ignore
 * import { connect } from "@naq/events/connect/deno";
 *
 * const connection = await connect({ servers: "nats://localhost:4222" });
 * await connection.close();
 * ```
 *
 * @module
 */

import type { NatsConnectionLike } from "../nats/connection.ts";
import { loadTransport, openWithDeno } from "./deno_transport.ts";
import type { ConnectOptions } from "./options.ts";
import { demandKind, toSettings } from "./settings.ts";

export type * from "../nats/connection.ts";
export type { ConnectOptions, ConnectTlsOptions } from "./options.ts";

/**
 * Opens a connection over TCP. Whoever opens it closes it.
 *
 * With `tls` or `tls://` the sockets of Node are used: Deno's transport takes no certificates, and
 * what it secures it cannot send without delay.
 *
 * @param options Where to and as whom: `nats://` and `tls://`.
 * @throws {JobEventError} `ERR_CONFIGURATION`: an option cannot be used, or the TLS does not work;
 * `ERR_PERMISSION`: the server refuses the credentials, or Deno the network; `ERR_TIMEOUT`: the
 * server does not answer; `ERR_UNAVAILABLE`: there is no server.
 */
export async function connect(options: ConnectOptions): Promise<NatsConnectionLike> {
  const settings = toSettings(options);
  demandKind(settings, "tcp");
  const transport = settings.library.tls === undefined ? await loadTransport() : undefined;
  if (transport !== undefined) return await openWithDeno(transport, settings);
  return await (await import("./node.ts")).connect(options);
}
