/**
 * Connects to NATS over WebSocket: anywhere, also at the edge and in browsers.
 *
 * @example
 * ```ts ignore
 * import { connect } from "@naq/events/connect/ws";
 *
 * const connection = await connect({ servers: "ws://localhost:8080", token: "…" });
 * await connection.close();
 * ```
 *
 * @module
 */

import {
  NatsConnectionImpl,
  ProtocolHandler,
  wsconnect,
  type WsConnectionOptions,
  type WsSocketFactory,
} from "@nats-io/nats-core/internal";
import type { NatsConnectionLike } from "../nats/connection.ts";
import { openWith } from "./open.ts";
import type { ConnectOptions } from "./options.ts";
import { isDeno } from "./runtime.ts";
import { demandKind, toSettings } from "./settings.ts";

export type * from "../nats/connection.ts";
export type { ConnectOptions, ConnectTlsOptions } from "./options.ts";

/**
 * Opens a connection over WebSocket. Whoever opens it closes it.
 *
 * @param options Where to and as whom: `ws://` and `wss://`.
 * @throws {JobEventError} `ERR_CONFIGURATION`: an option cannot be used; `ERR_PERMISSION`: the
 * server refuses the credentials, or the runtime the network; `ERR_TIMEOUT`: the server does not
 * answer; `ERR_UNAVAILABLE`: there is no server.
 */
export async function connect(options: ConnectOptions): Promise<NatsConnectionLike> {
  const settings = toSettings(options);
  demandKind(settings, "websocket");
  const { promise: failed, reject } = Promise.withResolvers<never>();
  const library: WsConnectionOptions = { ...settings.library, wsFactory: socketFactory(reject) };
  const transport = { connect: wsconnect, NatsConnectionImpl, ProtocolHandler, failed };
  return await openWith(transport, { ...settings, library });
}

/** Makes sockets as the library does, and says when the runtime refuses to. */
function socketFactory(onRefused: (error: unknown) => void): WsSocketFactory {
  return (url) => {
    try {
      const socket = new WebSocket(url);
      if (isDeno()) sendShortFrames(socket);
      return Promise.resolve({ socket, encrypted: url.startsWith("wss:") });
    } catch (error) {
      onRefused(error);
      return Promise.reject(error);
    }
  };
}

/** Deno sends a frame of up to 1024 bytes with its header as one piece. */
const SHORT_FRAME_BYTES = 1000;

/**
 * Makes a socket send short frames only; where the frames of a stream of bytes end means nothing to
 * NATS.
 *
 * Deno sends the header of a longer frame on its own and leaves Nagle's algorithm on. What follows
 * then waits for the server's delayed acknowledgement: 44 ms for every few messages.
 */
function sendShortFrames(socket: WebSocket): WebSocket {
  const send = socket.send.bind(socket);
  socket.send = (data) => {
    if (!(data instanceof ArrayBuffer)) return send(data);
    for (let start = 0; start < data.byteLength; start += SHORT_FRAME_BYTES) {
      send(data.slice(start, start + SHORT_FRAME_BYTES));
    }
  };
  return socket;
}
