/**
 * Connects to NATS with the transport that fits: WebSocket for `ws://` and `wss://`, else TCP with
 * what the runtime has. Only the transport that is used is loaded. What is bundled for the edge or
 * a browser imports `@naq/events/connect/ws` instead, and nothing of the others is bundled.
 *
 * @example
 * ```ts ignore
 * import { connect } from "@naq/events/connect";
 *
 * const connection = await connect({ servers: "nats://localhost:4222" });
 * connection.publish("greetings", new TextEncoder().encode("hello"));
 * await connection.flush();
 * await connection.close();
 * ```
 *
 * @module
 */

import { JobEventError } from "../errors.ts";
import type { NatsConnectionLike } from "../nats/connection.ts";
import type { ConnectOptions } from "./options.ts";
import { isDeno } from "./runtime.ts";
import { type Settings, toSettings } from "./settings.ts";

export type * from "../nats/connection.ts";
export type { ConnectOptions, ConnectTlsOptions } from "./options.ts";

/** What every entry point of a transport exports. */
interface Transport {
  connect(options: ConnectOptions): Promise<NatsConnectionLike>;
}

/**
 * Opens a connection. Whoever opens it closes it.
 *
 * The client reconnects by itself, for as long as `maxReconnectAttempts` allows. What is published
 * in between is lost, unless an acknowledgement is waited for.
 *
 * @param options Where to and as whom.
 * @throws {JobEventError} `ERR_CONFIGURATION`: an option cannot be used, or the TLS does not work;
 * `ERR_PERMISSION`: the server refuses the credentials, or the runtime the network;
 * `ERR_TIMEOUT`: the server does not answer; `ERR_UNAVAILABLE`: there is no server;
 * `ERR_UNSUPPORTED`: this runtime has no TCP.
 *
 * @example
 * ```ts ignore
 * import { connect } from "@naq/events/connect";
 *
 * const connection = await connect({
 *   servers: ["nats://localhost:4222", "nats://localhost:4223"],
 *   user: "emitter",
 *   password: "…",
 *   inboxPrefix: "_INBOX_emitter",
 * });
 * await connection.close();
 * ```
 */
export async function connect(options: ConnectOptions): Promise<NatsConnectionLike> {
  const settings = toSettings(options);
  const transport = await loadTransport(settings);
  return await transport.connect(options);
}

async function loadTransport({ kind, shown }: Settings): Promise<Transport> {
  if (kind === "websocket") return await import("./ws.ts");
  try {
    return isDeno() ? await import("./deno.ts") : await import("./node.ts");
  } catch (cause) {
    const message = `Cannot connect to ${shown}: this runtime has no TCP; use ws:// or wss://`;
    throw new JobEventError("ERR_UNSUPPORTED", message, { cause });
  }
}
