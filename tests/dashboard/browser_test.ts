/// <reference lib="dom" />
import assert from "node:assert/strict";
import { after, describe, it } from "node:test";
import type { Page } from "playwright-core";
import { browserSkipReason, startChromium } from "../../scripts/chromium.ts";
import { sampleHistory } from "../../scripts/dashboard/sample_events.ts";
import { JobEvent } from "../../src/gen/factories.ts";
import { JOB_EVENT_TYPES } from "../../src/gen/types.ts";
import type { MemoryJobEventStorage } from "../../src/storage/memory.ts";
import { eventually } from "../helpers.ts";
import { play, type Scene, type SceneOptions, TIMEOUT_MS } from "./browser.ts";

const skip = browserSkipReason();
const browser = skip === false ? await startChromium() : undefined;

const PAGES = ["", "feed", "job?id=report-1", "failures", "dead-letters", "storage"];

function scene(
  title: string,
  body: (scene: Scene) => Promise<void>,
  options: Partial<SceneOptions> = {},
): void {
  const all = { browser: {}, ...options };
  it(title, { timeout: TIMEOUT_MS }, () => play(browser!, all, body));
}

/** Waits until a text is somewhere on the page. */
async function see(page: Page, text: string | RegExp): Promise<void> {
  await page.getByText(text).first().waitFor();
}

/** The jobs that the feed shows, the newest first. */
function jobsOf(page: Page): Promise<string[]> {
  return page.locator("a.row .id").allTextContents();
}

async function seeJobs(page: Page, jobs: readonly string[]): Promise<void> {
  const wanted = jobs.join();
  await eventually(async () => (await jobsOf(page)).join() === wanted, {
    timeoutMs: 20_000,
    what: `the feed shows ${wanted}`,
  }).catch(async (cause) => {
    throw new Error(`The feed shows ${await jobsOf(page)}`, { cause });
  });
}

const started = (job: string) => JobEvent.started(job, "w-1", "async");

async function makeLetter(storage: MemoryJobEventStorage): Promise<void> {
  await using member = storage.consumeEvents({ consumerName: "group", eventType: "failed" });
  for await (const delivery of member) {
    await delivery.deadLetter(delivery.event.errorMessage ?? "no reason");
    return;
  }
}

describe("the dashboard in Chromium", { skip, timeout: 5 * TIMEOUT_MS }, () => {
  after(() => browser?.close());

  scene("the overview follows what is stored", async ({ storage, page, visit }) => {
    await visit("");
    await see(page, "Nothing has happened of late");
    await storage.storeEvents([
      JobEvent.enqueued("a", "mail"),
      JobEvent.started("a", "w-1", "async"),
      JobEvent.started("b", "w-2", "async"),
      JobEvent.completed("a", "w-1", 120),
    ]);
    const tile = (label: string) => page.locator(".tile", { hasText: label }).locator(".value");
    const value = async (label: string, wanted: string) => {
      await eventually(async () => await tile(label).textContent() === wanted, {
        timeoutMs: 20_000,
        what: `${label} is ${wanted}`,
      });
    };
    await value("In flight", "1");
    await value("Duration, p95", "120 ms");
    await storage.storeEvent(JobEvent.failed("b", "w-2", new Error("no"), 10));
    await value("In flight", "0");
    assert.equal(await page.locator(".chart canvas").count(), 2);
    await page.getByRole("button", { name: "24 h" }).click();
    await page.getByRole("link", { name: "w-2" }).click();
    await seeJobs(page, ["b", "b"]);
  });

  scene("the feed is live, filters, and has its filters in the URL", async (stage) => {
    const { storage, page, visit } = stage;
    await storage.storeEvents([started("one"), JobEvent.enqueued("two", "mail")]);
    await visit("feed");
    await seeJobs(page, ["two", "one"]);
    await storage.storeEvent(started("three"));
    await seeJobs(page, ["three", "two", "one"]);
    await page.getByRole("textbox", { name: "Queue" }).fill("mail");
    await page.waitForURL(/feed\?queue=mail$/);
    await seeJobs(page, ["two"]);
    await storage.storeEvents([started("other"), JobEvent.enqueued("four", "mail")]);
    await seeJobs(page, ["four", "two"]);
    await page.locator("summary").click();
    await page.getByRole("checkbox", { name: "started", exact: true }).check();
    await page.waitForURL(/queue=mail&type=started$/);
    await see(page, "No event matches");
    await page.keyboard.press("Escape");
    await page.getByRole("button", { name: "Clear" }).click();
    await seeJobs(page, ["four", "other", "three", "two", "one"]);
    await page.getByRole("button", { name: "Pause" }).click();
    await storage.storeEvent(started("five"));
    await page.getByRole("button", { name: "1 new" }).click();
    await seeJobs(page, ["five", "four", "other", "three", "two", "one"]);
    await visit("feed?type=enqueued&job=two");
    await seeJobs(page, ["two"]);
  });

  scene("a lost connection is said, and what was missed comes once", async (stage) => {
    const { storage, page, visit, stop, restart } = stage;
    await storage.storeEvents([started("one")]);
    await visit("feed");
    await seeJobs(page, ["one"]);
    await see(page, "Live");
    await stop();
    await see(page, "The connection is lost.");
    await storage.storeEvents([started("two"), started("three")]);
    await restart();
    await seeJobs(page, ["three", "two", "one"]);
    await page.getByRole("alert").waitFor({ state: "detached" });
    await storage.storeEvent(started("four"));
    await seeJobs(page, ["four", "three", "two", "one"]);
  });

  const allowed = { allowActions: true, authorize: () => true };
  scene("nothing from an event is ever HTML", async ({ storage, page, visit }) => {
    const evil = `"'></title></textarea><script>alert(1)</script><img src=x onerror=alert(2)>`;
    const extras = {
      queueName: evil,
      workerType: evil,
      message: evil,
      tags: { [evil]: evil },
      details: { [evil]: [evil, { [evil]: evil }] },
      metadata: { [evil]: evil, traceparent: evil },
    };
    const error = Object.assign(new Error(evil), { name: evil });
    const events = JOB_EVENT_TYPES.map((eventType) =>
      JobEvent.create({
        jobId: evil,
        eventType,
        workerId: evil,
        errorType: evil,
        errorMessage: evil,
        ...extras,
      })
    );
    await storage.storeEvents([JobEvent.failed(evil, evil, error, 5, extras), ...events]);
    await makeLetter(storage);
    const query = `id=${encodeURIComponent(evil)}`;
    for (const path of ["", "feed", `job?${query}`, "failures", "dead-letters", "storage"]) {
      await visit(path);
      if (path !== "storage") await see(page, evil);
      if (path.startsWith("job")) {
        for (const summary of await page.locator(".event summary").all()) await summary.click();
        await page.locator(".json").last().waitFor();
      }
      const made = await page.evaluate(() => ({
        scripts: document.querySelectorAll("script").length,
        images: document.querySelectorAll("img, iframe, object, embed").length,
        handlers: document.querySelectorAll("[onerror], [onclick], [onload]").length,
      }));
      assert.deepEqual(made, { scripts: 1, images: 0, handlers: 0 }, path);
    }
    await page.getByLabel("Search").fill("<script>");
    await page.getByRole("option").first().waitFor();
    await page.keyboard.press("Enter");
    await see(page, evil);
  }, allowed);

  scene("200,000 events stay smooth", async ({ storage, page, visit }) => {
    await storage.storeEvent(JobEvent.failed("oldest", "w", new Error("a needle"), 5));
    for (let batch = 0; batch < 20; batch++) {
      await storage.storeEvents(
        Array.from({ length: 10_000 }, (_, at) => started(`job-${batch * 10_000 + at}`)),
      );
    }
    await visit("");
    // They are read while others use the machine, too.
    await page.getByText("200,000 events").waitFor({ timeout: TIMEOUT_MS });
    await visit("feed");
    await see(page, "job-199999");
    const list = page.locator(".virtual");
    for (let times = 0; times < 6; times++) {
      await list.evaluate((element) => element.scrollTo({ top: element.scrollHeight }));
      const nodes = await page.locator("a.row").count();
      assert.ok(nodes < 100, `${nodes} rows are in the page`);
      const shown = 500 * (times + 2);
      await see(page, `${shown.toLocaleString("en")} shown`);
    }
    assert.ok((await jobsOf(page)).every((job) => Number(job.slice(4)) < 200_000 - 2900));
    // A burst arrives while somebody reads further down: nothing moves.
    const before = await jobsOf(page);
    await storage.storeEvents(Array.from({ length: 5000 }, (_, at) => started(`new-${at}`)));
    await page.getByRole("button", { name: "5,000 new" }).waitFor();
    assert.deepEqual(await jobsOf(page), before);
    await page.getByRole("button", { name: "5,000 new" }).click();
    await see(page, "new-4999");
    await visit("job?id=job-7");
    await see(page, "Job started on async worker w-1");
    await visit("feed?error=needle");
    await page.getByText("Error: a needle").waitFor({ timeout: TIMEOUT_MS });
  });

  scene("everything is reached from the keyboard", async ({ storage, page, visit }) => {
    await storage.storeEvents([started("report-1"), JobEvent.completed("report-1", "w-1", 5)]);
    await visit("");
    await see(page, "Overview");
    await page.keyboard.press("g");
    await page.keyboard.press("f");
    await seeJobs(page, ["report-1", "report-1"]);
    await page.keyboard.press("j");
    await page.keyboard.press("j");
    await page.keyboard.press("Enter");
    await page.waitForURL(/job\?id=report-1&at=1$/);
    await page.locator(".event.picked").waitFor();
    await page.keyboard.press("g");
    await page.keyboard.press("x");
    await see(page, "Nothing failed");
    await page.keyboard.press("/");
    await page.keyboard.type("report");
    await page.getByRole("option", { name: "report-1" }).waitFor();
    await page.keyboard.press("Enter");
    await page.waitForURL(/job\?id=report-1$/);
    await page.keyboard.press("?");
    await page.getByRole("dialog", { name: "Keys" }).waitFor();
  });

  scene("letters are replayed, and a job is deleted, after a question", async (stage) => {
    const { storage, page, visit } = stage;
    await storage.storeEvent(JobEvent.failed("job", "w", new Error("no address"), 5));
    await makeLetter(storage);
    await visit("dead-letters");
    await page.getByRole("checkbox", { name: "All letters" }).check();
    await page.getByRole("button", { name: "Replay" }).click();
    const dialog = page.getByRole("dialog");
    await dialog.getByRole("button", { name: "Replay" }).click();
    await see(page, "1 letter went back to their groups.");
    assert.equal((await storage.deadLetters.list()).length, 0);
    await visit("job?id=job");
    await page.getByRole("button", { name: "Delete events" }).click();
    await dialog.getByRole("button", { name: "Keep" }).click();
    await dialog.waitFor({ state: "hidden" });
    assert.equal(await storage.countEvents(), 1);
    await page.getByRole("button", { name: "Delete events" }).click();
    await dialog.getByRole("button", { name: "Delete events" }).click();
    await see(page, "Nothing is stored about this job");
    assert.equal(await storage.countEvents(), 0);
  }, allowed);

  for (const colorScheme of ["light", "dark"] as const) {
    scene(`${colorScheme}, every page can be read, on a phone too`, async (stage) => {
      const { storage, page, visit } = stage;
      await storage.storeEvents([
        ...sampleHistory(Date.now() / 1000, 1, 2),
        started("report-1"),
        JobEvent.failed("report-1", "w-1", new TypeError("x".repeat(500)), 5),
      ]);
      for (const path of PAGES) {
        await visit(path);
        await page.locator(".card, .list-frame a").first().waitFor();
        const width = await page.evaluate(() => document.documentElement.scrollWidth);
        assert.ok(width <= 390, `${path} is ${width} pixels wide`);
        const { worst, what } = await page.evaluate(worstContrast);
        assert.ok(worst >= 4.5, `${path}: "${what}" has a contrast of ${worst}`);
      }
    }, { browser: { colorScheme, viewport: { width: 390, height: 800 } } });
  }
});

/** The text whose colour is nearest to what is behind it. Runs in the page. */
function worstContrast(): { worst: number; what: string } {
  const canvas = new OffscreenCanvas(1, 1).getContext("2d", { willReadFrequently: true })!;
  const pixel = (color: string) => {
    canvas.clearRect(0, 0, 1, 1);
    canvas.fillStyle = color;
    canvas.fillRect(0, 0, 1, 1);
    return [...canvas.getImageData(0, 0, 1, 1).data] as [number, number, number, number];
  };
  const luminance = ([red, green, blue]: readonly number[]) => {
    const [r, g, b] = [red!, green!, blue!].map((value) => {
      const part = value / 255;
      return part <= 0.04045 ? part / 12.92 : ((part + 0.055) / 1.055) ** 2.4;
    });
    return 0.2126 * r! + 0.7152 * g! + 0.0722 * b!;
  };
  let worst = Infinity;
  let what = "";
  for (const element of document.querySelectorAll<HTMLElement>("body *")) {
    const text = [...element.childNodes].filter((node) => node.nodeType === 3)
      .map((node) => node.textContent).join("").trim();
    if (text === "" || element.closest("svg, button:disabled, .phase, .chart")) continue;
    let behind: HTMLElement | null = element;
    while (behind !== null && pixel(getComputedStyle(behind).backgroundColor)[3] < 255) {
      behind = behind.parentElement;
    }
    if (behind === null || element.getClientRects().length === 0) continue;
    const values = [
      luminance(pixel(getComputedStyle(element).color)),
      luminance(pixel(getComputedStyle(behind).backgroundColor)),
    ];
    const contrast = (Math.max(...values) + 0.05) / (Math.min(...values) + 0.05);
    if (contrast < worst) [worst, what] = [contrast, text.slice(0, 60)];
  }
  return { worst, what };
}
