/** `deno task screenshots`: takes the pictures of the dashboard in `docs`. */

import type { Browser } from "playwright-core";
import { JobEvent } from "../src/gen/factories.ts";
import { createDashboardHandler } from "../src/dashboard/mod.ts";
import { serveDashboard } from "../src/dashboard/serve.ts";
import { MemoryJobEventStorage } from "../src/storage/memory.ts";
import { startChromium } from "./chromium.ts";
import { sampleHistory, sampleJob } from "./dashboard/sample_events.ts";
import { ROOT } from "./runtimes.ts";

const HISTORY_MINUTES = 50;
const JOBS_PER_SECOND = 3;

interface Picture {
  readonly name: string;
  readonly path: string;
  readonly colorScheme: "light" | "dark";
  readonly width: number;
  readonly height: number;
  /** A text that is there once the page is ready. */
  readonly ready: string | RegExp;
}

/** A job with retries, which has a timeline worth looking at. */
const JOB = "invoice-20418";

const PICTURES: readonly Picture[] = [
  {
    name: "dashboard",
    path: "",
    colorScheme: "light",
    width: 1200,
    height: 800,
    ready: /events since/,
  },
  {
    name: "dashboard-job",
    path: `job?id=${JOB}`,
    colorScheme: "dark",
    width: 1200,
    height: 800,
    ready: "Timeline",
  },
  {
    name: "dashboard-failures",
    path: "failures",
    colorScheme: "light",
    width: 1200,
    height: 640,
    ready: /events since/,
  },
  {
    name: "dashboard-feed",
    path: "feed",
    colorScheme: "dark",
    width: 390,
    height: 800,
    ready: "newest first",
  },
];

function interestingJob(at: number): JobEvent[] {
  const tags = { region: "fra" };
  const queueName = "checkout";
  const error = Object.assign(new Error("connect ETIMEDOUT 10.3.0.17:443"), {
    name: "PaymentGatewayError",
  });
  const details = { order: 20418, amount: "149.90 EUR", attempt: 1 };
  return [
    JobEvent.enqueued(JOB, queueName, { timestamp: at, tags, priority: 5 }),
    JobEvent.started(JOB, "fra-2", "async", { timestamp: at + 0.42, queueName }),
    JobEvent.failed(JOB, "fra-2", error, 1510, { timestamp: at + 1.93, queueName, details }),
    JobEvent.retryScheduled(JOB, 1, 1000, { timestamp: at + 1.94, queueName }),
    JobEvent.retryStarted(JOB, "fra-1", 1, { timestamp: at + 2.98, queueName }),
    JobEvent.completed(JOB, "fra-1", 870, { timestamp: at + 3.85, queueName, details }),
  ];
}

async function take(browser: Browser, url: string, picture: Picture): Promise<void> {
  const { name, path, colorScheme, width, height, ready } = picture;
  const page = await browser.newPage({ colorScheme, viewport: { width, height } });
  await page.goto(url + path);
  await page.getByText(ready).first().waitFor();
  // The charts and what comes live settle.
  await page.waitForTimeout(1500);
  const file = `docs/${name}.png`;
  await page.screenshot({ path: ROOT + file });
  await page.close();
  console.log(file);
}

async function main(): Promise<void> {
  await using storage = new MemoryJobEventStorage();
  const now = Date.now() / 1000;
  await storage.storeEvents(sampleHistory(now, HISTORY_MINUTES, JOBS_PER_SECOND));
  await storage.storeEvents(interestingJob(now - 20));
  await using handler = createDashboardHandler(storage);
  await using server = await serveDashboard(handler, { port: 0 });
  const browser = await startChromium();
  let number = 1_000_000;
  const live = setInterval(() => {
    storage.storeEvents(sampleJob(number++, Date.now() / 1000 - 1)).catch(() => {});
  }, 1000 / JOBS_PER_SECOND);
  try {
    for (const picture of PICTURES) await take(browser, server.url, picture);
  } finally {
    clearInterval(live);
    await browser.close();
  }
}

await main();
