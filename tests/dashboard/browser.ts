/// <reference lib="dom" />
/** A dashboard in a real browser. */

import assert from "node:assert/strict";
import type { Browser, BrowserContextOptions, Page } from "playwright-core";
import { createDashboardHandler, type DashboardOptions } from "../../src/dashboard/mod.ts";
import { type DashboardServer, serveDashboard } from "../../src/dashboard/serve.ts";
import { MemoryJobEventStorage } from "../../src/storage/memory.ts";

/** Everything is tried below a path, where whatever forgets about it fails. */
const BASE_PATH = "/ops/jobs/";

/** Pages are slow when the machine is busy. */
export const TIMEOUT_MS = 120_000;

/** A storage, what serves its dashboard, and a page that looks at it. */
export interface Scene {
  readonly storage: MemoryJobEventStorage;
  readonly page: Page;
  /** Goes to a page of the dashboard. */
  readonly visit: (path: string) => Promise<void>;
  /** Ends the server, as a crash does. */
  readonly stop: () => Promise<void>;
  /** Serves again, on the same port. */
  readonly restart: () => Promise<void>;
}

/** What a scene needs. */
export interface SceneOptions extends DashboardOptions {
  readonly browser: BrowserContextOptions;
}

/** Runs a scene. Whatever the page complains about, or asks another host for, fails it. */
export async function play(
  browser: Browser,
  { browser: contextOptions, ...options }: SceneOptions,
  body: (scene: Scene) => Promise<void>,
): Promise<void> {
  await using storage = new MemoryJobEventStorage();
  await using handler = createDashboardHandler(storage, { basePath: BASE_PATH, ...options });
  let server: DashboardServer = await serveDashboard(handler, { port: 0 });
  const { port } = server;
  const context = await browser.newContext(contextOptions);
  context.setDefaultTimeout(20_000);
  const page = await context.newPage();
  const complaints: string[] = [];
  let isAway = false;
  page.on("console", (message) => {
    const isExpected = isAway && message.text().includes("net::ERR_");
    if (!isExpected && message.type() !== "log") complaints.push(message.text());
  });
  page.on("pageerror", (error) => complaints.push(String(error)));
  page.on("dialog", (dialog) => {
    complaints.push(`A dialog: ${dialog.message()}`);
    dialog.dismiss().catch(() => {});
  });
  page.on("request", (request) => {
    if (!request.url().startsWith(`${server.url.slice(0, -1)}${BASE_PATH}`)) {
      complaints.push(`A request to ${request.url()}`);
    }
  });
  await page.addInitScript(() => {
    document.addEventListener(
      "securitypolicyviolation",
      (event) => console.error(`Policy: ${event.violatedDirective} ${event.blockedURI}`),
    );
  });
  try {
    await body({
      storage,
      page,
      visit: async (path) => {
        await page.goto(`${server.url.slice(0, -1)}${BASE_PATH}${path}`);
      },
      stop: async () => {
        isAway = true;
        await server.close();
      },
      restart: async () => {
        server = await serveDashboard(handler, { port });
      },
    });
    assert.deepEqual(complaints, []);
  } finally {
    await context.close();
    await server.close();
  }
}
