/** Opens a connection with the client library. */

import type {
  ConnectionOptions,
  NatsConnectionImpl,
  ProtocolHandler,
} from "@nats-io/nats-core/internal";
import { messageOf } from "../errors.ts";
import type { NatsConnectionLike } from "../nats/connection.ts";
import { explain } from "./explain.ts";
import type { Settings } from "./settings.ts";
import type { Signer } from "./signer.ts";

/** The client library as it comes with one transport. */
export interface TransportLibrary {
  /** Its function that connects over the transport. */
  connect(options: ConnectionOptions): Promise<unknown>;
  readonly NatsConnectionImpl: typeof NatsConnectionImpl;
  readonly ProtocolHandler: typeof ProtocolHandler;
  /** Rejects when not even a socket can be made, where the library would wait for ever. */
  readonly failed?: Promise<never>;
}

/** A constructor that the library declares private, and that its own `connect` calls. */
type ConnectionConstructor = new (options: ConnectionOptions) => NatsConnectionImpl;

/**
 * Opens a connection over the transport that a library comes with.
 *
 * It does what the library's own `connect` does, and keeps faults of it away:
 *
 * - It holds the transport of *all* connections in one variable, which every connect overwrites:
 *   once a WebSocket is opened, a TCP connection reconnects over WebSocket, in vain. So the
 *   transport is registered anew before each use.
 * - A server that says why it closes a new connection is waited for until the timeout. So the
 *   attempt ends then, with what the server said.
 * - A server that says nothing leaves a socket behind that keeps the process alive. So it is
 *   discarded.
 * - With `maxReconnectAttempts` of 0 or 1 a server that is not there takes another one, which may
 *   be, off the list. So the limit holds from the first connect on.
 */
export async function openWith(
  library: TransportLibrary,
  settings: Settings,
): Promise<NatsConnectionLike> {
  const Connection = library.NatsConnectionImpl as unknown as ConnectionConstructor;
  register(library);
  let protocol: ProtocolHandler | undefined;
  try {
    const connection = new Connection({ ...settings.library });
    protocol = new library.ProtocolHandler(connection.options, connection);
    connection.protocol = protocol;
    attend(protocol, library, settings.signer);
    const { failed } = library;
    await (failed === undefined
      ? protocol.dialLoop()
      : Promise.race([protocol.dialLoop(), failed]));
    limitReconnects(connection, settings);
    return connection;
  } catch (error) {
    abandon(protocol);
    throw explain(error, settings);
  }
}

/** Sets the limit of attempts to reconnect, which would be in the way of the first connect. */
export function limitReconnects(
  connection: { readonly options?: ConnectionOptions },
  { maxReconnectAttempts }: Settings,
): void {
  if (connection.options !== undefined) {
    connection.options.maxReconnectAttempts = maxReconnectAttempts;
  }
}

/**
 * Makes the library use its transport from now on. Its `connect` does that first, before it
 * refuses these options; it exports no other way to its transports.
 */
function register(library: TransportLibrary): void {
  library.connect({ servers: ["localhost"], port: 1 }).catch(() => {});
}

/**
 * Steps in right before the library makes a transport, and before it reads what the server says of
 * itself and of others. Iterating over the changes of state would be too late.
 */
function attend(
  protocol: ProtocolHandler,
  library: TransportLibrary,
  signer: Signer | undefined,
): void {
  const listener = {
    push: ({ type }: { readonly type?: string }): void => {
      if (type === "reconnecting") register(library);
    },
    stop: (): void => {},
    iterClosed: Promise.resolve(),
  };
  protocol.listeners.push(listener as unknown as ProtocolHandler["listeners"][number]);

  const processInfo = protocol.processInfo.bind(protocol);
  const readInfo = (info: Uint8Array): void => {
    register(library);
    processInfo(info);
  };
  protocol.processInfo = (info) => {
    if (protocol.infoReceived) return readInfo(info);
    failWhenClosed(protocol);
    const { transport } = protocol;
    keepErrorListener(transport);
    if (signer === undefined) return readInfo(info);
    // The server says nothing more before it has an answer.
    void signer.prepare(nonceOf(info)).then(() => {
      // Meanwhile this attempt may be over and another one begun.
      if (protocol.transport === transport && !transport.isClosed) readInfo(info);
    });
  };
}

/** What the server wants to be signed, if anything. */
function nonceOf(info: Uint8Array): string | undefined {
  return (JSON.parse(new TextDecoder().decode(info)) as { readonly nonce?: string }).nonce;
}

/** Ends an attempt to connect when its transport is closed. */
function failWhenClosed(protocol: ProtocolHandler): void {
  const { transport } = protocol;
  transport.closed().then(async () => {
    // What has come may still have to be read.
    await new Promise((resolve) => setTimeout(resolve));
    // It is set for as long as the attempt lasts.
    if (protocol.transport === transport) protocol.connectError?.(lossOf(protocol));
  }).catch(() => {});
}

/** The part of a socket of Node that removes listeners, those to errors with the others. */
interface NodeSocket {
  on(event: "error", listener: () => void): void;
  removeAllListeners(...events: string[]): void;
}

/**
 * Goes on to listen to errors of a socket of Node when the library has closed it and stopped. In
 * Deno they still come then, and end the process where nobody listens.
 */
function keepErrorListener(transport: object): void {
  const { socket } = transport as { readonly socket?: Partial<NodeSocket> };
  if (socket?.on === undefined || socket.removeAllListeners === undefined) return;
  const { on, removeAllListeners } = socket as NodeSocket;
  const listen = (): void => on.call(socket, "error", () => {});
  socket.removeAllListeners = (...events) => {
    removeAllListeners.apply(socket, events);
    listen();
  };
  listen();
}

/** What the server said before it closed the connection, or at least that it did. */
function lossOf({ transport, lastError }: ProtocolHandler): Error {
  const { closeError: cause } = transport;
  if (lastError !== undefined) return lastError;
  if (cause === undefined) return new Error("the server closed the connection");
  return new Error(`the server closed the connection (${messageOf(cause)})`, { cause });
}

/** Frees what a failed attempt may have left. Nothing waits for it: a dead server never answers. */
function abandon(protocol: ProtocolHandler | undefined): void {
  if (protocol === undefined) return;
  const { transport } = protocol as { transport?: ProtocolHandler["transport"] };
  if (transport !== undefined) {
    keepErrorListener(transport);
    transport.discard();
  }
  protocol.close().catch(() => {});
}
