/**
 * How long does it take from a stored event to pixels?
 *
 * Method: Chromium shows the feed of a dashboard over memory, served by node:http. An event is
 * stored; the page notes the time after the frame that shows it. Both clocks are this machine's.
 * The last row is a reader of `streamEvents()` in this process, without server or browser. The
 * lines below have what a browser loads.
 */

import { gzipSync } from "node:zlib";
import { createDashboardHandler } from "../../src/dashboard/mod.ts";
import { ASSETS } from "../../src/dashboard/gen/assets.ts";
import { serveDashboard } from "../../src/dashboard/serve.ts";
import { JobEvent } from "../../src/gen/factories.ts";
import { MemoryJobEventStorage } from "../../src/storage/memory.ts";
import { startChromium } from "../chromium.ts";
import { bench } from "./timing.ts";

/** Longer than messages are apart after a burst, which the other row is, so that none waits. */
const PAUSE_MS = 500;

const now = () => performance.timeOrigin + performance.now();

const storage = new MemoryJobEventStorage();
await storage.storeEvents(
  Array.from({ length: 1000 }, (_, index) => JobEvent.started(`job-${index}`, "worker", "async")),
);
const handler = createDashboardHandler(storage);
const server = await serveDashboard(handler, { port: 0 });
const browser = await startChromium();
const page = await browser.newPage();

let seen = (_at: number): void => {};
await page.exposeFunction("seen", (at: number) => seen(at));
await page.goto(`${server.url}feed`);
await page.getByText("Live").waitFor();
await page.evaluate(`{
  let last = 0;
  new MutationObserver(() => {
    const seq = Number(document.querySelector("a.row")?.dataset.seq);
    if (seq <= last) return;
    last = seq;
    requestAnimationFrame(() => {
      const channel = new MessageChannel();
      // After the frame was drawn.
      channel.port1.onmessage = () => seen(performance.timeOrigin + performance.now());
      channel.port2.postMessage(0);
    });
  }).observe(document.querySelector(".virtual"), { childList: true, subtree: true });
}`);

const stream = storage.streamEvents();
await stream.ready;
const reader = stream[Symbol.asyncIterator]();

async function store(): Promise<number> {
  const begin = now();
  await storage.storeEvent(JobEvent.started("job", "worker", "async"));
  return begin;
}

async function toPage(): Promise<number> {
  await new Promise((resolve) => setTimeout(resolve, PAUSE_MS));
  const { promise, resolve } = Promise.withResolvers<number>();
  seen = resolve;
  const begin = await store();
  const end = await promise;
  await reader.next();
  return end - begin;
}

async function toReader(): Promise<number> {
  const next = reader.next();
  const begin = await store();
  await next;
  return now() - begin;
}

const sum = (once: () => Promise<number>) => async (count: number): Promise<number> => {
  let totalMs = 0;
  for (let times = 0; times < count; times++) totalMs += await once();
  return totalMs * 1e6;
};

await bench({
  title: "One stored event until it is seen",
  contenders: [
    { name: "in the page", round: sum(toPage) },
    { name: "by a reader of the stream", round: sum(toReader) },
  ],
  rounds: 10,
  notes: () => {
    const sizes = Object.entries(ASSETS).map(([name, { text }]) => {
      const gzipped = (gzipSync(text).length / 1000).toFixed(1);
      return `${name}: ${gzipped} kB gzipped, ${(text.length / 1000).toFixed(1)} kB`;
    });
    return Promise.resolve(sizes);
  },
});

await stream[Symbol.asyncDispose]();
await browser.close();
await server.close();
await handler.close();
await storage.close();
