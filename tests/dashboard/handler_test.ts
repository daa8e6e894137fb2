import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { createDashboardHandler } from "../../src/dashboard/mod.ts";
import { serveDashboard } from "../../src/dashboard/serve.ts";
import { JobEvent } from "../../src/gen/factories.ts";
import { MemoryJobEventStorage } from "../../src/storage/memory.ts";
import { eventually } from "../helpers.ts";
import { openMessages } from "./messages.ts";

const SAME_SITE = { "x-naq-dashboard": "1", "sec-fetch-site": "same-origin" };

function post(headers: Record<string, string>, body = "{}"): Request {
  return new Request("http://dashboard.test/api/delete", { method: "POST", headers, body });
}

describe("createDashboardHandler()", () => {
  it("gives the page and its files with a strict policy, to be kept by name", async () => {
    await using storage = new MemoryJobEventStorage();
    await using handler = createDashboardHandler(storage, { title: 'A <b>"title"</b> & more' });
    const page = await handler(new Request("http://dashboard.test/failures?error=%3Cscript%3E"));
    const policy = page.headers.get("content-security-policy") ?? "";
    assert.match(policy, /^default-src 'none'; script-src 'self'; style-src 'self';/);
    assert.match(policy, /require-trusted-types-for 'script'/);
    assert.doesNotMatch(policy, /unsafe|https?:/);
    assert.equal(page.headers.get("x-content-type-options"), "nosniff");
    const html = await page.text();
    assert.doesNotMatch(html, /<b>|<script>|style=| on\w+=/);
    assert.match(html, /<title>A &#60;b&#62;/);
    const [, script = ""] = /src="(assets\/app-[0-9a-f]{12}\.js)"/.exec(html) ?? [];
    const url = `http://dashboard.test/${script}`;
    const gzipped = await handler(new Request(url, { headers: { "accept-encoding": "gzip" } }));
    assert.equal(gzipped.headers.get("content-encoding"), "gzip");
    assert.match(gzipped.headers.get("cache-control") ?? "", /immutable/);
    const plain = await handler(new Request(url));
    const unzipped = gzipped.body!.pipeThrough(new DecompressionStream("gzip"));
    assert.equal(await new Response(unzipped).text(), await plain.text());
    const etag = plain.headers.get("etag")!;
    const known = await handler(new Request(url, { headers: { "if-none-match": etag } }));
    assert.equal(known.status, 304);
    const head = await handler(new Request(url, { method: "HEAD" }));
    assert.deepEqual([head.status, await head.text()], [200, ""]);
  });

  it("works below a path, whether somebody takes it away or not", async () => {
    await using storage = new MemoryJobEventStorage();
    await using handler = createDashboardHandler(storage, { basePath: "/ops/jobs" });
    const ask = (path: string) => handler(new Request(`http://dashboard.test${path}`));
    for (const path of ["/ops/jobs/", "/ops/jobs/feed", "/", "/feed"]) {
      const html = await (await ask(path)).text();
      assert.match(html, /<base href="\/ops\/jobs\/">/, path);
    }
    const redirect = await ask("/ops/jobs");
    assert.deepEqual([redirect.status, redirect.headers.get("location")], [308, "/ops/jobs/"]);
    assert.equal((await ask("/ops/jobs/api/health")).status, 200);
    assert.equal((await ask("/ops/jobs/other")).status, 404);
    assert.equal((await ask("/ops/jobs/api/__proto__")).status, 404);
    assert.equal((await ask("/ops/jobs/api/events?limit=-1")).status, 400);
    assert.equal((await ask("/ops/jobs/assets/../x")).status, 404);
  });

  it("changes nothing unless it is allowed, by its own page, to whom may", async () => {
    await using storage = new MemoryJobEventStorage();
    await storage.storeEvent(JobEvent.started("job", "w", "async"));
    const body = JSON.stringify({ jobId: "job" });
    await using readOnly = createDashboardHandler(storage);
    assert.equal((await readOnly(post(SAME_SITE, body))).status, 403);
    assert.throws(() => createDashboardHandler(storage, { allowActions: true }), TypeError);
    let allowed: boolean | Response = true;
    await using handler = createDashboardHandler(storage, {
      allowActions: true,
      authorize: () => Promise.resolve(allowed),
    });
    const refused: Record<string, string>[] = [
      {},
      { "sec-fetch-site": "same-origin" },
      { "x-naq-dashboard": "1" },
      { ...SAME_SITE, "sec-fetch-site": "cross-site" },
      { ...SAME_SITE, "sec-fetch-site": "same-site" },
      { "x-naq-dashboard": "1", origin: "http://evil.test", host: "dashboard.test" },
      { "x-naq-dashboard": "1", origin: "null", host: "dashboard.test" },
    ];
    for (const headers of refused) {
      assert.equal((await handler(post(headers, body))).status, 403, JSON.stringify(headers));
    }
    allowed = false;
    assert.equal((await handler(post(SAME_SITE, body))).status, 403);
    allowed = new Response("Who?", { status: 401, headers: { "www-authenticate": "Basic" } });
    const asked = await handler(post(SAME_SITE, body));
    assert.deepEqual([asked.status, asked.headers.get("www-authenticate")], [401, "Basic"]);
    const read = await handler(new Request("http://dashboard.test/api/events"));
    assert.equal(read.status, 401);
    assert.equal(await storage.countEvents(), 1);
    allowed = true;
    assert.equal((await handler(post(SAME_SITE, "x".repeat(2_000_000)))).status, 413);
    assert.equal((await handler(post(SAME_SITE, "{"))).status, 400);
    assert.equal((await handler(post(SAME_SITE, body))).status, 200);
    assert.equal(await storage.countEvents(), 0);
  });

  it("keeps no more for a page that does not read than its next message", async () => {
    await using storage = new MemoryJobEventStorage();
    await using handler = createDashboardHandler(storage, { maxClients: 1 });
    const url = "http://dashboard.test/api/live?view=rows&after=0";
    const slow = openMessages(await handler(new Request(url)));
    assert.equal((await handler(new Request(url))).status, 503);
    for (let batch = 0; batch < 40; batch++) {
      await storage.storeEvents(
        Array.from({ length: 500 }, (_, at) => JobEvent.started(`${batch}-${at}`, "w", "async")),
      );
    }
    await eventually(async () => {
      const health = await (await handler(new Request("http://dashboard.test/api/health"))).json();
      return health.status.events === 20_000;
    }, { timeoutMs: 20_000 });
    let message = await slow.next();
    while (message.event !== "rows") message = await slow.next();
    const { rows, skipped, gap } = message.data as {
      rows: { seq: number }[];
      skipped: number;
      gap: boolean;
    };
    assert.equal(rows.length, 200);
    assert.equal(rows.at(-1)?.seq, 20_000);
    assert.ok(gap, "More was stored than is kept");
    assert.ok(skipped < 10_000);
    await slow.close();
    const next = openMessages(await handler(new Request(url)));
    await next.close();
  });

  it("ends its streams and follows no more when it is closed", async () => {
    await using storage = new MemoryJobEventStorage();
    const handler = createDashboardHandler(storage);
    const response = await handler(new Request("http://dashboard.test/api/live?view=overview"));
    const reader = response.body!.getReader();
    await reader.read();
    await handler.close();
    assert.deepEqual(await reader.read(), { done: true, value: undefined });
    assert.equal((await handler(new Request("http://dashboard.test/"))).status, 503);
    assert.equal((await storage.healthCheck()).status, "healthy");
  });
});

/** What a runtime has of its own; Node has `node:http` alone. */
interface Native {
  readonly Deno?: {
    serve(
      options: { port: number; hostname: string; onListen(): void },
      handler: (request: Request) => Promise<Response>,
    ): { readonly addr: { readonly port: number }; shutdown(): Promise<void> };
  };
  readonly Bun?: {
    serve(options: {
      port: number;
      hostname: string;
      fetch(request: Request): Promise<Response>;
    }): { readonly port: number; stop(isHard: boolean): Promise<void> };
  };
}

/** Serves as the README says it. */
async function serveNatively(
  handler: (request: Request) => Promise<Response>,
): Promise<{ readonly port: number; close(): Promise<void> }> {
  const { Deno, Bun } = globalThis as Native;
  const place = { port: 0, hostname: "127.0.0.1" };
  if (Deno !== undefined) {
    const server = Deno.serve({ ...place, onListen() {} }, handler);
    return { port: server.addr.port, close: () => server.shutdown() };
  }
  if (Bun !== undefined) {
    const server = Bun.serve({ ...place, fetch: handler });
    return { port: server.port, close: () => server.stop(true) };
  }
  return await serveDashboard(handler, place);
}

describe("the runtime's own server", () => {
  it("serves pages and streams, and ends them with the page", { timeout: 60_000 }, async () => {
    await using storage = new MemoryJobEventStorage();
    await using handler = createDashboardHandler(storage);
    const server = await serveNatively(handler);
    const url = `http://127.0.0.1:${server.port}/`;
    assert.match(await (await fetch(url)).text(), /<!doctype html>/);
    const end = new AbortController();
    const answer = await fetch(`${url}api/live?view=rows&after=0`, { signal: end.signal });
    const page = openMessages(answer);
    await storage.storeEvent(JobEvent.started("job", "w", "async"));
    let message = await page.next();
    while (message.event !== "rows") message = await page.next();
    end.abort();
    await eventually(async () => {
      const { clients } = await (await fetch(`${url}api/health`)).json();
      return clients === 0;
    }, { timeoutMs: 30_000, what: "the server noticed that the page was closed" });
    await server.close();
  });
});

describe("serveDashboard()", () => {
  it("serves pages, streams and actions, to this machine's names only", async () => {
    await using storage = new MemoryJobEventStorage();
    await using handler = createDashboardHandler(storage, {
      allowActions: true,
      authorize: () => true,
    });
    await using server = await serveDashboard(handler, { port: 0 });
    assert.match(await (await fetch(server.url)).text(), /<!doctype html>/);
    const page = openMessages(await fetch(`${server.url}api/live?view=rows&after=0`));
    await storage.storeEvent(JobEvent.started("job", "w", "async"));
    let message = await page.next();
    while (message.event !== "rows") message = await page.next();
    await page.close();
    await eventually(async () => {
      const { clients } = await (await fetch(`${server.url}api/health`)).json();
      return clients === 0;
    }, { timeoutMs: 20_000, what: "the server noticed that the page was closed" });
    const headers = { "x-naq-dashboard": "1", origin: new URL(server.url).origin };
    const body = JSON.stringify({ jobId: "job" });
    const answer = await fetch(`${server.url}api/delete`, { method: "POST", headers, body });
    assert.deepEqual(await answer.json(), { count: 1 });
    await assert.rejects(
      () => serveDashboard(handler, { port: server.port }),
      { name: "JobEventError", code: "ERR_UNAVAILABLE" },
    );
    const { request } = await import("node:http");
    const status = await new Promise((resolve, reject) => {
      request(server.url, { headers: { host: "evil.test" } }, (response) => {
        response.resume();
        resolve(response.statusCode);
      }).once("error", reject).end();
    });
    assert.equal(status, 421);
  });
});
