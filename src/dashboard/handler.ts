/** The dashboard as a function from a request to a response. */

import { isJobEventError, messageOf } from "../errors.ts";
import type { JobEventSource } from "../storage/storage.ts";
import { type CancelTimer, startTimer } from "../timer.ts";
import { act, foreignReason, possibleActions } from "./actions.ts";
import { API } from "./api.ts";
import { ClientStream, readClientRequest } from "./client_stream.ts";
import { Live } from "./live.ts";
import {
  checkOptions,
  type DashboardAction,
  type DashboardOptions,
  type DashboardSettings,
} from "./options.ts";
import { Pages } from "./page.ts";
import type { ActionAnswer, ErrorAnswer } from "./wire.ts";

/** The addresses of the page. */
const ROUTES = new Set(["", "feed", "job", "failures", "dead-letters", "storage"]);

const MAX_BODY_LENGTH = 1024 * 1024;

/** Nothing but the page's own files, no frame around it, and no text that becomes a script. */
const HEADERS: Readonly<Record<string, string>> = {
  "content-security-policy": [
    "default-src 'none'",
    "script-src 'self'",
    "style-src 'self'",
    "img-src 'self'",
    "connect-src 'self'",
    "base-uri 'self'",
    "form-action 'none'",
    "frame-ancestors 'none'",
    "require-trusted-types-for 'script'",
    "trusted-types 'none'",
  ].join("; "),
  "x-content-type-options": "nosniff",
  "x-frame-options": "DENY",
  "referrer-policy": "no-referrer",
  "cross-origin-opener-policy": "same-origin",
  "cross-origin-resource-policy": "same-origin",
};

/** Answers requests until it is closed. */
export interface DashboardHandler extends AsyncDisposable {
  /** Answers a request. Never rejects. */
  (request: Request): Promise<Response>;
  /** Ends the open pages' streams and stops to follow the source, which stays open. Idempotent. */
  close(): Promise<void>;
}

/**
 * Makes a dashboard: pages and what they need, for `Deno.serve`, `Bun.serve`, any framework that
 * takes a fetch-style handler, and `node:http` through `serveDashboard` of
 * `@naq/events/dashboard/serve`.
 *
 * While a page is open, the source is followed once for all pages, with the events of the last hour
 * before. Nothing can be changed from the pages unless `allowActions` and `authorize` say so.
 *
 * @param source Where the events are: any storage. It stays open.
 * @param options Its settings.
 * @throws {TypeError} `basePath` cannot be one, or `allowActions` is set without `authorize`.
 * @throws {RangeError} A bound is out of its range.
 *
 * @example
 * ```ts
 * import { JobEvent, MemoryJobEventStorage } from "@naq/events";
 * import { createDashboardHandler } from "@naq/events/dashboard";
 * import assert from "node:assert/strict";
 *
 * await using storage = new MemoryJobEventStorage();
 * await storage.storeEvent(JobEvent.started("job-1", "worker-1", "async"));
 * await using handler = createDashboardHandler(storage);
 * // Deno.serve(handler), Bun.serve({ fetch: handler }), app.mount("/jobs", handler), …
 * const response = await handler(new Request("http://localhost/api/job?id=job-1"));
 * const { events } = await response.json();
 * assert.equal(events[0].worker, "worker-1");
 * ```
 */
export function createDashboardHandler(
  source: JobEventSource,
  options: DashboardOptions = {},
): DashboardHandler {
  const dashboard = new Dashboard(source, checkOptions(options));
  const close = () => dashboard.close();
  return Object.assign((request: Request) => dashboard.handle(request), {
    close,
    [Symbol.asyncDispose]: close,
  });
}

class Dashboard {
  readonly #source: JobEventSource;
  readonly #settings: DashboardSettings;
  readonly #actions: readonly DashboardAction[];
  readonly #pages: Pages;
  readonly #clients = new Set<ClientStream>();
  #live: Live | undefined;
  #cancelIdle: CancelTimer = () => {};
  #isClosed = false;

  constructor(source: JobEventSource, settings: DashboardSettings) {
    this.#source = source;
    this.#settings = settings;
    this.#actions = possibleActions(source, settings);
    const { title, basePath } = settings;
    this.#pages = new Pages({ title, actions: this.#actions }, basePath);
  }

  async handle(request: Request): Promise<Response> {
    let response: Response;
    try {
      response = await this.#route(request);
    } catch (error) {
      response = problem(statusOf(error), messageOf(error));
    }
    // What a hook gave may have headers that cannot be changed.
    const headers = new Headers(response.headers);
    for (const [name, value] of Object.entries(HEADERS)) headers.set(name, value);
    return new Response(response.body, { status: response.status, headers });
  }

  async close(): Promise<void> {
    this.#isClosed = true;
    this.#cancelIdle();
    for (const client of this.#clients) client.close();
    const live = this.#live;
    this.#live = undefined;
    await live?.stop();
  }

  async #route(request: Request): Promise<Response> {
    if (this.#isClosed) return problem(503, "The dashboard is closed");
    const url = new URL(request.url);
    const path = this.#path(url.pathname);
    if (path === undefined) {
      return new Response(null, { status: 308, headers: { location: this.#settings.basePath } });
    }
    const [folder = "", name = "", ...rest] = path.split("/");
    if (rest.length > 0) return problem(404, "There is no such page");
    if (folder === "api" && request.method === "POST") return await this.#act(request, name);
    if (request.method !== "GET" && request.method !== "HEAD") {
      return problem(405, `${request.method} is not possible here`, { allow: "GET, HEAD" });
    }
    if (folder === "assets") {
      return await this.#pages.asset(request, name) ?? problem(404, "There is no such file");
    }
    const refusal = await this.#refusal(request, "read");
    if (refusal !== undefined) return refusal;
    if (folder === "api") return await this.#answer(request, url, name);
    if (ROUTES.has(path)) return await this.#pages.page(request);
    return problem(404, "There is no such page");
  }

  /** The path below the base; `undefined` for the base without its slash. */
  #path(pathname: string): string | undefined {
    const { basePath } = this.#settings;
    if (pathname.startsWith(basePath)) return pathname.slice(basePath.length);
    return `${pathname}/` === basePath ? undefined : pathname.slice(1);
  }

  async #refusal(
    request: Request,
    access: "read" | DashboardAction,
  ): Promise<Response | undefined> {
    const answer = await this.#settings.authorize?.(request, access) ?? true;
    if (answer === true) return undefined;
    return answer === false ? problem(403, `You may not ${access} here`) : answer;
  }

  async #answer(request: Request, url: URL, name: string): Promise<Response> {
    if (name === "live") return this.#openStream(request, url);
    const answer = Object.hasOwn(API, name) ? API[name] : undefined;
    if (answer === undefined) return problem(404, `There is no api/${name}`);
    const clients = this.#clients.size;
    const context = {
      source: this.#source,
      live: this.#follow(),
      params: url.searchParams,
      clients,
    };
    return json(await answer(context));
  }

  #openStream(request: Request, url: URL): Response {
    const { maxClients } = this.#settings;
    if (this.#clients.size >= maxClients) {
      return problem(503, `There are ${maxClients} pages open already`, { "retry-after": "10" });
    }
    const wanted = readClientRequest(url, request.headers);
    const headers = {
      "content-type": "text/event-stream; charset=utf-8",
      "cache-control": "no-store",
      // Proxies that collect an answer before they pass it on.
      "x-accel-buffering": "no",
    };
    if (request.method === "HEAD") return new Response(null, { headers });
    const client = new ClientStream(this.#follow(), this.#source, wanted);
    this.#clients.add(client);
    const end = () => {
      client.close();
      request.signal.removeEventListener("abort", end);
      this.#clients.delete(client);
      this.#startIdle();
    };
    client.signal.addEventListener("abort", end, { once: true });
    request.signal.addEventListener("abort", end);
    if (request.signal.aborted) end();
    return new Response(streamOf(client), { headers });
  }

  async #act(request: Request, name: string): Promise<Response> {
    const action = this.#actions.find((action) => action === name);
    if (action === undefined) return problem(403, `The dashboard does not allow "${name}"`);
    const foreign = foreignReason(request);
    if (foreign !== undefined) return problem(403, foreign);
    const refusal = await this.#refusal(request, action);
    if (refusal !== undefined) return refusal;
    const body = await readText(request);
    if (body === undefined) return problem(413, "The body is too long");
    const count = await act(action, JSON.parse(body), this.#source, this.#settings);
    return json({ count } satisfies ActionAnswer);
  }

  /** Follows the source, from now on if nobody did, until nobody looks any more. */
  #follow(): Live {
    if (this.#live === undefined) {
      this.#live = new Live(this.#source, this.#settings);
      this.#live.start();
    }
    this.#startIdle();
    return this.#live;
  }

  #startIdle(): void {
    this.#cancelIdle();
    if (this.#isClosed) return;
    this.#cancelIdle = startTimer(
      () => {
        if (this.#clients.size > 0) return;
        const live = this.#live;
        this.#live = undefined;
        live?.stop().catch(() => {});
      },
      this.#settings.idleMs,
      unref,
    );
  }
}

/** The timer alone keeps no program alive. */
function unref(timer: unknown): void {
  (timer as { unref?: () => void }).unref?.();
}

/** A page that does not read gets nothing more: its next message is made when it can take it. */
function streamOf(client: ClientStream): ReadableStream<Uint8Array> {
  const encoder = new TextEncoder();
  return new ReadableStream<Uint8Array>({
    async pull(controller) {
      const text = await client.next().catch(() => undefined);
      if (text === undefined) {
        client.close();
        return controller.close();
      }
      controller.enqueue(encoder.encode(text));
    },
    cancel: () => client.close(),
  }, { highWaterMark: 0 });
}

/** The body, unless it is too long. */
async function readText(request: Request): Promise<string | undefined> {
  const decoder = new TextDecoder();
  let text = "";
  for await (const chunk of request.body ?? []) {
    text += decoder.decode(chunk, { stream: true });
    if (text.length > MAX_BODY_LENGTH) return undefined;
  }
  return text + decoder.decode();
}

function statusOf(error: unknown): number {
  const { name } = error as { name?: unknown };
  if (name === "TypeError" || name === "RangeError" || name === "SyntaxError") return 400;
  if (!isJobEventError(error)) return 500;
  if (error.code === "ERR_UNSUPPORTED") return 501;
  return error.code === "ERR_PERMISSION" ? 403 : 503;
}

function json(answer: unknown, init: ResponseInit = {}): Response {
  const headers = new Headers(init.headers);
  headers.set("cache-control", "no-store");
  return Response.json(answer, { ...init, headers });
}

function problem(status: number, error: string, headers: Record<string, string> = {}): Response {
  return json({ error } satisfies ErrorAnswer, { status, headers });
}
