/**
 * Serves a dashboard over `node:http`, in Node, Bun and Deno alike. `Deno.serve` and `Bun.serve`
 * take the handler as it is.
 *
 * @example
 * ```ts
 * import { createDashboardHandler } from "@naq/events/dashboard";
 * import { serveDashboard } from "@naq/events/dashboard/serve";
 * import { openStorage } from "@naq/events/open";
 * import assert from "node:assert/strict";
 *
 * await using storage = await openStorage("memory:");
 * await using handler = createDashboardHandler(storage);
 * await using server = await serveDashboard(handler, { port: 0 });
 * const response = await fetch(server.url);
 * assert.match(await response.text(), /<title>Job events/);
 * ```
 *
 * @module
 */

import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { Readable } from "node:stream";
import { JobEventError, messageOf } from "../errors.ts";

/** Options of {@linkcode serveDashboard}. */
export interface ServeDashboardOptions {
  /** The port; 0 for any that is free. @default 8787 */
  readonly port?: number;
  /** The address to listen on. @default "127.0.0.1": only this machine */
  readonly hostname?: string;
}

/** A server that runs. */
export interface DashboardServer extends AsyncDisposable {
  /** Where it is reached. */
  readonly url: string;
  /** The port that it listens on. */
  readonly port: number;
  /** Ends all connections and stops to listen. The handler stays open. Idempotent. */
  close(): Promise<void>;
}

const LOOPBACK = new Set(["localhost", "127.0.0.1", "[::1]"]);

/**
 * Serves a handler. On an address of this machine alone it answers only to the names of this
 * machine: another site cannot reach it by a name of its own that leads here.
 *
 * @param handler Answers requests, as `createDashboardHandler` makes it.
 * @param options Where to listen.
 * @throws {JobEventError} `ERR_UNAVAILABLE`: the port is taken, or the address is not this
 * machine's; `ERR_PERMISSION`: it may not be used.
 */
export async function serveDashboard(
  handler: (request: Request) => Response | Promise<Response>,
  options: ServeDashboardOptions = {},
): Promise<DashboardServer> {
  const { port = 8787, hostname = "127.0.0.1" } = options;
  const isLocal = LOOPBACK.has(hostname) || hostname === "::1";
  const server = createServer((message, response) => {
    answer(handler, message, response, isLocal).catch(() => response.destroy());
  });
  await listen(server, port, hostname);
  const address = server.address() as AddressInfo;
  const shown = hostname.includes(":") ? `[${hostname}]` : hostname;
  let closed: Promise<void> | undefined;
  const close = () =>
    closed ??= new Promise<void>((resolve) => {
      server.close(() => resolve());
      server.closeAllConnections();
    });
  const url = `http://${shown}:${address.port}/`;
  return { url, port: address.port, close, [Symbol.asyncDispose]: close };
}

function listen(server: Server, port: number, hostname: string): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once("error", (cause: Error & { code?: string }) => {
      const code = cause.code === "EACCES" ? "ERR_PERMISSION" : "ERR_UNAVAILABLE";
      const text = `Cannot listen on ${hostname}:${port}: ${messageOf(cause)}`;
      reject(new JobEventError(code, text, { cause }));
    });
    server.listen(port, hostname, resolve);
  });
}

async function answer(
  handler: Parameters<typeof serveDashboard>[0],
  message: IncomingMessage,
  response: ServerResponse,
  isLocal: boolean,
): Promise<void> {
  const host = message.headers.host ?? "localhost";
  if (isLocal && !LOOPBACK.has(host.replace(/:\d+$/, ""))) {
    response.writeHead(421, { "content-type": "text/plain" });
    response.end(`This server does not answer to the name ${host.slice(0, 255)}\n`);
    return;
  }
  const gone = new AbortController();
  response.once("close", () => gone.abort());
  const { status, headers, body } = await handler(toRequest(message, host, gone.signal));
  response.writeHead(status, [...headers].flat());
  if (body === null || message.method === "HEAD") {
    response.end();
    await body?.cancel();
    return;
  }
  await write(body, response);
}

function toRequest(message: IncomingMessage, host: string, signal: AbortSignal): Request {
  const { method = "GET", url = "/", headers } = message;
  const hasBody = method !== "GET" && method !== "HEAD";
  const pairs = Object.entries(headers).flatMap(([name, value]): [string, string][] =>
    value === undefined || name.startsWith(":")
      ? []
      : [[name, Array.isArray(value) ? value.join(", ") : value]]
  );
  const path = url.startsWith("/") ? url : "/";
  return new Request(new URL(`http://${host}${path}`), {
    method,
    headers: pairs,
    signal,
    ...(hasBody ? { body: Readable.toWeb(message) as ReadableStream, duplex: "half" } : {}),
  } as RequestInit);
}

/** Writes as fast as the other side reads. */
async function write(body: ReadableStream<Uint8Array>, response: ServerResponse): Promise<void> {
  const reader = body.getReader();
  const cancel = () => reader.cancel().catch(() => {});
  response.once("close", cancel);
  if (response.destroyed) await cancel();
  for (;;) {
    const { done, value } = await reader.read();
    if (done || response.destroyed) break;
    if (!response.write(value)) await drained(response);
  }
  response.end();
}

function drained(response: ServerResponse): Promise<void> {
  return new Promise((resolve) => {
    const go = () => {
      response.off("drain", go).off("close", go);
      resolve();
    };
    response.once("drain", go).once("close", go);
  });
}
