/** Finds a Chromium for tests and pictures, or installs Debian's. */

import process from "node:process";
import { type Browser, chromium } from "playwright-core";
import { type Environment, run, which } from "./nats/run.ts";

const NAMES = ["chromium", "chromium-browser", "google-chrome", "google-chrome-stable"];

const REMEDY =
  "Install it (Debian: apt-get install chromium; macOS: brew install chromium) or set " +
  "NAQ_CHROMIUM to the path of one";

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
  const options = { env: { ...env, DEBIAN_FRONTEND: "noninteractive" } };
  await run(apt, ["update"], options);
  await run(apt, ["install", "-y", "--no-install-recommends", "chromium", "fonts-inter"], options);
  const installed = find();
  if (installed === undefined) throw new Error(`apt-get installed no Chromium. ${REMEDY}`);
  return installed;
}

/** Starts one without a window. Whoever starts it closes it. */
export async function startChromium(): Promise<Browser> {
  return await chromium.launch({
    executablePath: await findChromium(),
    // Its own sandbox needs rights that a container does not have; the pages are ours.
    args: ["--no-sandbox", "--disable-dev-shm-usage", "--force-color-profile=srgb"],
  });
}
