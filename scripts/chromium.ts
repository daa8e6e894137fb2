/** Finds a Chromium for tests and pictures, or installs Debian's. */

import process from "node:process";
import { type Browser, chromium } from "playwright-core";
import { type Environment, poll, run, which } from "./nats/run.ts";
import { currentRuntime } from "./runtimes.ts";

const NAMES = ["chromium", "chromium-browser", "google-chrome", "google-chrome-stable"];

const REMEDY = "Install it (Debian: apt-get install chromium; macOS: brew install chromium), set " +
  "NAQ_CHROMIUM to the path of one, or leave its tests out with NAQ_SKIP_BROWSER=1";

/** The reason to skip a test that needs a browser, for the `skip` option of `node:test`. */
export function browserSkipReason(env: Environment = process.env): string | false {
  // The page is the same whatever drives the browser.
  const isNode = currentRuntime() === "node";
  if (isNode && env["NAQ_SKIP_BROWSER"] !== "1") return false;
  const reason = isNode ? "NAQ_SKIP_BROWSER=1 is set" : "the browser is driven from Node only";
  console.warn(`Tests that need a browser are SKIPPED: ${reason}`);
  return reason;
}

/**
 * The path of a Chromium: that of `NAQ_CHROMIUM`, or one on the `PATH`, or Debian's, which root
 * installs.
 */
export async function findChromium(env: Environment = process.env): Promise<string> {
  const find = () => NAMES.map((name) => which(name, env)).find((path) => path !== undefined);
  const found = env["NAQ_CHROMIUM"] || find();
  if (found !== undefined) return found;
  const apt = which("apt-get", env);
  if (apt === undefined || process.getuid?.() !== 0) {
    throw new Error(`There is no Chromium on the PATH. ${REMEDY}`);
  }
  console.error("Installing Debian's chromium; this takes about a minute");
  await install(apt, env);
  const installed = find();
  if (installed === undefined) throw new Error(`apt-get installed no Chromium. ${REMEDY}`);
  return installed;
}

/** Installs, after an update where the package lists want one. */
async function install(apt: string, env: Environment): Promise<void> {
  const options = { env: { ...env, DEBIAN_FRONTEND: "noninteractive" } };
  const args = ["-o", "DPkg::Lock::Timeout=120", "install", "-y", "--no-install-recommends"];
  const packages = ["chromium", "fonts-inter", "fonts-jetbrains-mono"];
  try {
    await run(apt, [...args, ...packages], options);
  } catch {
    // Somebody else may be updating, too: there is a lock, and no waiting for it.
    await poll(
      "apt-get update",
      () => run(apt, ["update"], options).catch(() => undefined),
      { timeoutMs: 120_000, intervalMs: 1000 },
    );
    await run(apt, [...args, ...packages], options);
  }
}

/** Starts one without a window. Whoever starts it closes it. */
export async function startChromium(): Promise<Browser> {
  return await chromium.launch({
    executablePath: await findChromium(),
    // Its own sandbox needs rights that a container does not have; the pages are ours.
    args: ["--no-sandbox", "--disable-dev-shm-usage", "--force-color-profile=srgb"],
  });
}
